"""A night on real sockets in virtual time: cabinets behind Modbus TCP, a mosquitto, a gateway with a calendar of its own.

Time moves on only when told, so that the quiet hours of a night cost nothing; every register that a master writes is noted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults_rig import free_ports
from bench.lighting_rig import DEVICES, EDGE, Desk, small_county
from bench.lighting_yard import Disk, WallClock, Yard
from bench.mosquitto import Mosquitto
from gateway.app import Gateway
from lampwell.assets import County
from lampwell.points import Value
from simulators.app import Simulation
from simulators.port import FaultInfo, Plant

TURNS = 30
"""Of the event loop after every wake-up: a poll of a device is some six requests, each there and back."""
STRIDE_S = 240
"""Of the quiet hours: shorter than any silence that a cabinet or the gateway takes for one."""


@dataclass
class TrueClock:
    """The county's own time, whatever the gateway's calendar shows."""

    wall: WallClock

    def now(self) -> int:
        return self.wall.true

    def monotonic(self) -> float:
        return self.wall.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.wall.sleep(seconds)


@dataclass
class Noted:
    """A plant, and every write to it: true time, device, point, value."""

    plant: Plant
    device: str
    clock: WallClock
    writes: list[tuple[int, str, str, Value]]

    @property
    def values(self) -> Mapping[str, Value | None]:
        return self.plant.values

    def write(self, path: str, value: Value) -> None:
        self.plant.write(path, value)
        self.writes.append((self.clock.true, self.device, path, value))


@dataclass
class Streets:
    """The world of ``Simulation`` with nothing but the cabinets of a yard: a night of hydraulics would cost minutes."""

    yard: Yard

    def __post_init__(self) -> None:
        clock, writes = self.yard.clock, self.yard.writes
        self.plants: Mapping[str, Plant] = {key: Noted(plant, key, clock, writes) for key, plant in self.yard.plants.items()}

    async def advance(self, now: int) -> None:
        air = self.yard.air()
        for cabinet in self.yard.cabinets.values():
            cabinet.advance(1.0, now, air)

    def faults(self) -> tuple[FaultInfo, ...]:
        return ()

    def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None) -> None:
        self.yard.fault(target, name, on=on, value=value)

    def storm(self, return_period: float, minutes: float | None = None) -> None:
        raise ValueError(f"no rain here: {return_period}, {minutes}")

    def truth(self) -> Mapping[str, float]:
        return {}

    async def close(self) -> None:
        """Nothing to end."""


@dataclass
class Night:
    """What runs. ``lit``: true time and the level that burns on every loop, a second apart where ``run`` looked."""

    county: County
    clock: WallClock
    yard: Yard
    mosquitto: Mosquitto
    desk: Desk
    folder: Path
    lit: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    gateway: Gateway = field(init=False)
    _task: asyncio.Task[None] = field(init=False)

    def launch(self) -> None:
        """A gateway, of nothing but its files."""
        self.gateway = Gateway(self.county, EDGE, clock=self.clock, data_dir=self.folder)
        self._task = asyncio.create_task(self.gateway.run())

    async def end(self) -> None:
        """The gateway is gone, and with it all that was not on its disk: its end writes nothing that a kill would have lost."""
        before = self.memory()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        assert self.memory() == before

    def memory(self) -> dict[str, bytes]:
        """What the lighting has on the disk."""
        return {path.name: path.read_bytes() for path in self.folder.glob("lighting*")}

    async def run(self, seconds: float) -> None:
        """Second by second, noting what burns."""
        loops = [f"{key}/loop{one.number}" for key, cabinet in self.yard.cabinets.items() for one in cabinet.loops]
        end = self.clock.elapsed + seconds
        while self.clock.elapsed < end:
            await self.clock.advance(min(1.0, end - self.clock.elapsed), settle=TURNS)
            self.lit.append((self.clock.true, {loop: self.yard.lit(loop) for loop in loops}))

    async def until(self, at: int) -> None:
        """Go on to this time (epoch ms), second by second."""
        await self.run((at - self.clock.true) / 1000)

    async def skip(self, at: int) -> None:
        """Go on to this time in strides, as if the whole machine slept in between, with a few seconds awake after each."""
        while (rest := (at - self.clock.true) / 1000) > 0:
            self.clock.elapsed += max(0.0, min(STRIDE_S, rest - 4))
            await self.run(min(4, rest))

    async def told(self, *arguments: object, **named: object) -> object:
        """See ``Desk.told``; time goes on at its own pace meanwhile, for the broker is another process."""
        waiting = asyncio.ensure_future(self.desk.told(*arguments, **named))  # type: ignore[arg-type]
        while not waiting.done():
            await self.run(0.2)
            await asyncio.sleep(0.01)
        return waiting.result()


@asynccontextmanager
async def night(folder: Path, start: int) -> AsyncIterator[Night]:
    """Everything at work until the block ends."""
    asyncio.get_running_loop().set_default_executor(Disk())
    at_broker, *ports = free_ports(4)
    county, clock = small_county(at_broker, ports), WallClock(start_ms=start)
    truth = TrueClock(clock)
    for name in ("field", "gateway"):
        (folder / name).mkdir()
    async with AsyncExitStack() as stack:
        mosquitto = Mosquitto(folder, at_broker)
        mosquitto.start()
        stack.callback(mosquitto.kill)
        yard = Yard(county, clock, DEVICES)
        simulation = Simulation(county, clock=truth, data_dir=folder / "field", world=Streets(yard))
        desk = Desk(county.broker, next(one.node for one in county.edges if one.id == EDGE), truth)
        made = Night(county, clock, yard, mosquitto, desk, folder / "gateway")
        tasks = [asyncio.create_task(simulation.run()), asyncio.create_task(desk.transport.run())]
        await asyncio.wait_for(simulation.ready(), 20)
        made.launch()
        try:
            while not desk.born.is_set():
                await made.run(0.2)
                await asyncio.sleep(0.01)
            yield made
        finally:
            await made.end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
