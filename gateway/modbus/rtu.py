"""Modbus RTU, on a serial line and over TCP: one request in flight, and no trust after anything went wrong.

RTU has no transaction ids, so an answer that comes late looks like the answer to the next request. After a timeout, a bad answer
or an abandoned request the line is therefore not believed: over TCP the connection is closed (its owner opens a new one); on a
serial line nothing is sent until it was quiet for ``quiet_s``, or until the late answer itself has come and was dropped.
An answer counts only when the silence that ends a frame has followed it: what is glued to it shows in that time and spoils it.

What no master can tell: a device that repeats its last answer, alone and whole, just when the next request has gone out. A pause
between requests (``pause_s``) lets such a repetition fall into it, where it is dropped.
"""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

import serial

from gateway.modbus.exchange import Alarm, Exchange
from gateway.modbus.frames import Request, rtu_answer, rtu_frame
from gateway.modbus.port import LinkCounters
from lampwell.assets import Link
from lampwell.errors import BadAnswer, DeviceRefused, LinkDown, ModbusError

MAX_NOISE_QUIETS = 20  # a line that is not quiet after so many quiet times in a row is reported as down
GLANCE_S = 0.02  # the quiet may end sooner than it seemed: the late answer came
AFTER_LATE_S = 0.05  # once the late answer has come nothing more is owed: a short silence is enough


class Port(Protocol):
    """Where bytes go out."""

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None: ...


class RtuWire(asyncio.Protocol):
    """RTU framing over one open port. ``reopens``: close the port instead of waiting for quiet (RTU over TCP)."""

    def __init__(self, name: str, counters: LinkCounters, *, quiet_s: float, hold_s: float, reopens: bool) -> None:
        self.lost = False
        self._name = name
        self._counters = counters
        self._quiet_s = quiet_s
        self._hold_s = hold_s
        self._held: Alarm | None = None
        self._reopens = reopens
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._exchange: Exchange | None = None
        self._owed: Exchange | None = None  # given up, its answer may still come
        self._quiet_at = 0.0

    def ask(self, unit: int, request: Request, timeout_s: float) -> asyncio.Future[bytes]:
        """Send a request; see ``client.Wire``. The line must have settled."""
        assert self._exchange is None, "RTU carries one request at a time"
        self._exchange = exchange = Exchange(unit, request, timeout_s, self._silent, self._loop)
        self._received = b""
        if self.lost:
            self._fail(LinkDown(f"{request.name} of unit {unit}: {self._name} is not connected"))
        else:
            self._write(rtu_frame(unit, request.pdu))
        return exchange.future

    async def settle(self) -> None:
        """Wait until the line can be believed again; LinkDown if noise never ends."""
        give_up_at = self._loop.time() + MAX_NOISE_QUIETS * self._quiet_s
        while not self.lost and (wait_s := self._quiet_at - self._loop.time()) > 0:
            if self._loop.time() > give_up_at:
                self.close("the line is never quiet")
                raise LinkDown(f"{self._name}: the line is never quiet")
            await asyncio.sleep(min(wait_s, GLANCE_S))
        self._owed = None

    def distrust(self) -> None:
        """Whatever comes now is not an answer."""
        if self._exchange is not None:
            self._exchange.fail(LinkDown(f"{self._name}: abandoned"))
        self._owed = self._exchange or self._owed
        self._release()
        if self._reopens:
            self.close("an answer may come late: connecting anew")
        else:
            self._quiet_at = self._loop.time() + self._quiet_s

    def close(self, reason: str) -> None:
        """Close now."""
        self._fail(LinkDown(f"{self._name}: {reason}"))
        self._port.abort()

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the port."""
        self._port: Port = transport  # type: ignore[assignment]  # a stream transport, or the serial port below

    def connection_lost(self, exc: Exception | None) -> None:
        """What is in flight will not be answered."""
        self._fail(LinkDown(f"{self._name}: connection lost ({exc or 'closed by the other side'})"))

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer in flight; of a late one; or of nobody."""
        exchange = self._exchange
        if exchange is None:
            self._unasked(data)
            return
        self._received += data
        try:
            answer = rtu_answer(exchange.request, exchange.unit, self._received)
        except DeviceRefused as error:
            self._hold(exchange, error)
        except BadAnswer as error:
            self._release()
            exchange.fail(error)
            self.distrust()
        else:
            if answer is not None:
                self._hold(exchange, answer)

    # -- what is believed, when the frame has ended ------------------------------------------------------------------------------

    def _hold(self, exchange: Exchange, outcome: bytes | DeviceRefused) -> None:
        exchange.complete()
        self._held = Alarm(self._loop, self._hold_s, lambda: self._deliver(exchange, outcome))

    def _deliver(self, exchange: Exchange, outcome: bytes | DeviceRefused) -> None:
        self._release()
        if isinstance(outcome, bytes):
            exchange.succeed(outcome)
        else:
            exchange.fail(outcome)

    def _release(self) -> None:
        """The exchange is over."""
        self._exchange = None
        if self._held is not None:
            self._held.cancel()
            self._held = None

    # -- what is not believed --------------------------------------------------------------------------------------------------

    def _silent(self, exchange: Exchange) -> None:
        if self._exchange is exchange:
            self._release()
            self._owed = exchange
            self.distrust()

    def _unasked(self, data: bytes) -> None:
        if self._owed is None:
            self._counters.stray += 1
            self.distrust()
            return
        self._received += data
        self._quiet_at = self._loop.time() + self._quiet_s
        if self._is_owed():
            self._counters.late += 1
            self._counters.late_s[self._owed.unit] = self._owed.age_s()
            self._owed = None
            self._quiet_at = self._loop.time() + min(AFTER_LATE_S, self._quiet_s)

    def _is_owed(self) -> bool:
        """Whether what came late is the whole answer that was given up."""
        assert self._owed is not None
        try:
            return rtu_answer(self._owed.request, self._owed.unit, self._received) is not None
        except DeviceRefused:
            return True
        except BadAnswer:
            return False

    def _write(self, frame: bytes) -> None:
        try:
            self._port.write(frame)
        except OSError as error:
            self.close(f"can not write ({error})")

    def _fail(self, error: ModbusError) -> None:
        self.lost = True
        exchange = self._exchange
        self._release()
        if exchange is not None:
            exchange.fail(error)


class SerialPort:
    """A serial line (or pseudo-terminal) on the event loop: no threads, no blocking calls."""

    def __init__(self, line: serial.Serial, wire: RtuWire) -> None:
        self._line = line
        self._wire = wire
        self._fd: int = line.fileno()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> None:
        """Hand over a frame. A port that does not take a whole frame at once is stuck: OSError."""
        if os.write(self._fd, data) != len(data):
            raise OSError("the port does not take a whole frame")

    def abort(self) -> None:
        """Close the port."""
        if self._line.is_open:
            self._loop.remove_reader(self._fd)
            self._line.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 1024)
        except BlockingIOError:
            return
        except OSError as error:
            self.abort()
            self._wire.connection_lost(error)
            return
        if data:
            self._wire.data_received(data)
        else:
            self.abort()
            self._wire.connection_lost(None)


def silence_s(link: Link) -> float:
    """The silence between frames: 3.5 characters, 1.75 ms above 19,200 baud (Modbus serial line guide)."""
    return 0.00175 if link.baud > 19200 else 3.5 * 11 / link.baud


async def open_rtu_over_tcp(link: Link, counters: LinkCounters) -> RtuWire:
    """Connect to a converter that passes RTU frames through TCP, or raise OSError."""
    loop = asyncio.get_running_loop()
    wire = RtuWire(link.endpoint, counters, quiet_s=link.timeout_s, hold_s=silence_s(link), reopens=True)
    await loop.create_connection(lambda: wire, link.host, link.port)
    return wire


async def open_serial(link: Link, counters: LinkCounters) -> RtuWire:
    """Open a serial line for ourselves alone, or raise OSError."""
    line = serial.Serial(
        link.path, link.baud, parity=link.parity, stopbits=link.stop_bits, timeout=0, write_timeout=0, exclusive=True
    )  # SerialException is an OSError
    wire = RtuWire(link.endpoint, counters, quiet_s=link.timeout_s, hold_s=silence_s(link), reopens=False)
    wire.connection_made(SerialPort(line, wire))  # type: ignore[arg-type]  # all of a transport that the wire uses
    return wire
