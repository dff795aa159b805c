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


PDU_LIES: tuple[Callable[[Question, Random], tuple[int, bytes]], ...] = (
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


def tcp_lies(q: Question, rng: Random) -> dict[str, bytes]:
    """Every kind of hostile bytes in place of (or around) the answer to ``q`` on Modbus TCP."""
    lie = bytes((q.function, len(q.truth))) + other(q.truth, rng)
    true = tcp(q.transaction, q.unit, q.pdu)
    stray = tcp(q.transaction ^ rng.randint(1, 0xFFFF), q.unit, lie)
    lies = {make.__name__: tcp(q.transaction, *make(q, rng)) for make in PDU_LIES}
    return lies | {
        "wrong_transaction": stray,
        "next_transaction": tcp(q.transaction + 1 & 0xFFFF, q.unit, lie),
        "wrong_protocol": tcp(q.transaction, q.unit, lie, protocol=rng.randint(1, 0xFFFF)),
        "length_too_long": tcp(q.transaction, q.unit, lie, longer=rng.randint(1, 300)),
        "length_too_short": tcp(q.transaction, q.unit, lie, longer=-rng.randint(1, len(lie))),
        "truncated": true[: rng.randint(1, len(true) - 1)],
        "garbage": rng.randbytes(rng.randint(1, 300)),
        "empty_pdu": tcp(q.transaction, q.unit, b""),
        "glued_stray_first": stray + true,
        "glued_stray_last": true + stray,
        "twice_then_other": true + tcp(q.transaction, q.unit, lie),
    }


def rtu_lies(q: Question, rng: Random) -> dict[str, bytes]:
    """Every kind of hostile bytes in place of (or around) the answer to ``q`` on RTU, most under a right CRC."""
    lie = bytes((q.function, len(q.truth))) + other(q.truth, rng)
    true, before = rtu_frame(q.unit, q.pdu), rtu_frame(q.unit, lie)
    lies = {make.__name__: rtu_frame(*make(q, rng)) for make in PDU_LIES}
    return lies | {
        "bit_flips": _flipped(before, rng.sample(range(8 * len(before)), rng.randint(1, 3))),
        "burst": _burst(before, rng),
        "wrong_crc": before[:-2] + other(before[-2:], rng),
        "truncated": before[: rng.randint(1, len(before) - 1)],
        "garbage": rng.randbytes(rng.randint(1, 300)),
        "noise_first": bytes((rng.randrange(256),)) + before,
        "glued_late_first": before + true,
        "glued_late_last": true + before,
        "glued_other_unit": rtu_frame(q.unit ^ rng.randint(1, 255), lie) + true,
        "swallowed_byte": _without(before, rng.randrange(len(before))),
    }


def chunks(data: bytes, rng: Random) -> list[bytes]:
    """The same bytes as a stream brings them: in one to four pieces."""
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randint(0, 3)))
    return [piece for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if (piece := data[a:b])]


def _flipped(frame: bytes, bits: list[int]) -> bytes:
    number = int.from_bytes(frame, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(len(frame), "big")


def _burst(frame: bytes, rng: Random) -> bytes:
    """One burst as the line sees it: bits travel lowest first."""
    width = rng.randint(1, 16)
    pattern = rng.getrandbits(width) | 1 | 1 << width - 1
    spoiled = int.from_bytes(frame, "little") ^ pattern << rng.randrange(8 * len(frame) - width)
    return spoiled.to_bytes(len(frame), "little")


def _without(frame: bytes, at: int) -> bytes:
    return frame[:at] + frame[at + 1 :]
