"""The virtual county's registers without sockets: every request is a real PDU that a device's own image answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.modbus.port import Block, LinkCounters
from lampwell.assets import County, Link
from lampwell.clock import Clock
from lampwell.errors import DeviceRefused, NoAnswer
from lampwell.profiles.model import Space
from simulators.image import Image
from simulators.physics import PhysicalWorld
from simulators.serving import images_of

FUNCTIONS = {Space.COIL: 1, Space.DISCRETE: 2, Space.HOLDING: 3, Space.INPUT: 4}
CLOSE_MS = 30_000
"""So long after it was written to the world is moved on at every look, for a contactor moves within the second."""


@dataclass
class Yard:
    """The world of a county and its registers. It is moved on when it is read, but not for less than ``lag_ms``."""

    county: County
    world: PhysicalWorld
    clock: Clock
    lag_ms: int
    images: Mapping[str, Image] = field(init=False)
    requests: int = 0
    _touched: int = 0

    def __post_init__(self) -> None:
        self.images = images_of(self.county, self.world.plants)

    def link(self, link: Link) -> PortLink:
        """The master's side of a link."""
        return PortLink(self, {one.unit: self.images[one.id] for one in self.county.devices if one.link == link.id})

    async def catch_up(self, *, near: bool = False) -> None:
        """Bring the world near enough to now, or (``near``, and for a while after) to this very moment."""
        now = self.clock.now()
        self.requests += 1
        due = near or now - self._touched < CLOSE_MS or now - self.world.now >= self.lag_ms
        if due and now > self.world.now:
            await self.world.advance(now)
            for image in self.images.values():
                image.touch()
        if near:
            self._touched = now


@dataclass
class PortLink:
    """A Modbus link (see ``gateway.modbus.port``) that ends in this process."""

    yard: Yard
    units: Mapping[int, Image]
    connected: bool = False
    counters: LinkCounters = field(default_factory=LinkCounters)

    async def connect(self) -> None:
        """Always there."""
        self.connected = True

    async def close(self) -> None:
        """Until it is connected again."""
        self.connected = False

    async def read(self, unit: int, block: Block, timeout_s: float | None = None) -> bytes:  # noqa: ARG002 - it answers at once
        """The data bytes of the answer."""
        await self.yard.catch_up()
        answer = self._ask(unit, bytes((FUNCTIONS[block.space],)) + _words(block.address, block.count))
        return answer[2:]

    async def write_registers(self, unit: int, address: int, words: Sequence[int]) -> None:
        """Function 16."""
        await self.yard.catch_up(near=True)
        self._ask(unit, b"\x10" + _words(address, len(words)) + bytes((2 * len(words),)) + _words(*words))

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        """Function 15."""
        await self.yard.catch_up(near=True)
        packed = sum(bool(bit) << n for n, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
        self._ask(unit, b"\x0f" + _words(address, len(bits)) + bytes((len(packed),)) + packed)

    def _ask(self, unit: int, pdu: bytes) -> bytes:
        image = self.units.get(unit)
        if image is None:
            raise NoAnswer(f"no unit {unit}")
        answer = image.answer(pdu)
        if answer[0] & 0x80:
            raise DeviceRefused(f"unit {unit} refuses {pdu.hex()}", answer[1])
        return answer


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)
