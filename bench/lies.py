"""Hostile Modbus answers, made from true ones: every fault of header, length, unit, function, count, order and time.

A lie carries data that differs from the truth wherever it could be taken for it, so that any acceptance shows. Bit errors under
RTU's CRC are those it is made to find (1 to 3 flipped bits, one burst of up to 16); random errors beyond pass any 16-bit check
once in 65,536 times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gateway.modbus.frames import rtu_frame
from lampwell.profiles.model import Space

PduLie = Callable[["Question", Random], tuple[int, bytes]]
FrameLie = Callable[["Question", Random], bytes]
SPACES = {Space.COIL: 1, Space.DISCRETE: 2, Space.HOLDING: 3, Space.INPUT: 4}


@dataclass(frozen=True, slots=True)
class Question:
    """One read and its true answer; ``transaction`` counts on TCP only."""

    unit: int
    function: int
    truth: bytes
    transaction: int = 0

    @property
    def pdu(self) -> bytes:
        """The true answer."""
        return bytes((self.function, len(self.truth))) + self.truth


def other(truth: bytes, rng: Random) -> bytes:
    """As many bytes, and not the same."""
    while (lie := rng.randbytes(len(truth))) == truth:
        pass
    return lie


def tcp(transaction: int, unit: int, pdu: bytes, *, protocol: int = 0, longer: int = 0) -> bytes:
    """A frame whose header may lie."""
    length = len(pdu) + 1 + longer & 0xFFFF
    return transaction.to_bytes(2, "big") + protocol.to_bytes(2, "big") + length.to_bytes(2, "big") + bytes((unit,)) + pdu


# -- lies about the PDU: they work under either framing ------------------------------------------------------------------------


def wrong_unit(q: Question, rng: Random) -> tuple[int, bytes]:
    return q.unit ^ rng.randint(1, 255), bytes((q.function, len(q.truth))) + other(q.truth, rng)


def wrong_function(q: Question, rng: Random) -> tuple[int, bytes]:
    function = rng.choice([f for f in range(256) if f not in (q.function, q.function | 0x80)])
    return q.unit, bytes((function, len(q.truth))) + other(q.truth, rng)


def wrong_count(q: Question, rng: Random) -> tuple[int, bytes]:
    count = rng.choice([n for n in range(251) if n != len(q.truth)])
    return q.unit, bytes((q.function, count)) + rng.randbytes(count)


def count_not_true(q: Question, rng: Random) -> tuple[int, bytes]:
    return q.unit, bytes((q.function, len(q.truth) ^ rng.randint(1, 255))) + other(q.truth, rng)


def too_few(q: Question, rng: Random) -> tuple[int, bytes]:
    return q.unit, q.pdu[: rng.randint(1, len(q.pdu) - 1)]


def too_many(q: Question, rng: Random) -> tuple[int, bytes]:
    room = 253 - len(q.pdu)
    return q.unit, bytes((q.function, len(q.truth))) + other(q.truth, rng) + rng.randbytes(rng.randint(1, max(1, room)))


def refused(q: Question, rng: Random) -> tuple[int, bytes]:
    return q.unit, bytes((q.function | 0x80, rng.randint(1, 11)))


def refused_at_length(q: Question, rng: Random) -> tuple[int, bytes]:
    return q.unit, bytes((q.function | 0x80, len(q.truth))) + other(q.truth, rng)


PDU_LIES: tuple[PduLie, ...] = (
    wrong_unit,
    wrong_function,
    wrong_count,
    count_not_true,
    too_few,
    too_many,
    refused,
    refused_at_length,
)


# -- lies about the frame ------------------------------------------------------------------------------------------------------


def _lie(q: Question, rng: Random) -> bytes:
    """An answer with nothing wrong but its data."""
    return bytes((q.function, len(q.truth))) + other(q.truth, rng)


def _tcp_true(q: Question) -> bytes:
    return tcp(q.transaction, q.unit, q.pdu)


def _stray(q: Question, rng: Random) -> bytes:
    return tcp(q.transaction ^ rng.randint(1, 0xFFFF), q.unit, _lie(q, rng))


def _tcp_pdu(make: PduLie) -> FrameLie:
    return lambda q, rng: tcp(q.transaction, *make(q, rng))


def _rtu_pdu(make: PduLie) -> FrameLie:
    return lambda q, rng: rtu_frame(*make(q, rng))


def _rtu_lie(q: Question, rng: Random) -> bytes:
    return rtu_frame(q.unit, _lie(q, rng))


def _cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randint(1, len(data) - 1)]


TCP_LIES: dict[str, FrameLie] = {make.__name__: _tcp_pdu(make) for make in PDU_LIES} | {
    "wrong_transaction": _stray,
    "next_transaction": lambda q, rng: tcp(q.transaction + 1 & 0xFFFF, q.unit, _lie(q, rng)),
    "wrong_protocol": lambda q, rng: tcp(q.transaction, q.unit, _lie(q, rng), protocol=rng.randint(1, 0xFFFF)),
    "length_too_long": lambda q, rng: tcp(q.transaction, q.unit, _lie(q, rng), longer=rng.randint(1, 300)),
    "length_too_short": lambda q, rng: tcp(q.transaction, q.unit, _lie(q, rng), longer=-rng.randint(1, len(q.truth) + 2)),
    "truncated": lambda q, rng: _cut(_tcp_true(q), rng),
    "truncated_then_stray": lambda q, rng: _cut(_tcp_true(q), rng) + _stray(q, rng),
    "garbage": lambda _, rng: rng.randbytes(rng.randint(1, 300)),
    "empty_pdu": lambda q, _: tcp(q.transaction, q.unit, b""),
    "glued_stray_first": lambda q, rng: _stray(q, rng) + _tcp_true(q),
    "glued_stray_last": lambda q, rng: _tcp_true(q) + _stray(q, rng),
    "twice_then_other": lambda q, rng: _tcp_true(q) + tcp(q.transaction, q.unit, _lie(q, rng)),
}
"""Every kind of hostile bytes in place of (or around) the answer on Modbus TCP."""

RTU_LIES: dict[str, FrameLie] = {make.__name__: _rtu_pdu(make) for make in PDU_LIES} | {
    "bit_flips": lambda q, rng: _flipped(_rtu_lie(q, rng), rng),
    "burst": lambda q, rng: _burst(_rtu_lie(q, rng), rng),
    "wrong_crc": lambda q, rng: (frame := _rtu_lie(q, rng))[:-2] + other(frame[-2:], rng),
    "truncated": lambda q, rng: _cut(_rtu_lie(q, rng), rng),
    "garbage": lambda _, rng: rng.randbytes(rng.randint(1, 300)),
    "noise_first": lambda q, rng: rng.randbytes(1) + _rtu_lie(q, rng),
    "glued_late_first": lambda q, rng: _rtu_lie(q, rng) + rtu_frame(q.unit, q.pdu),
    "glued_late_last": lambda q, rng: rtu_frame(q.unit, q.pdu) + _rtu_lie(q, rng),
    "glued_other_unit": lambda q, rng: rtu_frame(q.unit ^ rng.randint(1, 255), _lie(q, rng)) + rtu_frame(q.unit, q.pdu),
    "swallowed_byte": lambda q, rng: _without(_rtu_lie(q, rng), rng),
}
"""The same on RTU, most of it under a right CRC."""


def pieces(fault: str, data: bytes, rng: Random) -> list[bytes]:
    """The same bytes as a stream brings them: in one to four pieces.

    Not so the answer that lacks bytes and is followed by another: where a piece ends just when the other has filled it
    up, no client can tell it from a whole one without making every read wait.
    """
    if fault == "truncated_then_stray":
        return [data]
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randint(0, 3)))
    return [piece for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if (piece := data[a:b])]


def _flipped(frame: bytes, rng: Random) -> bytes:
    number = int.from_bytes(frame, "big")
    for bit in rng.sample(range(8 * len(frame)), rng.randint(1, 3)):
        number ^= 1 << bit
    return number.to_bytes(len(frame), "big")


def _burst(frame: bytes, rng: Random) -> bytes:
    """One burst as the line sees it: bits travel lowest first."""
    width = rng.randint(1, 16)
    pattern = rng.getrandbits(width) | 1 | 1 << width - 1
    spoiled = int.from_bytes(frame, "little") ^ pattern << rng.randrange(8 * len(frame) - width)
    return spoiled.to_bytes(len(frame), "little")


def _without(frame: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(frame))
    return frame[:at] + frame[at + 1 :]
