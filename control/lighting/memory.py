"""What the fault detectors have learned, kept over a restart of control: baselines take nights to learn.

One file, replaced whole. A file that can not be read is told of and left out: the detectors then learn anew, which costs nights
and raises nothing false.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from control.lighting.faults.nodes import NodeState
from control.lighting.faults.watch import CabinetState
from lampwell.clock import Clock

log = logging.getLogger(__name__)

EVERY_S = 1800.0
FORMAT = 2
NAME = "lighting-faults.msgpack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """States by cabinet, and by lamp as its findings name it."""

    format: int = FORMAT
    cabinets: Mapping[str, CabinetState] = field(default_factory=dict)
    nodes: Mapping[str, NodeState] = field(default_factory=dict)


class Memory:
    """``learned`` gives what is known now; what an earlier life left is in ``load``."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path, self._clock = folder / NAME, clock

    async def load(self) -> Learned:
        """What an earlier life left; nothing where there is none, or none that can be read."""
        return await asyncio.to_thread(_read, self._path)

    async def save(self, learned: Learned) -> None:
        """Keep it. A disk that refuses is told of, and asked again the next time."""
        try:
            await asyncio.to_thread(_write, self._path, learned)
        except OSError as error:
            log.warning("what the lighting detectors have learned is not kept: %s: %s", self._path, error.strerror)

    async def pause(self) -> None:
        """Until it is time to save again."""
        await self._clock.sleep(EVERY_S)


def _read(path: Path) -> Learned:
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=Learned)
    except FileNotFoundError:
        return Learned()
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("what the lighting detectors had learned can not be read, they learn anew: %s: %s", path, error)
        return Learned()
    if found.format != FORMAT:
        log.warning("what the lighting detectors had learned is of another version, they learn anew: %s", path)
        return Learned()
    return found


def _write(path: Path, learned: Learned) -> None:
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(msgspec.msgpack.encode(learned))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
