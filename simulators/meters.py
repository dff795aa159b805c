"""What hangs on a cabinet's feeder: a lamp concentrator with its lamp nodes, and a three-phase meter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from lampwell.assets import Device, Lamp
from lampwell.points import Value
from simulators.cabinet import Cabinet
from simulators.electrics import PHASES, level_power, level_power_factor
from simulators.faults import Fault, FaultText, Setter, fault_of


class Concentrator:
    """Reads the lamp nodes of one cabinet over the power line: a node on a dead loop does not answer. A lamp has the level that
    its node or its loop was told last.
    """

    def __init__(self, device: Device, cabinet: Cabinet, lamps: tuple[Lamp, ...], offset: timedelta, now: int) -> None:
        self.id = device.id
        self._cabinet = cabinet
        self._lamps = lamps
        self._offset = offset
        self._silent: set[int] = set()
        self._drivers: set[int] = set()
        self._factors: dict[int, float] = {}
        self._flicker: dict[int, float] = {}
        self._looks = 0
        self._now = now

    def advance(self, now: int) -> None:
        """Time goes on."""
        self._now = now

    @property
    def values(self) -> Mapping[str, Value | None]:
        """Level, power, voltage, current and status of every lamp."""
        self._looks += 1
        found: dict[str, Value | None] = {}
        online = 0
        for number, lamp in enumerate(self._lamps, start=1):
            node = self._node(number, lamp)
            online += not node["no_answer"]
            found.update({f"lamp{number:03}/{name}": value for name, value in node.items()})
        return found | {"online": online, "last_search": self._round(), "status": 0}

    def _round(self) -> str:
        """When the nodes were last asked: every quarter of an hour, by the device's clock."""
        local = datetime.fromtimestamp((self._now - self._now % 900_000) / 1000, UTC) + self._offset
        return local.replace(tzinfo=None).isoformat()

    def _node(self, number: int, lamp: Lamp) -> dict[str, Value | None]:
        loop = self._cabinet.loops[lamp.loop - 1]
        phase = PHASES.index(lamp.phase)
        volt = self._cabinet.feeder.volts[phase]
        reached = loop.energised and volt > 0 and lamp in loop.lamps[: loop.reach]
        if not reached or number in self._silent:
            return {
                "level": None,
                "power": None,
                "voltage": None,
                "current": None,
                "failed": False,
                "driver_fault": False,
                "no_answer": True,
                "set_level": 0,
            }
        dead = lamp.id in loop.out
        level = round(loop.level_of(lamp.id))
        power = 0.4 if dead else lamp.watts * level_power(loop.level_of(lamp.id))
        power *= 1 - self._flicker.get(number, 0.0) * (self._looks % 2)
        factor = self._factors.get(number, level_power_factor(level))
        return {
            "level": level,
            "power": power,
            "voltage": volt,
            "current": power / (volt * factor),
            "failed": dead,
            "driver_fault": number in self._drivers,
            "no_answer": False,
            "set_level": level,
        }

    def write(self, path: str, value: Value) -> None:
        """A lamp's level, which its node keeps over a dead loop. Raises ValueError for anything else."""
        component, _, name = path.rpartition("/")
        if name != "set_level":
            raise ValueError(f"{path}: read only")
        lamp = self._lamps[int(component.removeprefix("lamp")) - 1]
        self._cabinet.loops[lamp.loop - 1].own[lamp.id] = float(value)

    def faults(self) -> Iterator[Fault]:
        """What nodes see of their lamps and drivers, and nodes that do not answer."""
        for number in range(1, len(self._lamps) + 1):
            target = f"{self.id}/lamp{number:03}"
            text = FaultText("node-silent", "节点无应答", "the lamp's node does not answer; the lamp may burn")
            yield fault_of(target, text, _member(self._silent, number))
            text = FaultText("driver", "驱动故障", "the node reports a fault of its driver")
            yield fault_of(target, text, _member(self._drivers, number))
            text = FaultText("low-factor", "功率因数低", "its driver's power factor is low, value = the factor")
            yield fault_of(target, text, _share(self._factors, number, 0.6))
            text = FaultText("flicker", "闪烁", "it flickers at each look, value = share of its power")
            yield fault_of(target, text, _share(self._flicker, number, 0.2))


def _member(group: set[int], number: int) -> Setter:
    def change(on: bool, _value: float | None) -> None:
        (group.add if on else group.discard)(number)

    return change


def _share(shares: dict[int, float], number: int, usual: float) -> Setter:
    def change(on: bool, value: float | None) -> None:
        share = usual if value is None else value
        if not 0 < share <= 1:
            raise ValueError(f"value {share:g}: must be a share above 0, at most 1")
        shares.pop(number, None)
        if on:
            shares[number] = share

    return change


class Meter:
    """A three-phase meter on a cabinet's feeder. Behind a current transformer it shows the current divided by ``ratio``."""

    def __init__(self, device: Device, cabinet: Cabinet, ratio: float = 1.0) -> None:
        self.id = device.id
        self._cabinet = cabinet
        self._ratio = ratio
        self._kwh = [0.0, 0.0, 0.0]

    def advance(self, seconds: float) -> None:
        """Count."""
        for phase, watts in enumerate(self._cabinet.meter.watts):
            self._kwh[phase] += watts * seconds / 3_600_000 / self._ratio

    @property
    def values(self) -> Mapping[str, Value | None]:
        """As the feeder is now."""
        meter, volts, ratio = self._cabinet.meter, self._cabinet.feeder.volts, self._ratio
        found: dict[str, Value | None] = {
            "p": sum(meter.watts) / ratio, "q": sum(meter.vars) / ratio, "pf": meter.total_factor,
            "frequency": 50.0 if any(volts) else 0.0, "energy": sum(self._kwh),
        }  # fmt: skip
        for k, phase in enumerate(PHASES):
            found |= {
                f"u_{phase}": volts[k], f"i_{phase}": meter.amps[k] / ratio, f"p_{phase}": meter.watts[k] / ratio,
                f"q_{phase}": meter.vars[k] / ratio, f"pf_{phase}": meter.factor(k), f"energy_{phase}": self._kwh[k],
            }  # fmt: skip
        return found

    def write(self, path: str, value: Value) -> None:
        """Nothing here can be written."""
        raise ValueError(f"{path} = {value}: read only")

    def faults(self) -> Iterator[Fault]:
        """None of its own."""
        return iter(())
