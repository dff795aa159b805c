"""The level that should hold at an instant, and why. Desired state, not events: nothing here remembers what it said before.

A ``Timetable`` is a plan made ready to be asked; it keeps the nights it has reckoned, which changes no answer.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lampwell.lighting import saying
from lampwell.lighting.calendar import program_of
from lampwell.lighting.loops import group_level
from lampwell.lighting.model import FULL, OFF, Event, Layer, LuxRule, Moment, Period, Plan, Program, Rule, Target, Text
from lampwell.lighting.night import DAY, Night, night, night_of
from lampwell.lighting.program import Piece, last_level, track
from lampwell.lighting.standing import NOTHING, Standing
from lampwell.lighting.sun import MINUTE_MS, Place

FAIL_LIT = Program(
    id="",
    zh="默认（夜间全亮）",
    en="default (on by night)",
    active=(Period(start=Moment(Event.SUNSET, 0), end=Moment(Event.SUNRISE, 0)),),
    level=FULL,
)
"""What holds where no calendar says anything: lamps on while the sun is down (TALQ's defaultLightState, but by night)."""
MOST_KEPT = 20_000
"""Nights kept ready; a county of 1,000 places needs two a place."""


class Held(NamedTuple):
    """The level in percent, why it holds, and whose word it is."""

    level: int
    why: Text
    layer: Layer


class Settled(NamedTuple):
    """As ``Held``, when ramps are over: since when it counts and how many seconds the way there takes."""

    level: int
    why: Text
    layer: Layer
    since: int
    ramp_s: int


class NoTarget(KeyError):
    """The plan has no such loop or lamp."""


class Tracks:
    """One program of one night at one place, with the sentences of its pieces once they were asked for."""

    __slots__ = ("_said", "festival", "night", "pieces", "program", "rule", "starts")

    def __init__(self, program: Program, rule: Rule | None, night: Night, carried: int | None, *, festival: bool) -> None:
        self.program, self.rule, self.night, self.festival = program, rule, night, festival
        self.pieces = track(program, night, carried)
        self.starts = [piece.start for piece in self.pieces]
        self._said: dict[int, Text] = {}

    def number(self, at: int) -> int:
        """Which piece holds."""
        return bisect_right(self.starts, at) - 1

    def why(self, number: int) -> Text:
        """Its sentence."""
        if number not in self._said:
            piece = self.pieces[number]
            self._said[number] = saying.of_piece(self.program, self.rule, piece, self.night, festival=self.festival)
        return self._said[number]


class Timetable:
    """Answers for one plan. Instants are epoch ms."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.zone = ZoneInfo(plan.time_zone)
        self.programs = {one.id: one for one in plan.programs}
        self.calendars = {one.id: one for one in plan.calendars}
        self.targets = {one.id: one for one in plan.targets}
        self.loop_maps = {one.id: one for one in plan.loop_maps}
        self._map_names = {one.id: Text(zh=one.zh, en=one.en) for one in plan.loop_maps}
        self.lux = {one.id: one for one in plan.lux}
        self._day: tuple[int, int, date] = (0, 0, date.min)
        self._nights: dict[tuple[Place, date], Night] = {}
        self._tracks: dict[tuple[str, Place, date, bool], Tracks | None] = {}

    # -- what people ask ---------------------------------------------------------------------------------------------------

    def level_at(self, target: str, at: int, standing: Standing = NOTHING) -> Held:
        """The level of a loop or lamp, on its way where it ramps. NoTarget."""
        now = self.settled(target, at, standing)
        ended = standing.just_ended(_names(self.targets[target]), at)
        since, ramp_s = (ended.end or 0, ended.ramp_back_s) if ended and now.layer < Layer.LEASE else (now.since, now.ramp_s)
        if at >= since + ramp_s * 1000:
            return Held(now.level, now.why, now.layer)
        before = self.settled(target, since - 1, standing).level
        if OFF in (before, now.level):  # a contactor does not ramp
            return Held(now.level, now.why, now.layer)
        share = (at - since) / (ramp_s * 1000)
        return Held(round(before + (now.level - before) * share), now.why, now.layer)

    def settled(self, target: str, at: int, standing: Standing = NOTHING) -> Settled:
        """The level once ramps are over. NoTarget."""
        one = self._target(target)
        if one.loop and not (one.calendar or one.festivals or standing.names(one.id)):
            return self.settled(one.loop, at, standing)
        own = self._own(one, at, standing)
        if not one.loop:
            return own
        loop = self.settled(one.loop, at, standing)
        if loop.level > OFF or own.level == OFF:
            return own
        return Settled(OFF, saying.of_dead_loop(one.loop, loop.why), loop.layer, loop.since, 0)

    # -- nights, for previews and switches ---------------------------------------------------------------------------------

    def day(self, at: int) -> date:
        """The night an instant belongs to."""
        first, end, day = self._day
        if not first <= at < end:
            day = night_of(at, self.zone)
            found = night(day, self.zone, Place(0.0, 0.0))
            self._day = found.start, found.end, day
        return day

    def night(self, place: Place, day: date) -> Night:
        """The night of a date at a place."""
        key = (place, day)
        found = self._nights.get(key)
        if found is None:
            self._bound()
            found = self._nights[key] = night(day, self.zone, place)
        return found

    def tracks(self, calendar: str, place: Place, day: date, *, festival: bool) -> Tracks | None:
        """The program that a calendar takes that night; where it takes none, the default, but None of festivals."""
        key = (calendar, place, day, festival)
        if key in self._tracks:
            return self._tracks[key]
        name, rule = program_of(self.calendars[calendar], day) if calendar else ("", None)
        found = None
        if name or not festival:
            program = self.programs[name] if name else FAIL_LIT
            carried = self._carried(calendar, day) if program.level is None else None
            found = Tracks(program, rule, self.night(place, day), carried, festival=festival)
        self._bound()
        self._tracks[key] = found
        return found

    def resolved(self, target: Target) -> Target:
        """The target whose calendars count: a lamp without its own takes its loop's."""
        return self.targets[target.loop] if target.loop and not target.calendar and not target.festivals else target

    # -- the layers, highest first -----------------------------------------------------------------------------------------

    def _own(self, one: Target, at: int, standing: Standing) -> Settled:
        day = self.day(at)
        over = standing.winner(_names(one), at)
        if over is not None:
            why = saying.of_override(over, self.night(one.place, day))
            return Settled(over.level, why, over.layer, over.start, over.ramp_s)
        source = self.resolved(one)
        return self._mapped_level(source, day, self._programs(source, day, at, standing))

    def _programs(self, one: Target, day: date, at: int, standing: Standing) -> Settled:
        feast = self.tracks(one.festivals, one.place, day, festival=True) if one.festivals else None
        if feast is not None and feast.pieces[number := feast.number(at)].active:
            return _settled(feast, number, Layer.FESTIVAL)
        usual = self.tracks(one.calendar, one.place, day, festival=False)
        assert usual is not None, "without a calendar the default holds"
        number = usual.number(at)
        if not usual.pieces[number].active and usual.program.lux:
            rule = self.lux[usual.program.lux]
            early = _by_sensors(usual, number, at, rule) if standing.dark.get(rule.id) else None
            if early is not None:
                return early
        return _settled(usual, number, Layer.CALENDAR if usual.program is not FAIL_LIT else Layer.DEFAULT)

    def _mapped_level(self, one: Target, day: date, now: Settled) -> Settled:
        if not one.loop_map or now.level == OFF:
            return now
        chosen = self.loop_maps[one.loop_map]
        level = group_level(chosen, one.group, now.level, day)
        if level == now.level:
            return now
        return now._replace(level=level, why=saying.of_group(now.why, self._map_names[chosen.id], one.group, level))

    def _carried(self, calendar: str, day: date) -> int | None:
        """The last level of the program of the night before; None where there was none."""
        name, _ = program_of(self.calendars[calendar], day - DAY)
        return last_level(self.programs[name]) if name else None

    def _target(self, target: str) -> Target:
        try:
            return self.targets[target]
        except KeyError:
            raise NoTarget(f"plan {self.plan.id!r} has no loop or lamp {target!r}") from None

    def _bound(self) -> None:
        if len(self._tracks) >= MOST_KEPT or len(self._nights) >= MOST_KEPT:
            self._tracks.clear()
            self._nights.clear()


def _names(one: Target) -> tuple[str, ...]:
    """An override of a loop is one of its lamps too; of several the highest layer wins, then the last issued."""
    return (one.id, one.loop) if one.loop else (one.id,)


def _settled(tracks: Tracks, number: int, layer: Layer) -> Settled:
    piece = tracks.pieces[number]
    return Settled(piece.level, tracks.why(number), layer, piece.start, piece.ramp_s)


def _by_sensors(tracks: Tracks, number: int, at: int, rule: LuxRule) -> Settled | None:
    """On early before the next switch-on, or still on after the last; never the other way round."""
    pieces, night = tracks.pieces, tracks.night
    after = next((piece for piece in pieces[number + 1 :] if piece.active), None)
    if after and after.level > OFF and at >= after.start - rule.advance_min * MINUTE_MS:
        return _lux(rule, after, night, after.start - rule.advance_min * MINUTE_MS, before=True)
    last = next((piece for piece in reversed(pieces[:number]) if piece.active), None)
    ended = pieces[number].start
    if last and last.level > OFF and at < ended + rule.delay_min * MINUTE_MS:
        return _lux(rule, last, night, ended, before=False)
    return None


def _lux(rule: LuxRule, piece: Piece, night: Night, since: int, *, before: bool) -> Settled:
    assert piece.edge is not None, "an active piece of a program with periods"
    edge = saying.moment_in(piece.edge.start if before else piece.edge.end, night)
    return Settled(piece.level, saying.of_lux(rule, edge, before=before), Layer.LUX, since, 0)
