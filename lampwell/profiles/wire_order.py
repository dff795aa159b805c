"""How many registers a value takes, and in which order its bytes lie in them.

``order`` says how bytes A (highest) to D lie on the wire: CDAB has its 16-bit words reversed, BADC the two bytes of every word,
DCBA both. For a single word CDAB equals ABCD, and BADC and DCBA swap its two bytes. For 64 bits and text the same, word-wise.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from lampwell.profiles.model import Encoding, Order, WireType

CODES = {
    WireType.U16: "H",
    WireType.I16: "h",
    WireType.U32: "I",
    WireType.I32: "i",
    WireType.U64: "Q",
    WireType.I64: "q",
    WireType.F32: "f",
    WireType.F64: "d",
    WireType.BITS: "H",
}
FLOATS = (WireType.F32, WireType.F64)


def words_of(encoding: Encoding) -> int:
    """Registers (or, for a coil or discrete input, bits) that the value takes."""
    match encoding.type:
        case WireType.TEXT:
            return encoding.words
        case WireType.BCD_TIME:
            return 3
        case WireType.BOOL:
            return 1
        case _:
            return struct.calcsize(">" + CODES[encoding.type]) // 2


def raw_limits(type_: WireType) -> tuple[float, float]:
    """The smallest and largest raw number the type can hold (infinite for floats)."""
    if type_ in FLOATS:
        return -math.inf, math.inf
    bits = 8 * struct.calcsize(">" + CODES[type_])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if CODES[type_].islower() else (0, (1 << bits) - 1)


def unpacker(encoding: Encoding) -> Callable[[bytes], tuple[int | float, ...]]:
    """A function from the bytes of a number as they came to the raw number, alone in a tuple."""
    words = words_of(encoding)
    little = encoding.order in (Order.BADC, Order.DCBA)
    unpack = struct.Struct(("<" if little else ">") + CODES[encoding.type]).unpack
    if words == 1 or encoding.order in (Order.ABCD, Order.DCBA):
        return unpack
    return lambda data: unpack(_reverse_words(data))


def packer(encoding: Encoding) -> Callable[[int | float], bytes]:
    """The way back; struct.error or OverflowError where the number does not fit the type."""
    pack = struct.Struct(">" + CODES[encoding.type]).pack
    arrange = arranger(encoding)
    return lambda raw: arrange(pack(raw))


def arranger(encoding: Encoding) -> Callable[[bytes], bytes]:
    """Wire order to A-first and back: each order is its own inverse."""
    match encoding.order:
        case Order.ABCD:
            return bytes
        case Order.CDAB:
            return _reverse_words
        case Order.BADC:
            return lambda data: _reverse_words(data[::-1])
        case Order.DCBA:
            return lambda data: data[::-1]


def _reverse_words(data: bytes) -> bytes:
    return b"".join(data[i : i + 2] for i in range(len(data) - 2, -1, -2))
