"""A pump station in the field: wet well, pumps, gate, mains and its PLC; and what it reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lampwell.assets import Device
from lampwell.points import Value
from simulators.cabinet import Air, Seeds
from simulators.electrics import PHASES, Feeder
from simulators.faults import Fault, FaultText, fault_of
from simulators.sensors import LevelSensor, Reading, Status, TippingBucket
from simulators.station_plc import Inputs, Mode, PumpFault, Settings, StationPlc

SENSOR_ABOVE_RIM = 0.5
GATE_PERCENT_PER_S = 0.5
EFFICIENCY = 0.72
"""Pump and motor together (unverified)."""
DRY_TRIP_S = 10.0
CLOGGED_FLOW, CLOGGED_LOAD = 0.3, 0.72
"""A clogged pump moves little and draws 60-95 % of its rated current (domain drainage 3.5)."""


@dataclass
class Motor:
    """One pump set: rated flow (m3/s) and head (m) give its rated power; ``clog`` is the share of flow that rags take."""

    flow: float
    head: float
    clog: float = 0.0
    leaks: bool = False
    kw: float = 0.0
    amps: float = 0.0
    winding: float = 25.0
    starts_s: float = 0.0
    dry_s: float = 0.0

    @property
    def rated_kw(self) -> float:
        """Electrical power at rated flow and head."""
        return max(1.5, 9.81 * self.flow * self.head / EFFICIENCY)

    @property
    def rated_amps(self) -> float:
        """At 380 V and a power factor of 0.84."""
        return self.rated_kw * 1000 / (math.sqrt(3) * 380 * 0.84)

    def advance(self, seconds: float, run: bool, flow: float, volts: float, celsius: float) -> None:
        """Load follows flow; a soft starter ramps the current up in five seconds."""
        self.starts_s = self.starts_s + seconds if run else 0.0
        load = 0.62 + 0.38 * min(1.2, flow / self.flow) if self.flow else 1.0
        if self.clog:
            load = min(load, CLOGGED_LOAD)
        ramp = min(1.0, self.starts_s / 5) if run else 0.0
        self.kw = self.rated_kw * load * ramp
        self.amps = self.kw * 1000 / (3 * max(volts, 150.0) * 0.84) if run else 0.0
        target = celsius + (55 * load * load if run else 0)
        self.winding += (target - self.winding) * min(1.0, seconds / 900)


@dataclass
class Site:
    """Contacts and sensors of the station that nothing else decides."""

    door: bool = False
    flooded: bool = False
    e_stop: bool = False
    gate_stuck: bool = False
    screen: float = 0.0
    frozen: bool = False
    gate: float = 100.0
    volume: float = 0.0
    battery: float = 1.0
    heartbeat: float = 0.0
    flow: float = 0.0
    river: float | None = None
    day: str = ""
    rain_day_start: float = 0.0
    gases: list[float] = field(default_factory=lambda: [0.0, 0.0, 20.9])


class Station:
    """One pump station. ``depth`` is the wet well's, floor to ground; ``links`` the pumps of the
    network behind each motor: usually one.
    """

    def __init__(
        self,
        device: Device,
        links: Sequence[Sequence[str]],
        motors: Sequence[Motor],
        settings: Settings,
        depth: float,
        offset: timedelta,
        seeds: Seeds,
    ) -> None:
        self.id = device.id
        self.links = links
        self.motors = motors
        self.plc = StationPlc(settings, len(motors))
        self.depth = depth
        self.feeder = Feeder(seeds(f"{device.id}/feeder"), ohms=0.01)
        self.radar = LevelSensor(
            face=depth + SENSOR_ABOVE_RIM, span=depth + 3.0, blind=0.2, sigma=0.004, rng=seeds(f"{device.id}/level")
        )
        self.pressure = LevelSensor(face=depth + 5.0, span=depth + 5.5, blind=0.0, sigma=0.006, rng=seeds(f"{device.id}/level_2"))
        self.bucket = TippingBucket()
        self.site = Site()
        self._rng = seeds(device.id)
        self._offset = offset
        self._level: float | None = None
        self._reading: Reading | None = None
        self._second: Reading | None = None
        self._air = Air(12.0, 20.0, 0.0, 0.0, 0.0)
        self._now = 0

    # -- time ----------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float, now: int, air: Air, level: float | None, flows: Mapping[str, float], rain: float) -> None:
        """The water as it is (None = nobody knows), then sensors, PLC, motors. ``rain`` is the mm that fell here."""
        self._now, self._air, self._level = now, air, level
        self.feeder.advance(seconds, air.hour, [sum(m.amps for m in self.motors)] * 3)
        self.bucket.fall(rain, seconds)
        self._reading = None if level is None else self.radar.sense(level, now)
        self._second = None if level is None else self.pressure.sense(level, now)
        if not self.site.frozen:
            self.plc.advance(seconds, now, self._inputs())
            self.plc.alternate()
            self.site.heartbeat += seconds
        self._run_motors(seconds, flows)
        self._move(seconds)

    def settings_for_pumps(self) -> dict[str, float]:
        """What the network's pumps should do next: 0..1 by link."""
        return {
            link: (1 - motor.clog) if pump.run else 0.0
            for links, motor, pump in zip(self.links, self.motors, self.plc.pumps, strict=True)
            for link in links
        }

    def _inputs(self) -> Inputs:
        settings, level = self.plc.settings, self._level
        return Inputs(
            level=self._believed(),
            high_float=level is not None and level >= min(self.depth - 0.2, settings.high_alarm + 0.2),
            low_float=level is not None and level <= settings.low_cutout - 0.05,
            mains=self.mains,
            e_stop=self.site.e_stop,
        )

    def _believed(self) -> float | None:
        """The radar, or the pressure sensor where the radar says that it fails."""
        if self._reading is not None and self._reading.status in (Status.OK, Status.BLIND):
            return self._reading.level
        return self._second.level if self._second is not None else None

    @property
    def mains(self) -> bool:
        """All three phases are there; a phase monitor stops the motors otherwise."""
        return all(self.feeder.live)

    def _run_motors(self, seconds: float, flows: Mapping[str, float]) -> None:
        each = [sum(flows.get(link, 0.0) for link in links) for links in self.links]
        self.site.flow = sum(each)
        for number, (flow, motor, pump) in enumerate(zip(each, self.motors, self.plc.pumps, strict=True)):
            if pump.run and not self.mains:
                pump.run, pump.since_stop_s = False, 0.0
            motor.advance(seconds, pump.run, flow, self.feeder.volts[0], self._air.celsius)
            dry = pump.run and self._level is not None and self._level < 0.05
            motor.dry_s = motor.dry_s + seconds if dry else 0.0
            if motor.dry_s > DRY_TRIP_S:
                self.plc.trip(number, PumpFault.DRY)
            if motor.leaks:
                self.plc.trip(number, PumpFault.SEAL)

    def _move(self, seconds: float) -> None:
        site, settings = self.site, self.plc.settings
        site.volume += site.flow * seconds
        step = GATE_PERCENT_PER_S * seconds
        if not site.gate_stuck and self.mains:
            site.gate += min(step, max(-step, settings.gate_set - site.gate))
        site.battery = min(1.0, max(0.0, site.battery + seconds / (28_800 if self.mains else -14_400)))
        day = (datetime.fromtimestamp(self._now / 1000, UTC) + self._offset).date().isoformat()
        if day != site.day:
            site.day, site.rain_day_start = day, self.bucket.total

    # -- Modbus side ---------------------------------------------------------------------------------------------------

    def write(self, path: str, value: Value) -> None:
        """A master's write. Raises ValueError where the PLC refuses."""
        component, _, name = path.rpartition("/")
        settings = self.plc.settings
        if component:
            number = int(component.removeprefix("pump")) - 1
            if name in ("start_level", "stop_level"):
                levels = settings.start_levels if name == "start_level" else settings.stop_levels
                levels[number] = float(value)
            elif value:
                self.plc.press(number, name)
        elif name.startswith("gate_do_"):
            if value:
                target = {"gate_do_open": 100.0, "gate_do_close": 0.0, "gate_do_stop": self.site.gate}
                settings.gate_set = target[name]
        elif hasattr(settings, name):
            setattr(settings, name, type(getattr(settings, name))(value))
        else:
            raise ValueError(f"{path}: read only")

    @property
    def values(self) -> Mapping[str, Value | None]:
        """All its points as it reports them now."""
        found = {**self._well_values(), **self._site_values(), **self._setting_values()}
        for number in range(len(self.motors)):
            found.update(self._pump_values(number))
        return found

    def _well_values(self) -> dict[str, Value | None]:
        reading, second, site = self._reading, self._second, self.site
        river = None if site.river is None else site.river + self._rng.gauss(0, 0.005)
        return {
            "level": None if reading is None else reading.level,
            "level_status": int(Status.FAULT if reading is None else reading.status),
            "air_gap": None if reading is None else reading.gap,
            "level_2": None if second is None else second.level,
            "outfall_level": river,
            "flow": site.flow * 3600,
            "volume": int(site.volume) & 0xFFFFFFFF,
            "gate": site.gate,
            "screen_loss": 0.02 + 0.02 * site.flow**2 + site.screen,
            "rain_total": self.bucket.total,
            "rain_today": self.bucket.total - site.rain_day_start,
        }

    def _site_values(self) -> dict[str, Value | None]:
        site, inputs = self.site, self._inputs()
        found: dict[str, Value | None] = {f"u_{p}": v for p, v in zip(PHASES, self.feeder.volts, strict=True)}
        ch4, h2s, o2 = site.gases
        mode = self.plc.settings.mode
        return found | {
            "battery_v": 22.5 + 4.8 * site.battery, "temperature": self._air.celsius + 7,
            "ch4": round(ch4), "h2s": round(h2s), "o2": o2,
            "heartbeat": int(site.heartbeat) & 0xFFFF,
            "remote": mode == Mode.REMOTE, "auto": mode == Mode.AUTO, "e_stop": site.e_stop,
            "mains_ok": inputs.mains, "on_ups": not inputs.mains, "high_float": inputs.high_float, "low_float": inputs.low_float,
            "mains": inputs.mains, "door": site.door, "flooded": site.flooded, "e_stop_button": site.e_stop,
            "gate_open": site.gate >= 99.9, "gate_closed": site.gate <= 0.1,
        }  # fmt: skip

    def _setting_values(self) -> dict[str, Value | None]:
        s = self.plc.settings
        found: dict[str, Value | None] = {
            "mode": s.mode, "high_alarm": s.high_alarm, "low_cutout": s.low_cutout, "max_starts": s.max_starts,
            "alternation_hours": s.alternation_hours, "gate_set": s.gate_set,
            "gate_do_open": False, "gate_do_close": False, "gate_do_stop": False,
        }  # fmt: skip
        for n, (start, stop) in enumerate(zip(s.start_levels, s.stop_levels, strict=True), start=1):
            found[f"pump{n}/start_level"], found[f"pump{n}/stop_level"] = start, stop
        return found

    def _pump_values(self, number: int) -> dict[str, Value | None]:
        pump, motor, mode = self.plc.pumps[number], self.motors[number], self.plc.settings.mode
        cause = pump.tripped
        values: dict[str, Value | None] = {
            "run": pump.run, "fault": cause is not PumpFault.NONE, "auto": mode == Mode.AUTO, "remote": mode == Mode.REMOTE,
            "overload": cause is PumpFault.OVERLOAD, "leak": motor.leaks, "over_temp": cause is PumpFault.TEMPERATURE,
            "dry": cause is PumpFault.DRY, "blocked": False,
            "current": motor.amps, "frequency": 50.0 if pump.run else 0.0, "power": motor.kw,
            "run_hours": pump.run_s / 3600, "starts": pump.starts, "winding_temp": motor.winding,
            "fault_code": int(pump.last_fault),
            "do_start": False, "do_stop": False, "do_reset": False,
        }  # fmt: skip
        return {f"pump{number + 1}/{name}": value for name, value in values.items()}

    # -- faults --------------------------------------------------------------------------------------------------------

    def faults(self) -> Iterator[Fault]:
        """Everything that can go wrong with it."""
        yield fault_of(
            self.id, FaultText("mains-loss", "停电", "the mains fail: pumps stop, the PLC lives on its UPS"), self._mains
        )
        yield fault_of(self.id, FaultText("phase-loss", "缺相", "a phase fails, value = 1 to 3 (a to c)"), self._phase)
        for name, zh, en in (
            ("door", "门打开", "the door is open"),
            ("flooded", "柜体进水", "water in the cabinet"),
            ("e_stop", "急停", "the emergency stop is pressed"),
            ("gate_stuck", "闸门卡住", "the gate does not move"),
            ("frozen", "PLC停机", "the PLC stands still: no heartbeat, outputs as they were"),
        ):
            yield fault_of(self.id, FaultText(name.replace("_", "-"), zh, en), _flag(self.site, name))
        screen = FaultText("screen-blocked", "格栅堵塞", "rubbish on the screen, value = metres of head")
        yield fault_of(self.id, screen, _size(self.site, "screen", 0.4))
        gas = FaultText("methane", "甲烷超标", "methane in the well, value = % of the explosive limit")
        yield fault_of(self.id, gas, self._gas)
        yield from self.radar.faults(f"{self.id}/level", lambda: self._now)
        yield from self.pressure.faults(f"{self.id}/level_2", lambda: self._now, omit=frozenset({"parked-car"}))
        for number in range(len(self.motors)):
            yield from self._pump_faults(number)

    def _pump_faults(self, number: int) -> Iterator[Fault]:
        target, motor = f"{self.id}/pump{number + 1}", self.motors[number]
        for name, zh, en, cause in (
            ("trip", "过载跳闸", "the overload relay trips", PumpFault.OVERLOAD),
            ("over-temp", "超温", "the winding is too hot", PumpFault.TEMPERATURE),
        ):
            yield fault_of(target, FaultText(name, zh, en), self._trip(number, cause))
        leak = FaultText("leak", "密封泄漏", "water in the seal chamber: the pump trips")
        yield fault_of(target, leak, self._seal(number))
        clogged = FaultText("clogged", "堵塞", "rags in the impeller, value = share of the flow that is lost")
        yield fault_of(target, clogged, _size(motor, "clog", 1 - CLOGGED_FLOW, top=1.0))

    def _mains(self, on: bool, _value: float | None) -> None:
        self.feeder.mains = not on

    def _phase(self, on: bool, value: float | None) -> None:
        phase = 1 if value is None else int(value)
        if phase not in (1, 2, 3):
            raise ValueError(f"value {value:g}: must be 1, 2 or 3")
        self.feeder.lost = {phase - 1} if on else set()

    def _gas(self, on: bool, value: float | None) -> None:
        self.site.gases[0] = (30.0 if value is None else value) if on else 0.0

    def _trip(self, number: int, cause: PumpFault) -> Callable[[bool, float | None], None]:
        def change(on: bool, _value: float | None) -> None:
            if on:
                self.plc.trip(number, cause)
            else:
                self.plc.press(number, "do_reset")

        return change

    def _seal(self, number: int) -> Callable[[bool, float | None], None]:
        def change(on: bool, _value: float | None) -> None:
            self.motors[number].leaks = on
            if not on:
                self.plc.press(number, "do_reset")

        return change


def _flag(thing: object, name: str) -> Callable[[bool, float | None], None]:
    def change(on: bool, _value: float | None) -> None:
        setattr(thing, name, on)

    return change


def _size(thing: object, name: str, usual: float, top: float = math.inf) -> Callable[[bool, float | None], None]:
    def change(on: bool, value: float | None) -> None:
        size = usual if value is None else value
        if not 0 <= size <= top:
            raise ValueError(f"value {size:g}: must be 0 to {top:g}")
        setattr(thing, name, size if on else 0.0)

    return change
