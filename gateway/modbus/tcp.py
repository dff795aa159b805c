"""Modbus TCP: answers find their request by transaction id, so several may be in flight and a late one is only counted.

What no client can tell without making every read wait: an answer that lacks bytes and is filled up, within one segment and to the
last byte, by the beginning of another.
"""

from __future__ import annotations

import asyncio
import random

from gateway.modbus.exchange import Alarm, Exchange
from gateway.modbus.frames import HEADER, Request, check_answer
from gateway.modbus.port import LinkCounters
from lampwell.errors import BadAnswer, DeviceRefused, LinkDown, ModbusError

MAX_FORGOTTEN = 1000  # transaction ids that were given up and are not used again; then the connection is made anew
MIN_LENGTH, MAX_LENGTH = 3, 254  # of unit, function and data, by the header
HOLD_S = 0.005
Frame = tuple[int, int, bytes]
"""Transaction, unit, PDU."""


class MbapWire(asyncio.Protocol):
    """One TCP connection with MBAP framing. A header that can not be one closes it: after it no byte can be trusted."""

    def __init__(self, name: str, counters: LinkCounters) -> None:
        self.lost = False
        self._name = name
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._held: list[Frame] = []
        self._pending: dict[int, Exchange] = {}
        self._forgotten: dict[int, Exchange] = {}
        self._last = random.getrandbits(16)  # a converter may still hold an answer to an earlier connection

    def ask(self, unit: int, request: Request, timeout_s: float) -> asyncio.Future[bytes]:
        """Send a request; see ``client.Wire``."""
        exchange = Exchange(unit, request, timeout_s, self._forget, self._loop)
        pdu = request.pdu
        transaction = self._next()
        self._pending[transaction] = exchange
        self._transport.write(HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu)
        return exchange.future

    async def settle(self) -> None:
        """Nothing to wait for: an old answer carries its own transaction id."""

    def distrust(self) -> None:
        """Nothing to do: the abandoned request keeps its transaction id until its time is up."""

    def close(self, reason: str) -> None:
        """Close now."""
        self._fail(LinkDown(f"{self._name}: {reason}"))
        self._transport.abort()

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # create_connection gives a stream transport

    def connection_lost(self, exc: Exception | None) -> None:
        """What is in flight will not be answered."""
        self._fail(LinkDown(f"{self._name}: connection lost ({exc or 'closed by the other side'})"))

    def data_received(self, data: bytes) -> None:
        """Cut the stream into frames. Nearly always a chunk is whole frames; those count at once."""
        if self._buffer and self._begins_frame(data):
            self._malformed(self._buffer)
            return
        was_whole = not self._buffer and not self._held
        frames = self._cut(self._buffer + data)
        if was_whole and not self._buffer:
            for frame in frames:
                self._answered(*frame)
        elif frames and not self.lost:
            self._hold(frames)

    def _cut(self, data: bytes) -> list[Frame]:
        """The frames in these bytes; what is left waits for more. None at all if there is no header where one must be."""
        frames = []
        at, size = 0, len(data)
        while size - at >= 7:
            transaction, protocol, length, unit = HEADER.unpack_from(data, at)
            if protocol or not MIN_LENGTH <= length <= MAX_LENGTH:
                self._malformed(data[at : at + 7])
                return []
            end = at + 6 + length
            if end > size:
                break
            frames.append((transaction, unit, data[at + 7 : end]))
            at = end
        self._buffer = data[at:]
        return frames

    # -- split frames ----------------------------------------------------------------------------------------------------------

    def _hold(self, frames: list[Frame]) -> None:
        """A frame that came in pieces may lack bytes of its own and have taken those of the next: it counts only when nothing
        impossible has followed for a while.
        """
        if not self._held:
            Alarm(self._loop, HOLD_S, self._release)
        self._held += frames

    def _release(self) -> None:
        if self.lost:
            return
        held, self._held = self._held, []
        if not self._buffer:
            for frame in held:
                self._answered(*frame)
        elif len(self._pending) > len(held):
            self._hold(held)
        else:
            self._malformed(self._buffer)

    def _begins_frame(self, data: bytes) -> bool:
        """Whether these bytes, which should complete a frame, begin another answer to us: the first one lacks its end."""
        if len(data) < 7:
            return False
        transaction, protocol, length, _ = HEADER.unpack_from(data)
        known = transaction in self._pending or transaction in self._forgotten
        return known and protocol == 0 and MIN_LENGTH <= length <= MAX_LENGTH

    # -- answers ---------------------------------------------------------------------------------------------------------------

    def _answered(self, transaction: int, unit: int, pdu: bytes) -> None:
        exchange = self._pending.pop(transaction, None)
        if exchange is None or exchange.future.done():
            self._unasked(exchange or self._forgotten.pop(transaction, None), unit)
            return
        try:
            data = check_answer(exchange.request, exchange.unit, unit, pdu)
        except (BadAnswer, DeviceRefused) as error:
            exchange.fail(error)
        else:
            exchange.succeed(data)

    def _unasked(self, exchange: Exchange | None, unit: int) -> None:
        """An answer nobody waits for. If its request was given up it tells how slow the unit is."""
        if exchange is None or exchange.unit != unit:
            self._counters.stray += 1
            return
        self._counters.late += 1
        self._counters.late_s[unit] = exchange.age_s()

    def _forget(self, exchange: Exchange) -> None:
        for transaction, pending in self._pending.items():
            if pending is exchange:
                del self._pending[transaction]
                self._forgotten[transaction] = exchange
                break
        if len(self._forgotten) >= MAX_FORGOTTEN:
            self.close(f"{MAX_FORGOTTEN} requests given up: connecting anew")

    def _next(self) -> int:
        """All 65,536 ids scattered (a congruence of full period), so that an id off by a little fits no request."""
        transaction = self._last * 20077 + 12345 & 0xFFFF
        while transaction in self._pending or transaction in self._forgotten:
            transaction = transaction * 20077 + 12345 & 0xFFFF
        self._last = transaction
        return transaction

    def _malformed(self, header: bytes) -> None:
        self._fail(BadAnswer(f"{self._name}: not a Modbus TCP header: {header.hex(' ')}"))
        self._transport.abort()

    def _fail(self, error: ModbusError) -> None:
        self.lost = True
        self._held.clear()
        pending, self._pending = self._pending, {}
        for exchange in pending.values():
            exchange.fail(error)


async def open_tcp(host: str, port: int, counters: LinkCounters) -> MbapWire:
    """Connect, or raise OSError."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(lambda: MbapWire(f"{host}:{port}", counters), host, port)
    return wire
