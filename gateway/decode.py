"""The bytes of a whole block to raw items in one call, and each raw item to its value only when it changed.

What a value is belongs to ``lampwell.profiles.encoding``; this is the same at block speed, and a property test holds the two
together. A *raw* item is what a struct field gives: an int, a float, or the bytes of a text or time.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from operator import itemgetter

from lampwell.points import Kind, Value
from lampwell.profiles.encoding import decoder, kind_of
from lampwell.profiles.model import Encoding, Order, Register, Space, WireType
from lampwell.profiles.wire_order import CODES, words_of

Raw = int | float | bytes | bool
Unpack = Callable[[bytes], tuple[Raw, ...]]
Convert = Callable[[Raw], Value | None]

_CODES = {**CODES, WireType.BOOL: "H"}
_OPAQUE = (WireType.TEXT, WireType.BCD_TIME)  # compared as bytes, decoded by the encoding itself
_BITS_OF = tuple(tuple(bool(byte >> bit & 1) for bit in range(8)) for byte in range(256))


def unpacker(space: Space, address: int, count: int, registers: Sequence[Register]) -> Unpack:
    """A function from the data bytes of a block (``count`` from ``address``) to one raw item per register, in their order."""
    if space.is_bits:
        pick = _picker([r.address - address for r in registers])
        return lambda data: pick(tuple(chain.from_iterable(map(_BITS_OF.__getitem__, data))))
    return _word_unpacker(address, count, registers)


def converter(register: Register) -> Convert:
    """A function from a raw item to the value of the register's point; None where it is "not available"."""
    encoding = register.encoding
    convert = _converter(encoding)
    if register.point.kind is Kind.FLOAT and kind_of(encoding) is Kind.INT:
        return lambda raw: None if (value := convert(raw)) is None else float(value)
    return convert


# -- blocks of words -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Layer:
    """Fields of one view of the bytes that do not overlap: one struct. ``swapped`` = the bytes of every word exchanged first."""

    swapped: bool
    little: bool
    end: int = 0
    format: str = ""
    columns: list[int] = field(default_factory=list)

    def add(self, start: int, code: str, column: int) -> None:
        self.format += "x" * (start - self.end) + code
        self.end = start + struct.calcsize(">" + code)
        self.columns.append(column)

    def compile(self, size: int) -> Unpack:
        unpack = struct.Struct(("<" if self.little else ">") + self.format + "x" * (size - self.end)).unpack
        if self.swapped:
            return lambda data: unpack(_swap(data))
        return unpack


def _word_unpacker(address: int, count: int, registers: Sequence[Register]) -> Unpack:
    layers: list[_Layer] = []
    slots = sorted({(r.address - address, _code(r.encoding), *_view(r.encoding)) for r in registers})
    for column, (start, code, swapped, little) in enumerate(slots):
        _layer_for(layers, swapped=swapped, little=little, start=2 * start).add(2 * start, code, column)
    place = {slots[column]: at for at, column in enumerate(c for layer in layers for c in layer.columns)}
    where = [place[r.address - address, _code(r.encoding), *_view(r.encoding)] for r in registers]
    return _join([layer.compile(2 * count) for layer in layers], where, len(slots))


def _join(parts: Sequence[Unpack], where: Sequence[int], width: int) -> Unpack:
    """One call for several structs, each raw item put at the place of its register."""
    pick = None if list(where) == list(range(width)) else _picker(where)
    if len(parts) == 1:
        (unpack,) = parts
        return unpack if pick is None else lambda data: pick(unpack(data))
    together = pick or tuple
    return lambda data: together(tuple(chain.from_iterable(part(data) for part in parts)))


def _layer_for(layers: list[_Layer], *, swapped: bool, little: bool, start: int) -> _Layer:
    for layer in layers:
        if (layer.swapped, layer.little) == (swapped, little) and layer.end <= start:
            return layer
    layers.append(_Layer(swapped, little))
    return layers[-1]


def _code(encoding: Encoding) -> str:
    return f"{2 * words_of(encoding)}s" if encoding.type in _OPAQUE else _CODES[encoding.type]


def _view(encoding: Encoding) -> tuple[bool, bool]:
    """(words swapped first, little-endian). CDAB with its words swapped is little-endian; one word needs no swapping at all."""
    if encoding.type in _OPAQUE:
        return False, False
    little = encoding.order in (Order.BADC, Order.DCBA)
    if words_of(encoding) == 1 or encoding.order in (Order.ABCD, Order.DCBA):
        return False, little
    return True, not little


def _swap(data: bytes) -> bytes:
    words = array("H", data)
    words.byteswap()
    return words.tobytes()


def _picker(where: Sequence[int]) -> Callable[[tuple[Raw, ...]], tuple[Raw, ...]]:
    if len(where) == 1:
        (only,) = where
        return lambda row: (row[only],)
    return itemgetter(*where)


# -- raw to value --------------------------------------------------------------------------------------------------------------


def _converter(encoding: Encoding) -> Convert:
    match encoding.type:
        case WireType.TEXT | WireType.BCD_TIME:
            return decoder(encoding)  # type: ignore[return-value]  # its raw item is bytes
        case WireType.BOOL:
            return bool
        case WireType.BITS:
            return _bits(encoding)
        case WireType.F32 | WireType.F64:
            return _float(encoding)
        case _:
            return _integer(encoding)


def _integer(encoding: Encoding) -> Convert:
    sentinels = frozenset(encoding.sentinels)
    if encoding.scale == 1 and encoding.offset == 0:
        return (lambda raw: None if raw in sentinels else raw) if sentinels else _same  # type: ignore[return-value]
    scale, offset = Fraction(repr(encoding.scale)), Fraction(repr(encoding.offset))
    den = math.lcm(scale.denominator, offset.denominator)
    num, add = int(scale * den), int(offset * den)
    # whole numbers and one true division: the nearest double to the decimal a person would write
    return lambda raw: None if raw in sentinels else (raw * num + add) / den  # type: ignore[operator]


def _same(raw: Raw) -> Value | None:
    return raw  # type: ignore[return-value]


def _float(encoding: Encoding) -> Convert:
    decode = decoder(encoding)
    if encoding.scale == 1 and encoding.offset == 0 and not encoding.sentinels:
        isfinite = math.isfinite
        return lambda raw: raw if isfinite(raw) else None  # type: ignore[arg-type, return-value]
    plain = Encoding(
        type=encoding.type, scale=encoding.scale, offset=encoding.offset, sentinels=encoding.sentinels
    )  # the order is already undone
    pack, decode = struct.Struct(">" + _CODES[encoding.type]).pack, decoder(plain)
    return lambda raw: decode(pack(raw))


def _bits(encoding: Encoding) -> Convert:
    shift, mask, sentinels = encoding.bit, (1 << encoding.width) - 1, frozenset(encoding.sentinels)
    if encoding.width == 1:
        bit = 1 << shift
        return lambda raw: raw & bit != 0  # type: ignore[operator]
    return lambda raw: None if (part := raw >> shift & mask) in sentinels else part  # type: ignore[operator]
