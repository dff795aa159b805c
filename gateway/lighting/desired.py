"""The level every loop and lamp should have now. Pure; one reckoning for all targets that must agree anyway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.lighting.steady import Reckoned
from lampwell.lighting import Held, Override, Plan, Standing, Target, Text, Timetable
from lampwell.lighting.model import FULL, OFF, Layer
from lampwell.lighting.sun import CIVIL_ZENITH, Place, elevation

_LIGHT = Held(
    OFF, Text(zh="时钟不可信，光照传感器显示天亮：关灯", en="the time is not known, the light sensors say day: off"), Layer.LUX
)
_DARK = Held(
    FULL, Text(zh="时钟不可信，光照传感器显示天黑：开灯", en="the time is not known, the light sensors say night: on"), Layer.LUX
)
_UNSEEN = Held(
    FULL,
    Text(zh="时钟不可信，也没有光照传感器：开灯为安全状态", en="neither time nor light are known: on is safe"),
    Layer.DEFAULT,
)
_OFF_LOOP = Text(zh="所在回路已断电", en="its loop is off")


class Wanted(NamedTuple):
    """What should hold, why, whose word it is, and the override that says so ("" none)."""

    level: int
    why: Text
    layer: Layer
    by: str = ""


class Desired:
    """For one plan."""

    def __init__(self, plan: Plan) -> None:
        self.table = Timetable(plan)
        self.loops = tuple(one for one in plan.targets if not one.loop)
        self.lamps = tuple(one for one in plan.targets if one.loop)
        self._overrides: tuple[Override, ...] | None = None
        self._standing = Standing()
        self._set: frozenset[str] = frozenset()

    def at(
        self,
        time: Reckoned,
        overrides: tuple[Override, ...],
        dark: Mapping[str, bool | None],
        outside: bool | None = None,
    ) -> dict[str, Wanted]:
        """By target. ``dark``: what the sensors say by lux rule; ``outside``: where the time is not known, whether it is dark."""
        if overrides is not self._overrides:
            self._overrides, self._standing = overrides, Standing(overrides)
            self._set = frozenset(target for one in overrides for target in one.targets)
        self._standing.dark = dark
        found: dict[str, Wanted] = {}
        alike: dict[object, Wanted] = {}
        for loop in self.loops:
            found[loop.id] = self._one(loop, _kind_of_loop(loop), time, outside, alike)
        for lamp in self.lamps:
            wanted = self._one(lamp, (lamp.loop, lamp.calendar, lamp.festivals), time, outside, alike)
            found[lamp.id] = _on_its_loop(wanted, found[lamp.loop])
        return found

    def _one(self, target: Target, kind: object, time: Reckoned, outside: bool | None, alike: dict[object, Wanted]) -> Wanted:
        """Targets of one kind without an override of their own have one answer."""
        if target.id in self._set:
            return self._reckoned(target, time, outside)
        found = alike.get(kind)
        if found is None:
            found = alike[kind] = self._reckoned(target, time, outside)
        return found

    def _reckoned(self, target: Target, time: Reckoned, outside: bool | None) -> Wanted:
        names = (target.id, target.loop) if target.loop else (target.id,)
        over = self._standing.winner(names, time.at) if not self._set.isdisjoint(names) else None
        if over is None and not time.known:
            return Wanted(*_unknown(outside))
        held = self.table.level_at(target.id, time.at, self._standing)
        if held.level == OFF and held.layer < Layer.LEASE and time.margin_ms and _not_deep_night(target.place, time.at):
            held = next(self._on_nearby(target, time), held)
        return Wanted(*held, by=over.id if over and held.layer is over.layer else "")

    def _on_nearby(self, target: Target, time: Reckoned) -> Iterator[Held]:
        """The program's lamps would be on a little later or a little earlier: in doubt they are on now."""
        for at in (time.at + time.margin_ms, time.at - time.margin_ms):
            held = self.table.level_at(target.id, at, self._standing)
            if held.level > OFF and held.layer < Layer.LEASE:
                why = Text(zh=f"时钟有疑问，宁早勿晚：{held.why.zh}", en=f"the time is in doubt, to be safe: {held.why.en}")
                yield held._replace(why=why)


def _not_deep_night(place: Place, at: int) -> bool:
    """Day or twilight. Whatever is off by deep night is off on purpose, as half-night lamps are."""
    return elevation(place, at) > 90 - CIVIL_ZENITH


def _kind_of_loop(loop: Target) -> object:
    return loop.calendar, loop.festivals, loop.place, loop.loop_map, loop.group


def _on_its_loop(lamp: Wanted, loop: Wanted) -> Wanted:
    """A lamp on a dead loop is off. What stands above the programs on its loop holds for it too, if nothing does on itself."""
    if loop.level == OFF and not lamp.by:
        return Wanted(OFF, lamp.why if lamp.level == OFF else _OFF_LOOP, loop.layer, loop.by)
    if loop.level == OFF:
        return lamp if lamp.level == OFF and lamp.layer >= loop.layer else Wanted(OFF, _OFF_LOOP, loop.layer, loop.by)
    return loop if loop.layer >= Layer.LEASE > lamp.layer else lamp


def _unknown(outside: bool | None) -> Held:
    if outside is None:
        return _UNSEEN
    return _DARK if outside else _LIGHT
