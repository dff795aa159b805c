"""Modbus frames, pure: requests out, and what may be believed of an answer.

The client is ours, and thin, because the guard must see whole frames: the common library takes a wrong function code, a wrong
register count and a late RTU answer for the truth (domain pitfalls 1, 6.1 and alarms-reliability 3.4), and costs 57-75 us a
transaction where this costs a quarter of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from gateway.modbus.port import Block
from lampwell.errors import BadAnswer, DeviceRefused
from lampwell.profiles.model import Space

READ = {Space.COIL: 1, Space.DISCRETE: 2, Space.HOLDING: 3, Space.INPUT: 4}
MAX_READ_WORDS, MAX_READ_BITS, MAX_WRITE_WORDS, MAX_WRITE_BITS = 125, 2000, 123, 1968
REFUSED = 0x80  # set in the function code of an exception answer
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "device behind the gateway did not answer",
}
HEADER = Struct(">HHHB")  # MBAP: transaction, protocol (0), bytes that follow, unit
_THREE = Struct(">BHH")


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to send: its ``pdu``, the ``head`` that the answer's PDU must begin with and its exact ``size``.

    A read's head is function and byte count; a write's is the whole echo. ``name`` begins every error message.
    """

    pdu: bytes
    head: bytes
    size: int
    name: str


def read_request(block: Block) -> Request:
    """Functions 1 to 4. ValueError outside the limits of Modbus."""
    limit = MAX_READ_BITS if block.space.is_bits else MAX_READ_WORDS
    _check_span(block.address, block.count, limit)
    function = READ[block.space]
    data = (block.count + 7) // 8 if block.space.is_bits else 2 * block.count
    return Request(_THREE.pack(function, block.address, block.count), bytes((function, data)), 2 + data, f"read {block}")


def write_words_request(address: int, words: Sequence[int]) -> Request:
    """Function 6 for one register, 16 for more. ValueError outside the limits of Modbus."""
    _check_span(address, len(words), MAX_WRITE_WORDS)
    name = f"write {Space.HOLDING} {address}+{len(words)}"
    if not all(0 <= word <= 0xFFFF for word in words):
        raise ValueError(f"{name}: a register holds 0..65535, not {list(words)}")
    if len(words) == 1:
        return _echoed(_THREE.pack(6, address, words[0]), 5, name)
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return _echoed(_THREE.pack(16, address, len(words)) + bytes((len(data),)) + data, 5, name)


def write_bits_request(address: int, bits: Sequence[bool]) -> Request:
    """Function 5 for one coil, 15 for more. ValueError outside the limits of Modbus."""
    _check_span(address, len(bits), MAX_WRITE_BITS)
    name = f"write {Space.COIL} {address}+{len(bits)}"
    if len(bits) == 1:
        return _echoed(_THREE.pack(5, address, 0xFF00 if bits[0] else 0), 5, name)
    packed = sum(bool(bit) << at for at, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    return _echoed(_THREE.pack(15, address, len(bits)) + bytes((len(packed),)) + packed, 5, name)


def check_answer(request: Request, unit: int, answer_unit: int, pdu: bytes) -> bytes:
    """The data bytes of an answer (of a write: the rest of its echo), or BadAnswer or DeviceRefused. All must match exactly."""
    if answer_unit == unit and len(pdu) == request.size and pdu.startswith(request.head):
        return pdu[2:]
    raise _why_not(request, unit, answer_unit, pdu)


def _why_not(request: Request, unit: int, answer_unit: int, pdu: bytes) -> BadAnswer | DeviceRefused:
    what = f"{request.name} of unit {unit}"
    function = request.head[0]
    if answer_unit != unit:
        return BadAnswer(f"{what}: unit {answer_unit} answered")
    if len(pdu) == 2 and pdu[0] == function | REFUSED:
        return DeviceRefused(f"{what}: exception {pdu[1]} ({EXCEPTIONS.get(pdu[1], 'not in the standard')})", pdu[1])
    if not pdu or pdu[0] != function:
        return BadAnswer(f"{what}: answer to function {pdu[0] if pdu else 'none'} instead of {function}")
    found, wanted = pdu[: len(request.head)].hex(" "), request.head.hex(" ")
    return BadAnswer(f"{what}: {len(pdu)} bytes beginning {found} instead of {request.size} beginning {wanted}")


def _check_span(address: int, count: int, limit: int) -> None:
    if not 1 <= count <= limit or not 0 <= address <= 0x10000 - count:
        raise ValueError(f"address {address}, count {count}: Modbus takes 1..{limit} within 0..65535")


def _echoed(pdu: bytes, size: int, name: str) -> Request:
    return Request(pdu, pdu[:size], size, name)


# -- RTU -----------------------------------------------------------------------------------------------------------------------


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1  # noqa: PLW2901
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> int:
    """The CRC of the Modbus serial line guide; it goes on the line low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """Unit, PDU and CRC."""
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def rtu_answer(request: Request, unit: int, received: bytes) -> bytes | None:
    """The data of the answer in what a line has brought since the request; None while it is not complete.

    RTU has no frame ends and no transaction ids, but the request tells the length of its answer, so anything else (another unit,
    function, a byte too many, a CRC that does not hold) is refused at the first byte that shows it: BadAnswer.
    """
    if len(received) < 2:
        return None
    refused = received[1] == request.head[0] | REFUSED
    size = 5 if refused else request.size + 3
    if received[0] != unit or not (refused or request.head.startswith(received[1 : 1 + len(request.head)])):
        raise _bad_line(request, unit, received, "not its answer")
    if len(received) < size:
        return None
    if len(received) > size:
        raise _bad_line(request, unit, received, f"{len(received) - size} bytes too many")
    if crc16(received[:-2]) != int.from_bytes(received[-2:], "little"):
        raise _bad_line(request, unit, received, "wrong CRC")
    return check_answer(request, unit, received[0], received[1:-2])


def _bad_line(request: Request, unit: int, received: bytes, reason: str) -> BadAnswer:
    return BadAnswer(f"{request.name} of unit {unit}: {reason}: {received[:8].hex(' ')}")
