"""Watches a running county and makes the View of each moment: counts, rates, levels, and the events between two moments.

It looks at values only: the gateways' status, how much is stored, and the newest reading of a series.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from deploy.chronicle import Chronicle, link_state
from deploy.view import Count, DutyView, Flow, Place, Rain, View
from gateway.status import GatewayStatus, LinkStatus, UnitStatus
from lampwell.assets import County, Device, DeviceKind
from lampwell.clock import Clock
from lampwell.points import Value
from lampwell.readings import BAD_FLAGS, Flag
from lampwell.times import shown_plain

Read = Callable[[str, str], tuple[int, Value | None, int] | None]
"""The newest reading of (device, point): time, value, flags; None if there is none yet."""

STALE_S = 900.0  # three heartbeats of the slowest level point: the edge would have reported it
RISE_MS, RATE_S, WELLS = 600_000, 5.0, 2
KINDS: Mapping[DeviceKind, tuple[str, str]] = {
    DeviceKind.CABINET: ("路灯控制箱", "cabinets"),
    DeviceKind.CONCENTRATOR: ("集中器", "lamp hubs"),
    DeviceKind.STATION: ("泵站", "stations"),
    DeviceKind.WELL: ("窨井", "wells"),
    DeviceKind.PONDING: ("积水点", "ponding"),
    DeviceKind.RAIN: ("雨量计", "rain gauges"),
    DeviceKind.RIVER: ("河道", "river"),
    DeviceKind.METER: ("电表", "meters"),
}
LEVELLED = (DeviceKind.PONDING, DeviceKind.RIVER, DeviceKind.STATION, DeviceKind.WELL)
STATES = {"ok": "ok", "slow": "slow", "dead": "dead"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is known at one moment. ``stored``: readings in the history so far."""

    gateways: Sequence[GatewayStatus]
    stored: int
    read: Read
    problem: str = ""
    duty: DutyView | None = None

    def links(self) -> Iterator[LinkStatus]:
        """All links of all edge nodes."""
        return (link for gateway in self.gateways for link in gateway.links)

    def units(self) -> Iterator[UnitStatus]:
        """All units of all links."""
        return (unit for link in self.links() for unit in link.units)


class Watch:
    """Made once per run; ``look`` is called about twice a second."""

    def __init__(self, county: County, clock: Clock, *, speed: float, folder: str, note: str) -> None:
        self._county = county
        self._clock = clock
        self._zone = ZoneInfo(county.time_zone)
        self._speed, self._folder, self._note = speed, folder, note
        self._rates: deque[tuple[float, int, int]] = deque()
        self._past: dict[str, deque[tuple[int, float]]] = {}
        self._rain_base: dict[str, float] = {}
        self._levelled = [device for kind in LEVELLED for device in county.devices if device.kind is kind]
        self._wells = frozenset(device.id for device in self._levelled if device.kind is DeviceKind.WELL)
        self._loops = sorted({(lamp.cabinet, f"loop{lamp.loop}") for lamp in county.lamps})
        self._units = {device.id: _level_unit(device) for device in self._levelled}
        self.chronicle = Chronicle(clock, self._zone)

    def look(self, moment: Moment) -> View:
        """The view of this moment; what changed since the last one is added to the events."""
        now = self._clock.now()
        units = {unit.device: unit for unit in moment.units()}
        places = [self._place(device, units.get(device.id), moment.read, now) for device in self._levelled]
        running = self._running(moment.read)
        self.chronicle.note(moment.links(), places, running)
        return View(
            zh=self._county.zh,
            en=self._county.en,
            local_time=shown_plain(now, self._zone),
            speed=self._speed,
            folder=self._folder,
            note=self._note,
            kinds=tuple(self._kinds(units)),
            links=_count("链路", "links", [link_state(link) for link in moment.links()]),
            units=_count("单元", "units", [unit.state for unit in units.values()]),
            flow=self._flow(moment, now),
            rain=self._rain(moment.read),
            pumps_running=sum(running.values()) if running else None,
            pumps=sum(len(_pumps(device)) for device in self._county.devices),
            loops_lit=self._lit(moment.read),
            loops=len(self._loops),
            places=shown(places, self._wells),
            events=tuple(self.chronicle.events),
            problem=moment.problem,
            duty=moment.duty,
            zone=self._zone,
        )

    # -- counts --------------------------------------------------------------------------------------------------------

    def _kinds(self, units: Mapping[str, UnitStatus]) -> Iterator[Count]:
        for kind, (zh, en) in KINDS.items():
            devices = [device.id for device in self._county.devices if device.kind is kind]
            if devices:
                yield _count(zh, en, [units[each].state if each in units else "new" for each in devices])

    def _flow(self, moment: Moment, now: int) -> Flow:
        at, polls = time.monotonic(), sum(gateway.polls for gateway in moment.gateways)
        self._rates.append((at, polls, moment.stored))
        while self._rates[-1][0] - self._rates[0][0] > RATE_S:
            self._rates.popleft()
        began, polls_then, stored_then = self._rates[0]
        seconds = max(at - began, 1e-9)
        times = [unit.last_ok_ms for unit in moment.units() if unit.last_ok_ms is not None]
        return Flow(
            polls_per_s=(polls - polls_then) / seconds,
            stored_per_s=(moment.stored - stored_then) / seconds,
            stored=moment.stored,
            backlog=sum(gateway.journal.backlog for gateway in moment.gateways),
            oldest_s=(now - min(times)) / 1000 if times else None,
        )

    # -- levels, rain, pumps -------------------------------------------------------------------------------------------

    def _place(self, device: Device, unit: UnitStatus | None, read: Read, now: int) -> Place:
        reading = read(device.id, "level")
        level, why = judged(reading, unit, now)
        return Place(
            id=device.id,
            zh=device.zh,
            unit=self._units[device.id],
            levels=device.levels,
            level=level,
            age_s=(now - reading[0]) / 1000 if reading else None,
            rise=self._rise(device.id, level, now),
            why=why,
        )

    def _rise(self, device: str, level: float | None, now: int) -> float | None:
        if level is None:
            return None
        past = self._past.setdefault(device, deque())
        past.append((now, level))
        while now - past[0][0] > RISE_MS:
            past.popleft()
        passed = now - past[0][0]
        return (level - past[0][1]) * RISE_MS / passed if passed > RISE_MS / 5 else None

    def _rain(self, read: Read) -> Rain:
        gauges = [device.id for device in self._county.devices if device.kind is DeviceKind.RAIN]
        tens = [value * 6 for gauge in gauges if (value := _number(read(gauge, "rain_10min"))) is not None]
        known = [(gauge, total) for gauge in gauges if (total := _number(read(gauge, "total"))) is not None]
        totals = [total - self._rain_base.setdefault(gauge, total) for gauge, total in known]
        return Rain(mm_per_h=max(tens, default=None), total_mm=max(totals, default=None))

    def _running(self, read: Read) -> dict[str, bool]:
        """By pump, whether it runs; pumps not heard of are left out."""
        pumps = (
            (f"{device.id}/{pump}", read(device.id, f"{pump}/run")) for device in self._county.devices for pump in _pumps(device)
        )
        return {name: bool(reading[1]) for name, reading in pumps if reading and reading[1] is not None}

    def _lit(self, read: Read) -> int | None:
        """Loops with lamps whose contactor is closed; None while nothing was heard of any."""
        known = [
            reading[1] for cabinet, loop in self._loops if (reading := read(cabinet, f"{loop}/aux")) and reading[1] is not None
        ]
        return sum(map(bool, known)) if known else None


def judged(reading: tuple[int, Value | None, int] | None, unit: UnitStatus | None, now: int) -> tuple[float | None, str]:
    """A level that may be shown as it stands, or None and why not."""
    if unit is not None and unit.state == "dead":
        return None, "失联 no answer"
    if reading is None:
        return None, "等待首个读数 waiting for the first reading"
    when, value, flags = reading
    if flags & (BAD_FLAGS | Flag.STALE) or not isinstance(value, (int, float)):
        names = "+".join(flag.name or "" for flag in Flag(flags))
        return None, f"坏值 bad value {names}".rstrip()
    if now - when > STALE_S * 1000:
        return None, f"{(now - when) // 60_000} 分钟无数据 min without a reading"
    return float(value), ""


def _count(zh: str, en: str, states: Sequence[str]) -> Count:
    found = Counter(STATES.get(state, "unknown") for state in states)
    return Count(zh=zh, en=en, ok=found["ok"], slow=found["slow"], dead=found["dead"], unknown=found["unknown"])


def _pumps(device: Device) -> list[str]:
    points = (re.fullmatch(r"(pump\d+)/run", point.path) for point in device.profile.points)
    return [found[1] for found in points if found]


def shown(places: Sequence[Place], wells: frozenset[str]) -> tuple[Place, ...]:
    """The places always shown, then the wells that stand highest against their limits."""
    ranked = sorted((place for place in places if place.id in wells), key=_share, reverse=True)
    return (*(place for place in places if place.id not in wells), *ranked[:WELLS])


def _share(place: Place) -> float:
    return place.level / place.levels.red if place.level is not None and place.levels and place.levels.red else -1.0


def _level_unit(device: Device) -> str:
    return next((point.unit for point in device.profile.points if point.path == "level"), "")


def _number(reading: tuple[int, Value | None, int] | None) -> float | None:
    if reading is None or reading[2] & BAD_FLAGS or not isinstance(reading[1], (int, float)):
        return None
    return float(reading[1])
