"""One Modbus connection: a window of requests in flight, pauses between them, what went wrong counted. Bytes are a wire's affair.

Nothing here retries or reconnects: the owner of the link decides that.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Protocol

from gateway.modbus.frames import Request, read_request, write_bits_request, write_words_request
from gateway.modbus.port import Block, LinkCounters
from gateway.modbus.rtu import open_rtu_over_tcp, open_serial
from gateway.modbus.tcp import open_tcp
from lampwell.assets import Link, Transport
from lampwell.errors import BadAnswer, DeviceRefused, LinkDown, ModbusError, NoAnswer

CONNECT_TIMEOUT_S = 3.0

_read_request = lru_cache(maxsize=8192)(read_request)


class Wire(Protocol):
    """One open connection with its framing. It dies with the connection; a new connection is a new wire."""

    @property
    def lost(self) -> bool:
        """True once it can not be used any more."""
        ...

    def ask(self, unit: int, request: Request, timeout_s: float) -> asyncio.Future[bytes]:
        """Send a request; the future brings the checked data or LinkDown, NoAnswer, BadAnswer, DeviceRefused."""
        ...

    async def settle(self) -> None:
        """Return when the next request may be sent without an older answer being taken for its own; LinkDown if never."""
        ...

    def distrust(self) -> None:
        """The request in flight was abandoned: its answer must never be taken for another's."""
        ...

    def close(self, reason: str) -> None:
        """Close the connection now; what is in flight gets LinkDown."""
        ...


class ModbusClient:
    """A ``ModbusLink`` over wires that ``open_wire`` opens. ``pause_s`` real seconds lie between an answer and a request."""

    def __init__(
        self,
        name: str,
        open_wire: Callable[[LinkCounters], Awaitable[Wire]],
        *,
        timeout_s: float = 1.0,
        pause_s: float = 0.0,
        connect_pause_s: float = 0.0,
        in_flight: int = 1,
        settles: bool = False,
    ) -> None:
        self.name = name
        self.counters = LinkCounters()
        self._open_wire = open_wire
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._connect_pause_s = connect_pause_s
        self._window = asyncio.Semaphore(in_flight)
        self._paced = settles or pause_s > 0
        self._free_at = 0.0
        self._wire: Wire | None = None

    @property
    def connected(self) -> bool:
        """Whether a request could be sent now."""
        return self._wire is not None and not self._wire.lost

    async def connect(self) -> None:
        """Open the link if it is not, and wait the link's pause after connecting. LinkDown if it can not be opened."""
        if self.connected:
            return
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._wire = await self._open_wire(self.counters)
        except TimeoutError:
            self.counters.link_down += 1
            raise LinkDown(f"connect {self.name}: no connection within {CONNECT_TIMEOUT_S:g} s") from None
        except OSError as error:
            self.counters.link_down += 1
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise LinkDown(f"connect {self.name}: {reason}") from error
        self.counters.connects += 1
        if self._connect_pause_s:
            await asyncio.sleep(self._connect_pause_s)

    async def close(self) -> None:
        """Close the link; connect opens it again."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close("closed")

    async def read(self, unit: int, block: Block, timeout_s: float | None = None) -> bytes:
        """The data bytes of the block, as ``ModbusLink.read`` says."""
        return await self._ask(unit, _read_request(block), timeout_s)

    async def write_registers(self, unit: int, address: int, words: Sequence[int]) -> None:
        """Function 6 or 16; returns when the device has confirmed."""
        await self._ask(unit, write_words_request(address, words))

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        """Function 5 or 15; returns when the device has confirmed."""
        await self._ask(unit, write_bits_request(address, bits))

    async def _ask(self, unit: int, request: Request, timeout_s: float | None = None) -> bytes:
        async with self._window:
            if self._paced:
                await self._pace()
            wire = self._wire
            try:
                if wire is None or wire.lost:
                    raise LinkDown(f"{request.name} of unit {unit}: {self.name} is not connected")
                self.counters.requests += 1
                data = await wire.ask(unit, request, timeout_s or self._timeout_s)
            except ModbusError as error:
                self._count(error)
                raise
            except asyncio.CancelledError:
                if wire is not None:
                    wire.distrust()
                raise
            finally:
                if self._paced:
                    self._free_at = asyncio.get_running_loop().time() + self._pause_s
            self.counters.answers += 1
            return data

    async def _pace(self) -> None:
        wait_s = self._free_at - asyncio.get_running_loop().time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        if self._wire is not None and not self._wire.lost:
            await self._wire.settle()

    def _count(self, error: ModbusError) -> None:
        counters = self.counters
        match error:
            case NoAnswer():
                counters.no_answer += 1
            case BadAnswer():
                counters.bad_answer += 1
            case DeviceRefused():
                counters.refused += 1
            case LinkDown():
                counters.link_down += 1


def open_link(link: Link) -> ModbusClient:
    """A client for a link of the county; nothing is opened yet. RTU has one request in flight, whatever the link says."""
    is_tcp = link.transport is Transport.TCP
    return ModbusClient(
        link.endpoint,
        _OPENERS[link.transport](link),
        timeout_s=link.timeout_s,
        pause_s=link.pause_s,
        connect_pause_s=link.connect_pause_s,
        in_flight=link.in_flight if is_tcp else 1,
        settles=not is_tcp,
    )


_OPENERS: dict[Transport, Callable[[Link], Callable[[LinkCounters], Awaitable[Wire]]]] = {
    Transport.TCP: lambda link: lambda counters: open_tcp(link.host, link.port, counters),
    Transport.RTU_OVER_TCP: lambda link: lambda counters: open_rtu_over_tcp(link, counters),
    Transport.RTU: lambda link: lambda counters: open_serial(link, counters),
}
