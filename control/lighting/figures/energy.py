"""kWh and CNY of loops by program, against what a baseline would have taken in the same hours. Pure.

A counter's rise is spread evenly over the time between its readings, cut at the hours of local time, priced by the tariff of each
hour, and put to the program that the plan in force had for that loop. The baseline is reckoned for those same hours and no
others, so that a gap makes neither side smaller than the other. Sums of loops and of periods side by side add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from control.lighting.figures.counters import Course, overlapping
from lampwell.lighting.figures import power_share
from lampwell.lighting.level import Timetable
from lampwell.lighting.night import Night, night, night_of
from lampwell.lighting.preview import HOUR_MS, daylight
from lampwell.lighting.sun import Place
from lampwell.lighting.switches import switches
from lampwell.lighting.tariff import Tariff, tariff_of
from lampwell.times import local

Profile = Sequence[tuple[int, float]]
"""(since, share of rated power), in order: what a baseline does in one night."""


class Which(NamedTuple):
    """What a sum is of: a program ("" where none is known), before or after the change of lamps."""

    program: str
    after: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """``bridged_kwh``: of ``kwh``, what rose while nobody heard the counter. ``dark_h``: hours between sunset and sunrise that
    the energy is known of, times loops. ``baseline_*``: what the baseline would have taken in the same time; ``compared_*``: of
    ``kwh`` and ``cny``, what a baseline is known for (not where rated watts are not known).
    """

    kwh: float = 0.0
    bridged_kwh: float = 0.0
    cny: float = 0.0
    dark_h: float = 0.0
    baseline_kwh: float = 0.0
    baseline_cny: float = 0.0
    compared_kwh: float = 0.0
    compared_cny: float = 0.0

    @property
    def saved(self) -> float | None:
        """Share of the baseline's energy; None without a baseline."""
        return 1 - self.compared_kwh / self.baseline_kwh if self.baseline_kwh else None

    @property
    def saved_cny(self) -> float | None:
        """Share of its money; None without a tariff."""
        return 1 - self.compared_cny / self.baseline_cny if self.baseline_cny else None

    @property
    def kw(self) -> float | None:
        """Mean power of a loop in an hour of darkness: what stays comparable where nights are longer, or more was heard."""
        return self.kwh / self.dark_h if self.dark_h else None


def total(parts: Iterable[Energy]) -> Energy:
    """Several together."""
    every = list(parts)
    return Energy(**{one.name: sum(getattr(each, one.name) for each in every) for one in fields(Energy)})


@dataclass(slots=True, kw_only=True)
class Ground:
    """What the reckoning of loops rests on. ``baseline``: a plan, None = full power from sunset to sunrise; ``led``: from when on
    it is after the change, None = there was none.
    """

    zone: ZoneInfo
    tariffs: Sequence[Tariff] = ()
    baseline: Timetable | None = None
    led: int | None = None
    _profiles: dict[tuple[str, date], Profile] = field(default_factory=dict)
    _nights: dict[tuple[Place, date], Night] = field(default_factory=dict)

    def night(self, where: Place, at: int) -> Night:
        """The night that an instant belongs to."""
        key = where, night_of(at, self.zone)
        if key not in self._nights:
            self._nights[key] = night(key[1], self.zone, where)
        return self._nights[key]

    def profile(self, loop: str, where: Place, at: int) -> Profile:
        """What the baseline does with a loop in that night; a loop that its plan does not have is lit from sunset to sunrise."""
        one = self.night(where, at)
        key = loop, one.day
        if key not in self._profiles:
            self._profiles[key] = _by_plan(self.baseline, loop, one) if _has(self.baseline, loop) else full(one)
        return self._profiles[key]

    def price(self, at: int) -> float:
        """CNY per kWh in the hour of an instant."""
        here = local(at, self.zone)
        return tariff_of(self.tariffs, here.date()).hours[here.hour]


def full(one: Night) -> Profile:
    """Full power from sunset to sunrise."""
    rise, fall = daylight(one)
    return [(one.start, 0.0), (fall, 1.0), (rise, 0.0)]


def _has(table: Timetable | None, loop: str) -> bool:
    return table is not None and loop in table.targets


def _by_plan(table: Timetable | None, loop: str, one: Night) -> Profile:
    assert table is not None, "asked for before"
    begin = power_share(table.settled(loop, one.start).level)
    return [(one.start, begin), *((each.at, power_share(each.level)) for each in switches(table, loop, one.start + 1, one.end))]


def hours_at(profile: Profile, start: int, end: int) -> float:
    """Equivalent full-power hours of a profile in [start, end)."""
    bounds = [*profile, (end, 0.0)]
    return sum(share * max(0, min(end, b) - max(start, a)) for (a, share), (b, _) in pairwise(bounds)) / HOUR_MS


def of_loop(
    ground: Ground,
    loop: str,
    where: Place,
    rated_kw: Callable[[date], float | None],
    counter: Course,
    span: tuple[int, int],
    program_at: Callable[[str, int], str],
) -> Mapping[Which, Energy]:
    """One loop in [start, end). ``rated_kw``: its rated power in a night; ``program_at`` (loop, instant) names its program."""
    sums: dict[Which, list[Energy]] = defaultdict(list)
    for piece in overlapping(counter, *span):
        for start, end in _slices(max(piece.start, span[0]), min(piece.end, span[1]), ground):
            hour = _hour(start, ground.zone)
            kwh, price = piece.within(start, end), ground.price(start)
            kw = rated_kw(night_of(start, ground.zone))
            base = (kw or 0.0) * hours_at(ground.profile(loop, where, start), start, end)
            which = Which(program_at(loop, hour), ground.led is not None and start >= ground.led)
            sums[which].append(
                Energy(
                    kwh=kwh,
                    bridged_kwh=kwh if piece.bridged else 0.0,
                    cny=kwh * price,
                    dark_h=hours_at(full(ground.night(where, start)), start, end),
                    baseline_kwh=base,
                    baseline_cny=base * price,
                    compared_kwh=0.0 if kw is None else kwh,
                    compared_cny=0.0 if kw is None else kwh * price,
                )
            )
    return {which: total(parts) for which, parts in sums.items()}


def _slices(start: int, end: int, ground: Ground) -> Iterator[tuple[int, int]]:
    """Cut at the hours of local time, and at the change of lamps."""
    at = start
    while at < end:
        until = min(end, _hour(at, ground.zone) + HOUR_MS)
        if ground.led is not None and at < ground.led < until:
            until = ground.led
        yield at, until
        at = until


def _hour(at: int, zone: ZoneInfo) -> int:
    """When the local hour of an instant began."""
    here = local(at, zone)
    return at - (here.minute * 60_000 + here.second * 1000 + here.microsecond // 1000)


def program_of(table: Timetable, loop: str, at: int) -> str:
    """The program that a plan has for a loop at an instant: the festival's while that is active. "" = the default, lamps on."""
    one = table.resolved(table.targets[loop])
    day = table.day(at)
    if one.festivals:
        feast = table.tracks(one.festivals, one.place, day, festival=True)
        if feast is not None and feast.pieces[feast.number(at)].active:
            return feast.program.id
    usual = table.tracks(one.calendar, one.place, day, festival=False)
    return usual.program.id if usual is not None else ""
