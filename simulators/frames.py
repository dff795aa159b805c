"""Modbus frames as a server sees them: requests out of a byte stream, answers into bytes. Pure, no I/O.

Sources: MODBUS Application Protocol V1.1b3 (PDU, exception codes), MODBUS Messaging on TCP/IP V1.0b (MBAP header),
MODBUS over Serial Line V1.02 (RTU framing, CRC-16 with polynomial 0xA001, low byte first).
"""

from __future__ import annotations

from typing import NamedTuple

SILENCE_S = 0.05
"""A longer gap inside an RTU request ends it. Real lines use 3.5 characters (4 ms at 9600 baud), but sockets jitter."""

_MBAP = 7
_LONGEST_RTU = 256


class BadFrame(ValueError):
    """The stream is not Modbus TCP; the only cure is to drop the connection."""


class Request(NamedTuple):
    """One request: ``transaction`` is 0 on RTU. ``size`` counts all its bytes on the wire."""

    transaction: int
    unit: int
    pdu: bytes
    size: int


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes | bytearray) -> bytes:
    """The two check bytes in the order they are sent."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def exception(function: int, code: int) -> bytes:
    """The PDU by which a device refuses."""
    return bytes(((function & 0x7F) | 0x80, code))


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A PDU behind its MBAP header."""
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """A PDU between its unit address and its check."""
    body = bytes((unit,)) + pdu
    return body + crc16(body)


class TcpFramer:
    """Cuts Modbus TCP requests out of one connection's stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes, now: float) -> list[Request]:  # noqa: ARG002  TCP needs no time, but both framers are fed alike
        """All requests now complete, in order. Raises BadFrame where the header is impossible."""
        buffer = self._buffer
        buffer += data
        requests = []
        while len(buffer) >= _MBAP:
            length = buffer[4] << 8 | buffer[5]
            if buffer[2] or buffer[3] or not 2 <= length <= 254:
                raise BadFrame(f"not a Modbus TCP header: {bytes(buffer[:_MBAP]).hex(' ')}")
            if len(buffer) < 6 + length:
                break
            requests.append(Request(buffer[0] << 8 | buffer[1], buffer[6], bytes(buffer[7 : 6 + length]), 6 + length))
            del buffer[: 6 + length]
        return requests


class RtuFramer:
    """Cuts RTU requests out of a line's (or a socket's) stream, by function code, check and silence.

    Noise before a request is skipped by looking for the next place where a whole request with a right check begins.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._last = 0.0

    def feed(self, data: bytes, now: float) -> list[Request]:
        """All requests now complete, in order. ``now`` in seconds of any monotonic clock."""
        if now - self._last > SILENCE_S:
            self._buffer.clear()
        self._last = now
        self._buffer += data
        requests = []
        while request := self._take():
            requests.append(request)
        del self._buffer[:-_LONGEST_RTU]
        return requests

    def _take(self) -> Request | None:
        buffer = self._buffer
        for start in range(len(buffer) - 3):
            end = _rtu_end(buffer, start)
            if end is not None and end <= len(buffer) and crc16(buffer[start : end - 2]) == buffer[end - 2 : end]:
                request = Request(0, buffer[start], bytes(buffer[start + 1 : end - 2]), end - start)
                del buffer[:end]
                return request
        return None


def _rtu_end(buffer: bytearray, start: int) -> int | None:
    """Where a request beginning at ``start`` ends; None where that is not known yet. An unknown function takes all there is."""
    function = buffer[start + 1]
    if 1 <= function <= 6:
        return start + 8
    if function in (15, 16):
        return start + 9 + buffer[start + 6] if len(buffer) > start + 6 else None
    return len(buffer) if start == 0 else None
