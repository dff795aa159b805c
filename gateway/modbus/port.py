"""All the rest of the gateway knows of Modbus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lampwell.profiles.model import Space


@dataclass(frozen=True, slots=True)
class Block:
    """One request: ``count`` registers or bits of a space from a 0-based address."""

    space: Space
    address: int
    count: int

    def __str__(self) -> str:
        return f"{self.space} {self.address}+{self.count}"


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was made. ``late``: answers that came after their request was given up, dropped.

    ``stray``: answers or bytes that nobody had asked for, dropped. ``late_s``: by unit, how many seconds after its request
    its last late answer came; whoever learns timeouts takes it out.
    """

    requests: int = 0
    answers: int = 0
    connects: int = 0
    no_answer: int = 0
    bad_answer: int = 0
    refused: int = 0
    link_down: int = 0
    late: int = 0
    stray: int = 0
    late_s: dict[int, float] = field(default_factory=dict)


class ModbusLink(Protocol):
    """One link. Only its owner task calls it. Errors: LinkDown, NoAnswer, BadAnswer, DeviceRefused of ``lampwell.errors``."""

    @property
    def connected(self) -> bool: ...

    @property
    def counters(self) -> LinkCounters: ...

    async def connect(self) -> None:
        """Open the link or raise LinkDown."""
        ...

    async def read(self, unit: int, block: Block, timeout_s: float | None = None) -> bytes:
        """The data bytes of the answer: 2 per register, big-endian as on the wire; bits packed as on the wire."""
        ...

    async def write_registers(self, unit: int, address: int, words: Sequence[int]) -> None: ...

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None: ...

    async def close(self) -> None: ...
