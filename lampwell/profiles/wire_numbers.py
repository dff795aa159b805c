"""Raw numbers in registers to values and back, with scale, offset and the patterns for "not available"."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Container
from fractions import Fraction
from typing import TypeVar

from lampwell.points import Value
from lampwell.profiles.model import Encoding
from lampwell.profiles.wire_order import CODES, packer, raw_limits, unpacker

Decode = Callable[[bytes], Value | None]
Encode = Callable[[Value | None], bytes]
Raw = TypeVar("Raw", int, float)


def is_plain(encoding: Encoding) -> bool:
    """The value is the raw number as it is."""
    return encoding.scale == 1 and encoding.offset == 0


def _ratio(encoding: Encoding) -> tuple[int, int, int]:
    """Whole numbers for value = (raw * num + add) / den: one true division, so the result is the double nearest the decimal."""
    scale, offset = Fraction(repr(encoding.scale)), Fraction(repr(encoding.offset))
    den = math.lcm(scale.denominator, offset.denominator)
    return int(scale * den), int(offset * den), den


def integer_decoder(encoding: Encoding) -> Decode:
    """Of whole numbers: exactly the decimal that a person would write."""
    unpack = unpacker(encoding)
    sentinels = frozenset(encoding.sentinels)
    if is_plain(encoding):
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


def integer_encoder(encoding: Encoding) -> Encode:
    """The way back; ValueError where the value does not fit."""
    pack = packer(encoding)
    plain = is_plain(encoding)
    num, add, den = _ratio(encoding)
    low, high = raw_limits(encoding.type)

    def encode(value: Value | None) -> bytes:
        if value is None:
            return pack(int(first_sentinel(encoding)))
        number = as_number(value)
        raw = round(number if plain else (number * den - add) / num)
        if not low <= raw <= high:
            raise ValueError(
                f"{value!r} does not fit {encoding.type} with scale {encoding.scale:g} and offset {encoding.offset:g}"
            )
        return pack(_not_sentinel(raw, value, encoding))

    return encode


# -- floats --------------------------------------------------------------------------------------------------------------------


def float_decoder(encoding: Encoding) -> Decode:
    """Of floats; what is not finite is None."""
    unpack = unpacker(encoding)
    sentinels = frozenset(_as_stored(s, encoding) for s in encoding.sentinels)
    scale, offset, isfinite = encoding.scale, encoding.offset, math.isfinite
    if is_plain(encoding):
        return lambda data: raw if isfinite(raw := unpack(data)[0]) and raw not in sentinels else None
    digits = _decimals(encoding) + 6  # what a scaled float32 can still mean; hides the binary tail of 2213.0 * 0.1

    def decode(data: bytes) -> float | None:
        (raw,) = unpack(data)
        value = raw * scale + offset
        return round(value, digits) if isfinite(value) and raw not in sentinels else None

    return decode


def float_encoder(encoding: Encoding) -> Encode:
    """The way back; ValueError where the value does not fit."""
    pack = packer(encoding)

    def encode(value: Value | None) -> bytes:
        if value is None:
            return pack(encoding.sentinels[0] if encoding.sentinels else math.nan)
        number = as_number(value)
        raw = float(number) if is_plain(encoding) else (number - encoding.offset) / encoding.scale
        try:
            return pack(_not_sentinel(_as_stored(raw, encoding), value, encoding))
        except OverflowError:
            raise ValueError(f"{value!r} does not fit {encoding.type}") from None

    return encode


def _as_stored(raw: float, encoding: Encoding) -> float:
    """The double that comes back after the type has rounded it."""
    code = ">" + CODES[encoding.type]
    return float(struct.unpack(code, struct.pack(code, raw))[0])


def _decimals(encoding: Encoding) -> int:
    """Decimals of scale or offset as written, whichever has more."""
    return max(len(f"{x:.12f}".rstrip("0").partition(".")[2]) for x in (encoding.scale, encoding.offset))


def as_number(value: Value) -> int | float:
    """A value that a register can hold, else ValueError."""
    if isinstance(value, str) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number that a register can hold")
    return value


def first_sentinel(encoding: Encoding) -> float:
    """The raw number for "not available"; ValueError where there is none."""
    if not encoding.sentinels:
        raise ValueError(f"{encoding.type} has no pattern for 'not available'")
    return encoding.sentinels[0]


def _not_sentinel(raw: Raw, value: Value, encoding: Encoding) -> Raw:
    if raw in encoding.sentinels:
        raise ValueError(f"{value!r} would read as 'not available'")
    return raw
