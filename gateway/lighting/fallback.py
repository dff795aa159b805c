"""What a cabinet's own controller is to know, so that its lamps burn by night if the gateway itself goes silent. Pure.

Its astro table switches all its loops together: on when the first of them comes on by the plan, off when the last goes off.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from gateway.lighting.places import CabinetPlace, Readings
from lampwell.assets import Device
from lampwell.lighting import Timetable, switches
from lampwell.profiles.model import Register

log = logging.getLogger(__name__)

REMOTE, TABLE = 2, 1
SETTINGS = ("mode", "master_timeout", "latitude", "longitude", "on_offset", "off_offset")
TIMEOUT_S = 600
"""Of silence, then the device goes by its own table."""
LOCKED_TIMEOUT_S = 36_000
"""While people work on a loop, or a leakage is not cleared, its controller must not switch it on soon by itself."""
EVERY_S = 600.0
AGAIN_S = 10.0
"""What is in a hurry is not written again sooner: the read-back takes a moment."""
MOST_A_DAY = 8
"""Writes of one register: such memories wear out (unverified)."""
_MINUTE_MS, _PLACES = 60_000, 4


@dataclass(slots=True)
class Fallback:
    """Of one plan. ``_offsets`` by cabinet and night; ``_written`` counts writes by register and day; ``_reckoned``: when a night
    was reckoned last, for that takes some milliseconds a cabinet and need not be all in one round.
    """

    table: Timetable
    _offsets: dict[str, tuple[date, int, int]] = field(default_factory=dict)
    _written: Counter[tuple[str, str, date]] = field(default_factory=Counter)
    _due: dict[str, float] = field(default_factory=dict)
    _hurried: dict[str, float] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _reckoned: float = float("-inf")

    def due(
        self, place: CabinetPlace, readings: Readings, at: int | None, now: float, *, locked: bool
    ) -> list[tuple[Register, float]]:
        """What differs from what the device has, to be written: at most every ten minutes and some times a day. Only taking the
        device over and keeping a locked one dark wait for nothing. What is not known is left alone; ``at`` None: nor is the time.
        """
        hurry = self._at_once(place, readings, now, locked=locked)
        if at is None or now < self._due.get(place.device.id, float("-inf")):
            return hurry
        day = self.table.day(at)
        if self._offsets.get(place.device.id, (date.min,))[0] != day:
            if now == self._reckoned:
                return hurry
            self._reckoned = now
        wanted = {path: value for path, value in self._wanted(place, at).items() if self._may(place, path, day)}
        found = self._differing(place, readings, wanted)
        if found:
            self._due[place.device.id] = now + EVERY_S
            self._written.update((place.device.id, register.point.path, day) for register, _ in found)
        return [*found, *hurry]

    def unread(self, place: CabinetPlace, readings: Readings, now: float) -> list[int]:
        """Columns to be read now: after a start, the slow round that brings a cabinet's mode may be a minute away."""
        if readings.heard(place.device.id) == float("-inf") or "mode" not in place.columns:
            return []
        if _value(place, readings, "mode") is not None or now < self._asked.get(place.device.id, float("-inf")):
            return []
        self._asked[place.device.id] = now + AGAIN_S
        return [place.columns[path] for path in SETTINGS if path in place.columns]

    def _at_once(self, place: CabinetPlace, readings: Readings, now: float, *, locked: bool) -> list[tuple[Register, float]]:
        if now < self._hurried.get(place.device.id, float("-inf")):
            return []
        found = self._differing(place, readings, {"master_timeout": float(LOCKED_TIMEOUT_S if locked else TIMEOUT_S)})
        if _value(place, readings, "mode") == TABLE and (mode := place.register("mode")) is not None:
            found.append((mode, REMOTE))
        if found:
            self._hurried[place.device.id] = now + AGAIN_S
        return found

    def _may(self, place: CabinetPlace, path: str, day: date) -> bool:
        return self._written[place.device.id, path, day] < MOST_A_DAY

    def _wanted(self, place: CabinetPlace, at: int) -> Mapping[str, float]:
        on, off = self._night(place, at)
        where = self.table.targets[place.loops[0].spec.id].place
        return {
            "latitude": round(where.latitude, _PLACES),
            "longitude": round(where.longitude, _PLACES),
            "on_offset": on,
            "off_offset": off,
        }

    def _night(self, place: CabinetPlace, at: int) -> tuple[int, int]:
        day = self.table.day(at)
        known = self._offsets.get(place.device.id)
        if known is None or known[0] != day:
            known = self._offsets[place.device.id] = (day, *_offsets(self.table, [loop.spec.id for loop in place.loops], at))
            self._written = Counter({key: count for key, count in self._written.items() if key[2] == day})
        return known[1], known[2]

    def _differing(self, place: CabinetPlace, readings: Readings, wanted: Mapping[str, float]) -> list[tuple[Register, float]]:
        found: list[tuple[Register, float]] = []
        for path, value in wanted.items():
            register, has = place.register(path), _value(place, readings, path)
            if register is None or has is None:
                continue
            allowed = _inside(register, value)
            if abs(has - allowed) > 0.6 * register.encoding.scale:
                found.append((register, allowed))
        return found


def give_back(device: Device, readings: Readings, now: float, given: dict[str, float]) -> tuple[Register, int] | None:
    """The register, and its column, by which a cabinet in remote mode is to go by its own table; None where that is not due.
    ``given``: when it was written last.
    """
    for position, register in enumerate(device.profile.registers):
        if register.point.path == "mode" and register.write is not None:
            if readings.value(device.id, position) != REMOTE or now < given.get(device.id, float("-inf")) + AGAIN_S:
                return None
            log.error("%s goes by its own table: this edge node can not light by a plan now", device.id)
            given[device.id] = now
            return register, position
    return None


def _offsets(table: Timetable, loops: Iterable[str], at: int) -> tuple[int, int]:
    """Minutes from sunset to the first switch-on and from sunrise to the last switch-off of this night; 0 where there is none."""
    ons, offs = [], []
    for loop in loops:
        place = table.targets[loop].place
        night = table.night(place, table.day(at))
        if night.sun.sunset is None or night.sun.sunrise is None:
            continue
        changes = list(switches(table, loop, night.start, night.end))
        ons += [one.at - night.sun.sunset for one in changes if one.was == 0][:1]
        offs += [one.at - night.sun.sunrise for one in changes if one.level == 0][-1:]
    return round(min(ons, default=0) / _MINUTE_MS), round(max(offs, default=0) / _MINUTE_MS)


def _inside(register: Register, value: float) -> float:
    """The nearest the device takes: a table a little off is better than none."""
    limits = register.write
    if limits is None:
        return value
    low = value if limits.low is None else max(limits.low, value)
    return low if limits.high is None else min(limits.high, low)


def _value(place: CabinetPlace, readings: Readings, path: str) -> float | None:
    position = place.columns.get(path)
    found = None if position is None else readings.value(place.device.id, position)
    return float(found) if isinstance(found, int | float) else None
