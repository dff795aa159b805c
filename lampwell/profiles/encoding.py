"""Bytes on the wire to values and back: one converter per encoding, chosen once, so that the hot path only calls it.

``order`` says how bytes A (highest) to D lie on the wire: CDAB has its 16-bit words reversed, BADC the two bytes of every word,
DCBA both. For a single word CDAB equals ABCD, and BADC and DCBA swap its two bytes. For 64 bits and text the same, word-wise.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Container
from datetime import datetime
from fractions import Fraction
from typing import TypeVar

from lampwell.points import Kind, Value
from lampwell.profiles.model import Encoding, Order, WireType

Decode = Callable[[bytes], Value | None]
Encode = Callable[[Value | None], bytes]
Raw = TypeVar("Raw", int, float)

_CODES = {
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
_FLOATS = (WireType.F32, WireType.F64)
_NO_TIME = b"\xff" * 6  # no BCD digit pair, so it can not be a time


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
            return struct.calcsize(">" + _CODES[encoding.type]) // 2


def kind_of(encoding: Encoding) -> Kind:
    """The shape of the decoded value: integers stay whole only with scale 1 and offset 0; a field of one bit is a bool."""
    match encoding.type:
        case WireType.BOOL:
            return Kind.BOOL
        case WireType.BITS:
            return Kind.BOOL if encoding.width == 1 else Kind.INT
        case WireType.TEXT | WireType.BCD_TIME:
            return Kind.TEXT
        case WireType.F32 | WireType.F64:
            return Kind.FLOAT
        case _:
            return Kind.INT if _is_plain(encoding) else Kind.FLOAT


def raw_limits(type_: WireType) -> tuple[float, float]:
    """The smallest and largest raw number the type can hold (infinite for floats)."""
    if type_ in _FLOATS:
        return -math.inf, math.inf
    bits = 8 * struct.calcsize(">" + _CODES[type_])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if _CODES[type_].islower() else (0, (1 << bits) - 1)


def decoder(encoding: Encoding) -> Decode:
    """A function from the bytes of the registers (2 per word, as they came) to the value; None where it is "not available".

    Integers with a scale give exactly the decimal that a person would write (2213 x 0.1 is 221.3). A bool takes any bytes: it is
    true if one of them is not 0. An impossible BCD time is None.
    """
    match encoding.type:
        case WireType.BOOL:
            return any
        case WireType.BITS:
            return _bits_decoder(encoding)
        case WireType.TEXT:
            arrange = _arranger(encoding)
            return lambda data: arrange(data).rstrip(b"\0 ").decode("ascii", "replace")
        case WireType.BCD_TIME:
            arrange = _arranger(encoding)
            return lambda data: _bcd_time(arrange(data))
        case WireType.F32 | WireType.F64:
            return _float_decoder(encoding)
        case _:
            return _integer_decoder(encoding)


def encoder(encoding: Encoding) -> Encode:
    """The way back: a function from a value to the bytes of its registers.

    None gives the first sentinel (NaN for a float without one, an impossible time for BCD). ValueError where the value does not
    fit the type or would read as a sentinel, or where None has no pattern. A field of bits comes in its place in a word of zeros.
    """
    match encoding.type:
        case WireType.BOOL:
            return _encode_bool
        case WireType.BITS:
            return _bits_encoder(encoding)
        case WireType.TEXT:
            return _text_encoder(encoding)
        case WireType.BCD_TIME:
            arrange = _arranger(encoding)
            return lambda value: arrange(_NO_TIME if value is None else _time_bcd(value))
        case WireType.F32 | WireType.F64:
            return _float_encoder(encoding)
        case _:
            return _integer_encoder(encoding)


# -- order ---------------------------------------------------------------------------------------------------------------------


def _unpacker(encoding: Encoding) -> Callable[[bytes], tuple[int | float, ...]]:
    words = words_of(encoding)
    little = encoding.order in (Order.BADC, Order.DCBA)
    unpack = struct.Struct(("<" if little else ">") + _CODES[encoding.type]).unpack
    if words == 1 or encoding.order in (Order.ABCD, Order.DCBA):
        return unpack
    return lambda data: unpack(_reverse_words(data))


def _packer(encoding: Encoding) -> Callable[[int | float], bytes]:
    pack = struct.Struct(">" + _CODES[encoding.type]).pack
    arrange = _arranger(encoding)
    return lambda raw: arrange(pack(raw))


def _arranger(encoding: Encoding) -> Callable[[bytes], bytes]:
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


# -- whole numbers -------------------------------------------------------------------------------------------------------------


def _is_plain(encoding: Encoding) -> bool:
    return encoding.scale == 1 and encoding.offset == 0


def _ratio(encoding: Encoding) -> tuple[int, int, int]:
    """Whole numbers for value = (raw * num + add) / den: one true division, so the result is the double nearest the decimal."""
    scale, offset = Fraction(repr(encoding.scale)), Fraction(repr(encoding.offset))
    den = math.lcm(scale.denominator, offset.denominator)
    return int(scale * den), int(offset * den), den


def _integer_decoder(encoding: Encoding) -> Decode:
    unpack = _unpacker(encoding)
    sentinels = frozenset(encoding.sentinels)
    if _is_plain(encoding):
        return _plain_decoder(unpack, sentinels)
    num, add, den = _ratio(encoding)

    def decode(data: bytes) -> float | None:
        (raw,) = unpack(data)
        return None if raw in sentinels else (raw * num + add) / den

    return decode


def _plain_decoder(unpack: Callable[[bytes], tuple[int | float, ...]], sentinels: Container[float]) -> Decode:
    def decode(data: bytes) -> int | float | None:
        (raw,) = unpack(data)
        return None if raw in sentinels else raw

    return decode


def _integer_encoder(encoding: Encoding) -> Encode:
    pack = _packer(encoding)
    plain = _is_plain(encoding)
    num, add, den = _ratio(encoding)
    low, high = raw_limits(encoding.type)

    def encode(value: Value | None) -> bytes:
        if value is None:
            return pack(int(_first_sentinel(encoding)))
        number = _number(value)
        raw = round(number if plain else (number * den - add) / num)
        if not low <= raw <= high:
            raise ValueError(
                f"{value!r} does not fit {encoding.type} with scale {encoding.scale:g} and offset {encoding.offset:g}"
            )
        return pack(_not_sentinel(raw, value, encoding))

    return encode


# -- floats --------------------------------------------------------------------------------------------------------------------


def _float_decoder(encoding: Encoding) -> Decode:
    unpack = _unpacker(encoding)
    sentinels = frozenset(_as_stored(s, encoding) for s in encoding.sentinels)
    scale, offset, isfinite = encoding.scale, encoding.offset, math.isfinite
    if _is_plain(encoding):
        return lambda data: raw if isfinite(raw := unpack(data)[0]) and raw not in sentinels else None
    digits = _decimals(encoding) + 6  # what a scaled float32 can still mean; hides the binary tail of 2213.0 * 0.1

    def decode(data: bytes) -> float | None:
        (raw,) = unpack(data)
        value = raw * scale + offset
        return round(value, digits) if isfinite(value) and raw not in sentinels else None

    return decode


def _float_encoder(encoding: Encoding) -> Encode:
    pack = _packer(encoding)

    def encode(value: Value | None) -> bytes:
        if value is None:
            return pack(encoding.sentinels[0] if encoding.sentinels else math.nan)
        number = _number(value)
        raw = float(number) if _is_plain(encoding) else (number - encoding.offset) / encoding.scale
        try:
            return pack(_not_sentinel(_as_stored(raw, encoding), value, encoding))
        except OverflowError:
            raise ValueError(f"{value!r} does not fit {encoding.type}") from None

    return encode


def _as_stored(raw: float, encoding: Encoding) -> float:
    """The double that comes back after the type has rounded it."""
    code = ">" + _CODES[encoding.type]
    return float(struct.unpack(code, struct.pack(code, raw))[0])


def _decimals(encoding: Encoding) -> int:
    """Decimals of scale or offset as written, whichever has more."""
    return max(len(f"{x:.12f}".rstrip("0").partition(".")[2]) for x in (encoding.scale, encoding.offset))


def _number(value: Value) -> int | float:
    if isinstance(value, str) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number that a register can hold")
    return value


def _first_sentinel(encoding: Encoding) -> float:
    if not encoding.sentinels:
        raise ValueError(f"{encoding.type} has no pattern for 'not available'")
    return encoding.sentinels[0]


def _not_sentinel(raw: Raw, value: Value, encoding: Encoding) -> Raw:
    if raw in encoding.sentinels:
        raise ValueError(f"{value!r} would read as 'not available'")
    return raw


# -- bits, bools, text, time ---------------------------------------------------------------------------------------------------


def _bits_decoder(encoding: Encoding) -> Decode:
    unpack = _unpacker(encoding)
    shift, mask, sentinels = encoding.bit, (1 << encoding.width) - 1, frozenset(encoding.sentinels)
    if encoding.width == 1:
        return lambda data: bool(int(unpack(data)[0]) >> shift & 1)

    def decode(data: bytes) -> int | None:
        raw = int(unpack(data)[0]) >> shift & mask
        return None if raw in sentinels else raw

    return decode


def _bits_encoder(encoding: Encoding) -> Encode:
    pack = _packer(encoding)

    def encode(value: Value | None) -> bytes:
        raw = int(_first_sentinel(encoding)) if value is None else int(_number(value))
        if not 0 <= raw < 1 << encoding.width:
            raise ValueError(f"{value!r} does not fit {encoding.width} bits")
        return pack(raw << encoding.bit)

    return encode


def _encode_bool(value: Value | None) -> bytes:
    if value is None:
        raise ValueError("a coil or discrete input has no pattern for 'not available'")
    return b"\0\1" if _number(value) else b"\0\0"


def _text_encoder(encoding: Encoding) -> Encode:
    arrange, size = _arranger(encoding), 2 * encoding.words

    def encode(value: Value | None) -> bytes:
        if not isinstance(value, str) or not value.isascii() or len(value) > size:
            raise ValueError(f"{value!r} is not ASCII text of at most {size} characters")
        return arrange(value.encode("ascii").ljust(size, b"\0"))

    return encode


def _bcd_time(data: bytes) -> str | None:
    try:
        year, *rest = (int(f"{byte:x}") for byte in data)
        return datetime(2000 + year, *rest).isoformat()  # type: ignore[arg-type]  # noqa: DTZ001  # device-local by contract
    except ValueError:
        return None


def _time_bcd(value: Value) -> bytes:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or not 2000 <= moment.year <= 2099:
        raise ValueError(f"{value!r} is not an ISO time of this century")
    return bytes.fromhex(moment.strftime("%y%m%d%H%M%S"))
