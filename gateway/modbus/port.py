"""All the rest of the gateway knows of Modbus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


class ModbusLink(Protocol):
    """One link. Only its owner task calls it. Errors are those of ``lampwell.errors``: LinkDown, NoAnswer, BadAnswer, DeviceRefused."""

    @property
    def connected(self) -> bool: ...

    async def connect(self) -> None:
        """Open the link or raise LinkDown."""
        ...

    async def read(self, unit: int, block: Block, timeout_s: float | None = None) -> bytes:
        """The data bytes of the answer: 2 per register, big-endian as on the wire; bits packed as on the wire."""
        ...

    async def write_registers(self, unit: int, address: int, words: Sequence[int]) -> None: ...

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None: ...

    async def close(self) -> None: ...
