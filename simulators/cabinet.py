"""A lamp control cabinet in the field: its electrics, its contactors, its controller, its door; and what it reports."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lampwell.assets import Device, Lamp
from lampwell.points import Value
from simulators.cabinet_parts import Contactor, Housing
from simulators.cabinet_plc import Controller, LoopState, Settings
from simulators.electrics import PHASES, Feeder, Loop, Totals
from simulators.faults import Fault, FaultText, fault_of
from simulators.loop_faults import loop_faults, switched

Seeds = Callable[[str], random.Random]
"""Randomness of its own for every named part, so that a fault in one changes nothing by chance in another."""


@dataclass(frozen=True, slots=True)
class Air:
    """The weather at a device: local hour, Celsius, lux, mm/h, and how wet cable joints are (0..1)."""

    hour: float
    celsius: float
    lux: float
    rain: float
    wet: float


class Cabinet:
    """One cabinet. ``values`` is asked for when the master reads: the controller counts that as hearing from it."""

    def __init__(self, device: Device, lamps: Sequence[Lamp], place: tuple[float, float], now: int, seeds: Seeds) -> None:
        count = sum(1 for p in device.profile.points if p.path.startswith("loop") and p.path.endswith("/aux"))
        self.id = device.id
        self.loops = [
            Loop(n, (lamp for lamp in lamps if lamp.loop == n), seeds(f"{device.id}/loop{n}")) for n in range(1, count + 1)
        ]
        self.feeder = Feeder(seeds(f"{device.id}/feeder"))
        self.meter = Totals()
        latitude, longitude = device.latitude or place[0], device.longitude or place[1]
        self.controller = Controller(Settings(latitude=round(latitude, 4), longitude=round(longitude, 4)), count, now)
        self.contactors = [Contactor() for _ in range(count)]
        self.housing = Housing()
        self._rng = seeds(device.id)
        self._air = Air(12.0, 20.0, 0.0, 0.0, 0.0)
        self._now = self._began = now
        self._losses = 0
        self._powered = True
        self._battery = 1.0
        self._heat = 0.0
        self._peaks = [0.0] * count
        self._hertz = 50.0
        self._still: dict[str, Value | None] = {}
        for loop, state in zip(self.loops, self.controller.loops, strict=True):
            full = sum(lamp.watts for lamp in loop.lamps) / 220 / 0.95
            state.settings.overcurrent = min(100.0, max(20.0, round(1.5 * full)))

    # -- time ----------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float, now: int, air: Air) -> None:
        """Supply, decide, switch, draw, protect, count."""
        self._now, self._air = now, air
        self.feeder.advance(seconds, air.hour, self.meter.amps)
        self._supply(seconds)
        self.controller.drive(seconds, now, powered=self._powered)
        volts = self.feeder.volts
        for n, (loop, state, contactor) in enumerate(zip(self.loops, self.controller.loops, self.contactors, strict=True)):
            contactor.follow(state.coil)
            loop.closed, loop.level = contactor.closed, float(state.settings.set_level)
            loop.advance(seconds, volts, air.wet)
            self._peaks[n] = max(self._peaks[n], loop.residual_ma)
            if self.controller.protect(seconds, n, loop.closed, loop.residual_ma, loop.amps):
                loop.breaker = False
        self.meter.advance(seconds, self.loops, volts)
        self._heat += (sum(self.meter.watts) / 20_000 - self._heat) * min(1.0, seconds / 1200)
        self._hertz = 50 + self._rng.gauss(0, 0.012)

    def settle(self, now: int, air: Air) -> None:
        """Be as it would be had it run for long: the loops that should be on are on and warm, without a switching operation."""
        self._now, self._air = now, air
        self.feeder.advance(0.0, air.hour, self.meter.amps)
        for loop, state, contactor, want in zip(
            self.loops, self.controller.loops, self.contactors, self.controller.wanted(now), strict=True
        ):
            state.coil = contactor.closed = want
            loop.settle(on=want)

    def _supply(self, seconds: float) -> None:
        powered = self.feeder.live[0]  # the controller's own supply
        self._losses += self._powered and not any(self.feeder.live)
        self._powered = powered
        self._battery = min(1.0, max(0.0, self._battery + seconds / (36_000 if powered else -28_800)))

    @property
    def lit(self) -> int:
        """Lamps that burn now: ground truth."""
        return sum(loop.lit for loop in self.loops)

    # -- Modbus side ---------------------------------------------------------------------------------------------------

    def write(self, path: str, value: Value) -> None:
        """A master's write. A loop's level is told to all its lamps, whatever their nodes were told before."""
        self.controller.write(path, value, self._now)
        component, _, name = path.rpartition("/")
        if name == "set_level":
            self.loops[int(component.removeprefix("loop")) - 1].own.clear()

    @property
    def values(self) -> Mapping[str, Value | None]:
        """All its points as it reports them now."""
        self.controller.heard(self._now)
        now = {**self._identity(), **self._contacts(), **self._metering(), **self._settings(), **self._loop_values()}
        return now | self._still

    def _identity(self) -> dict[str, Value | None]:
        air, now = self._air, self._now
        return {
            "map_version": 3, "model": 1220, "firmware": 214,
            "rtc_bad": False, "meter_link_lost": False, "on_battery": not self._powered,
            "config_changed": False, "fallback_active": self.controller.fallback,
            "clock": now // 1000 & 0xFFFFFFFF, "boots": 1, "uptime": (now - self._began) // 3_600_000 & 0xFFFF,
            "event_number": self.controller.events & 0xFFFF,
            "temperature": air.celsius + 6 + 8 * self._heat,
            "humidity": min(99.0, 55 + 35 * min(1.0, air.rain / 10) + 8 * air.wet),
            "illuminance": min(65_000, round(air.lux)),
            "battery_v": 11.2 + 1.9 * self._battery, "signal": 21, "loops": len(self.loops),
            "supply_losses": self._losses & 0xFFFF, "ct_ratio": 1, "pt_ratio": 1,
        }  # fmt: skip

    def _contacts(self) -> dict[str, Value | None]:
        h = self.housing
        return {
            "door": h.door, "remote": not self.controller.local_switch, "main_breaker": True, "spd_failed": h.spd_failed,
            "water": h.water, "smoke": h.smoke, "ups_on_battery": not self._powered, "meter_door": False,
        }  # fmt: skip

    def _metering(self) -> dict[str, Value | None]:
        meter, volts = self.meter, self.feeder.volts
        found: dict[str, Value | None] = {}
        for k, phase in enumerate(PHASES):
            found[f"u_{phase}"] = volts[k]
            found[f"i_{phase}"] = meter.amps[k]
            found[f"p_{phase}"] = meter.watts[k]
            found[f"q_{phase}"] = meter.vars[k]
            found[f"pf_{phase}"] = meter.factor(k)
            found[f"thd_i_{phase}"] = meter.distortion[k]
        a, b, c = volts
        found["u_ab"], found["u_bc"], found["u_ca"] = _line(a, b), _line(b, c), _line(c, a)
        found["i_n"] = 0.0 if self.feeder.broken_neutral_v else meter.neutral
        found["residual"] = meter.residual_ma
        found["p"], found["q"], found["pf"] = sum(meter.watts), sum(meter.vars), meter.total_factor
        found["energy"], found["reactive_energy"] = meter.kwh, meter.kvarh
        found["frequency"] = self._hertz if any(self.feeder.live) else 0.0
        return found

    def _settings(self) -> dict[str, Value | None]:
        s = self.controller.settings
        return {
            "leak_reset": False, "beacon": s.beacon, "mode": s.mode, "master_timeout": s.master_timeout,
            "latitude": s.latitude, "longitude": s.longitude, "on_offset": s.on_offset, "off_offset": s.off_offset,
            "command": s.command, "hold_minutes": s.hold_minutes,
        }  # fmt: skip

    def _loop_values(self) -> dict[str, Value | None]:
        found: dict[str, Value | None] = {}
        for n, (loop, state, contactor) in enumerate(zip(self.loops, self.controller.loops, self.contactors, strict=True)):
            prefix = f"loop{loop.number}/"
            for name, value in self._one_loop(n, loop, state, contactor).items():
                found[prefix + name] = value
        self._peaks = [0.0] * len(self.loops)  # the register says: since it was last read
        return found

    def _one_loop(self, n: int, loop: Loop, state: LoopState, contactor: Contactor) -> dict[str, Value | None]:
        s, watts, amps = state.settings, loop.watts, loop.amps
        if loop.number in self.housing.unmeasured:
            watts = amps = [0.0, 0.0, 0.0]
        apparent = math.hypot(sum(watts), sum(loop.vars))
        cable = loop.number in self.housing.cables
        return {
            "commanded": state.coil, "aux": contactor.closed, "breaker": loop.breaker, "local_override": state.override,
            "voltage": loop.energised and any(self.feeder.live), "locked": state.leak_trip,
            "leak_prealarm": state.leak_prealarm, "leak_trip": state.leak_trip, "cable_alarm": cable,
            "i_a": amps[0], "i_b": amps[1], "i_c": amps[2], "p_a": watts[0], "p_b": watts[1], "p_c": watts[2],
            "pf": sum(watts) / apparent if apparent else 1.0, "residual": loop.residual_ma, "residual_peak": self._peaks[n],
            "energy": loop.kwh, "operations": contactor.operations, "on_seconds": int(loop.seconds_on),
            "level": round(loop.level) if contactor.closed else 0, "lamps": len(loop.lamps), "trip_cause": int(state.trip_cause),
            "command": s.command, "aux_contact": contactor.closed, "breaker_contact": loop.breaker, "cable_contact": cable,
            "prealarm_ma": s.prealarm_ma, "trip_ma": s.trip_ma, "overcurrent": s.overcurrent, "set_level": s.set_level,
        }  # fmt: skip

    # -- faults --------------------------------------------------------------------------------------------------------

    def faults(self) -> Iterator[Fault]:
        """Everything that can go wrong with it."""
        yield fault_of(self.id, FaultText("mains-loss", "停电", "the supply fails"), self._fault_mains)
        yield fault_of(self.id, FaultText("phase-loss", "缺相", "a phase fails, value = 1 to 3 (a to c)"), self._fault_phase)
        yield fault_of(
            self.id, FaultText("neutral-open", "断零", "the neutral is broken, value = volts of drift"), self._fault_neutral
        )
        for name, zh, en in (
            ("door", "箱门打开", "the door is open"),
            ("water", "箱内进水", "water at the cabinet's float"),
            ("spd_failed", "防雷器失效", "the surge protector has failed"),
            ("smoke", "烟感报警", "smoke"),
        ):
            yield fault_of(self.id, FaultText(name.replace("_", "-"), zh, en), switched(self.housing, name))
        frozen = FaultText("frozen", "读数冻结", "what it measures stands still; contacts and its clock go on")
        yield fault_of(self.id, frozen, self._fault_frozen)
        swap = FaultText("meter-swap", "换表", "its meters are exchanged, value = where the new counters begin (kWh)")
        yield fault_of(self.id, swap, self._fault_swap)
        local = FaultText("local", "就地位置", "the selector is on local: commands are not obeyed")
        yield fault_of(self.id, local, switched(self.controller, "local_switch"))
        for loop, state, contactor in zip(self.loops, self.controller.loops, self.contactors, strict=True):
            yield from loop_faults(self.id, loop, state, contactor, self.housing)

    def _fault_mains(self, on: bool, _value: float | None) -> None:
        self.feeder.mains = not on

    def _fault_phase(self, on: bool, value: float | None) -> None:
        phase = 1 if value is None else int(value)
        if phase not in (1, 2, 3):
            raise ValueError(f"value {value:g}: must be 1, 2 or 3")
        self.feeder.lost = {phase - 1} if on else set()

    def _fault_neutral(self, on: bool, value: float | None) -> None:
        drift = 50.0 if value is None or value == 1.0 else value
        if not 0 < drift <= 150:
            raise ValueError(f"value {drift:g} V: must be above 0, at most 150")
        self.feeder.broken_neutral_v = drift if on else 0.0

    def _fault_frozen(self, on: bool, _value: float | None) -> None:
        measured = {**self._metering(), **self._loop_values()}.items() if on else ()
        self._still = {path: value for path, value in measured if isinstance(value, float) and not path.endswith("overcurrent")}

    def _fault_swap(self, on: bool, value: float | None) -> None:
        """Once, when it begins: the old meters do not come back."""
        if on:
            self.meter.kwh = value or 0.0
            for loop in self.loops:
                loop.kwh = value or 0.0


def _line(a: float, b: float) -> float:
    return math.sqrt(a * a + b * b + a * b)  # the two phases are 120 degrees apart
