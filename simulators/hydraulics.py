"""The water in the pipes: the parent's side of the SWMM process, which it starts, drives, and starts again when it fails."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from lampwell.errors import ConfigError, LampwellError, Problem
from simulators.drawing import runnable
from simulators.network import FLOW_UNITS, FOOT, Network
from simulators.swmm_messages import Answer, Failed, Open, Opened, Request, State, Step, Totals

log = logging.getLogger(__name__)

SAVE_EVERY_S = 600
RETRY_S = 60
"""Model seconds between tries once the model has failed twice without moving."""
DESIGN_RAIN = 100.0
"""mm/h at which a network without subcatchments has its largest pipe running full: the storm is scaled to the network."""
ANSWER_S = 60.0
"""Real seconds before a silent process counts as dead."""


class EngineDied(LampwellError):
    """The SWMM process, or the model in it, failed; the message is SWMM's own where it left one."""


@dataclass
class Forcing:
    """What acts on the water: mm/h by gage (``rain`` where one is not named, or over a network without gages), pump settings 0..1
    and free share of pipes 0..1 by link, river stage in metres by outfall.
    """

    rain: float = 0.0
    gages: dict[str, float] = field(default_factory=dict)
    pumps: dict[str, float] = field(default_factory=dict)
    free: dict[str, float] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Water:
    """The state after a step: m above invert by node, m3/s spilling by node, m3/s by link."""

    depth: Mapping[str, float]
    flooding: Mapping[str, float]
    flow: Mapping[str, float]


class Engine:
    """One SWMM process with one model. Every call raises EngineDied when it can not answer."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)

    @classmethod
    async def start(cls) -> Engine:
        """A new process."""
        command = (sys.executable, "-m", "simulators.swmm_process")
        return cls(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL))

    async def ask(self, request: Request) -> Opened | State | Totals:
        """One request and its answer."""
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        data = msgspec.msgpack.encode(request)
        try:
            writer.write(len(data).to_bytes(4, "big") + data)
            async with asyncio.timeout(ANSWER_S):
                size = int.from_bytes(await reader.readexactly(4), "big")
                answer = self._decoder.decode(await reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError, TimeoutError) as error:
            raise EngineDied(f"the SWMM process died ({type(error).__name__})") from error
        if isinstance(answer, Failed):
            raise EngineDied(answer.reason)
        return answer

    async def close(self) -> None:
        """End the process; it ends by itself when its stdin does."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class Hydraulics:
    """The drainage network over time from ``begin`` (county local time); the pumps named in ``driven`` obey ``Forcing``.
    ``water`` is None while the model is down: nobody knows the levels then.
    """

    def __init__(self, network: Network, begin: datetime, driven: Collection[str]) -> None:
        self.network = network
        self.water: Water | None = None
        self.restarts = 0
        self._folder = tempfile.TemporaryDirectory(prefix="lampwell-swmm-")
        self._inp = Path(self._folder.name) / "model.inp"
        self._inp.write_text(runnable(network, begin, driven), "utf-8")
        self._engine: Engine | None = None
        self._opened = Opened((), (), (), (), "")
        self._sent: dict[tuple[str, str], float] = {}
        self._at = 0
        self._saved: Path | None = None
        self._saved_at = 0
        self._retry_at = 0

    async def start(self) -> None:
        """Open the model. Raises ConfigError with SWMM's own words where it refuses the file."""
        try:
            await self._open(hotstart="")
            await self.step(1, Forcing())
        except EngineDied as error:
            await self.close()
            raise ConfigError([Problem(str(self.network.path), "", f"SWMM refuses it: {error}")]) from error
        if self.water is None:
            await self.close()
            raise ConfigError([Problem(str(self.network.path), "", "SWMM opens it but can not compute its first second")])

    async def step(self, seconds: int, forcing: Forcing) -> None:
        """Move on. A failing model does not raise: it starts again from its last saved state, and ``water`` is None meanwhile."""
        self._at += seconds
        if self._engine is None and not await self._revive():
            return
        try:
            await self._advance(seconds, forcing)
        except EngineDied as error:
            await self._fail(error)

    async def totals(self) -> Totals | None:
        """The volume balance since the model was last opened, None while it is down."""
        if self._engine is None:
            return None
        answer = await self._engine.ask(Totals())
        assert isinstance(answer, Totals)
        return answer

    async def close(self) -> None:
        """End the process and remove its files."""
        if self._engine is not None:
            await self._engine.close()
            self._engine = None
        self._folder.cleanup()

    async def _open(self, hotstart: str) -> None:
        net = self.network
        self._engine = await Engine.start()
        self._sent.clear()
        length = 1.0 if net.metric else FOOT
        inflow = () if net.has_subcatchments else tuple(n.id for n in net.nodes.values() if n.kind == "junction")
        wish = Open(str(self._inp), self._folder.name, length, FLOW_UNITS[net.flow_units], hotstart, inflow)
        answer = await self._engine.ask(wish)
        assert isinstance(answer, Opened)
        self._opened = answer

    async def _advance(self, seconds: int, forcing: Forcing) -> None:
        assert self._engine is not None
        save = str(Path(self._folder.name) / f"state-{self._at % 2}.hsf") if self._at - self._saved_at >= SAVE_EVERY_S else ""
        answer = await self._engine.ask(self._request(seconds, forcing, save))
        assert isinstance(answer, State)
        if save:
            self._saved, self._saved_at = Path(save), self._at
        opened = self._opened
        self.water = Water(
            dict(zip(opened.nodes, answer.depth, strict=True)),
            dict(zip(opened.nodes, answer.flooding, strict=True)),
            dict(zip(opened.links, answer.flow, strict=True)),
        )

    def _request(self, seconds: int, forcing: Forcing, save: str) -> Step:
        opened, net = self._opened, self.network
        limits = {
            pipe: 0.0 if share >= 1 else max(share * net.conduits[pipe].full, 1e-4)  # SWMM reads a limit of 0 as none
            for pipe, share in forcing.free.items()
        }
        inflow = -1.0
        if not net.has_subcatchments:
            entries = sum(1 for n in net.nodes.values() if n.kind == "junction")
            top = max((c.full for c in net.conduits.values()), default=0.0)
            inflow = top * forcing.rain / DESIGN_RAIN / max(entries, 1)
        return Step(
            seconds,
            rain=self._changes("rain", opened.gages, {g: forcing.gages.get(g, forcing.rain) for g in opened.gages}),
            pumps=self._changes("pump", opened.links, forcing.pumps),
            limits=self._changes("limit", opened.links, limits),
            stages=self._changes("stage", opened.nodes, forcing.stages),
            inflow=inflow,
            save=save,
        )

    def _changes(self, kind: str, order: Iterable[str], values: Mapping[str, float]) -> tuple[tuple[int, float], ...]:
        if not values:
            return ()
        changed = []
        for index, key in enumerate(order):
            value = values.get(key)
            if value is not None and self._sent.get((kind, key)) != value:
                self._sent[kind, key] = value
                changed.append((index, value))
        return tuple(changed)

    async def _fail(self, error: EngineDied) -> None:
        log.error("hydraulics stopped at %d s, will start again: %s", self._at, error)
        self.water = None
        if self._engine is not None:
            await self._engine.close()
            self._engine = None
        stuck = self._at - self._saved_at < RETRY_S and self.restarts > 0
        self._retry_at = self._at + (RETRY_S if stuck else 0)

    async def _revive(self) -> bool:
        """Try again from the last saved state, and from the beginning if that is refused too."""
        if self._at < self._retry_at:
            return False
        hotstart = str(self._saved) if self._saved else ""
        try:
            await self._open(hotstart)
        except EngineDied as error:
            log.debug("hydraulics refused to start: %s", error)
            self._saved, self._retry_at = None, self._at + RETRY_S
            if self._engine is not None:
                await self._engine.close()
                self._engine = None
            return False
        self.restarts += 1
        log.warning("hydraulics runs again from %s", "its last saved state" if hotstart else "the beginning")
        return True
