"""Sparkplug's data types: their numbers, their widths, and how a value read off the wire becomes one of ours.

Senders differ in which value field they use and in how they sign-extend (domain pitfalls 4.4), so ``interpret`` takes whatever
field was set and brings it to the declared type, or says why it cannot.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum

from lampwell.points import Kind, Value

MetricValue = Value | bytes | tuple[Value, ...]
"""What a metric can hold; bytes for Bytes, File, DataSet and Template, a tuple for arrays."""


class DataType(IntEnum):
    """The number in a metric's ``datatype``. 0 means that the sender did not say (allowed in data)."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTYSET = 20
    PROPERTYSETLIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATETIME_ARRAY = 34


SIGNED_BITS = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
"""Signed types travel as two's complement in an unsigned field."""

UNSIGNED_BITS = {DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64, DataType.DATETIME: 64}
TEXTS = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})
REALS = frozenset({DataType.FLOAT, DataType.DOUBLE})
OPAQUE = frozenset({DataType.BYTES, DataType.FILE, DataType.DATASET, DataType.TEMPLATE})

_ARRAY_ITEMS = {
    DataType.INT8_ARRAY: "b",
    DataType.INT16_ARRAY: "h",
    DataType.INT32_ARRAY: "i",
    DataType.INT64_ARRAY: "q",
    DataType.UINT8_ARRAY: "B",
    DataType.UINT16_ARRAY: "H",
    DataType.UINT32_ARRAY: "I",
    DataType.UINT64_ARRAY: "Q",
    DataType.FLOAT_ARRAY: "f",
    DataType.DOUBLE_ARRAY: "d",
    DataType.DATETIME_ARRAY: "Q",
}

TYPE_OF_KIND = {Kind.FLOAT: DataType.DOUBLE, Kind.INT: DataType.INT64, Kind.BOOL: DataType.BOOLEAN, Kind.TEXT: DataType.STRING}
"""How our own points travel."""


class WrongType(ValueError):
    """A value does not fit the type it was declared with; the message says value and type."""


def type_name(number: int) -> str:
    """A type's name for messages, also for a number nobody has defined."""
    return DataType(number).name.lower() if number in DataType._value2member_map_ else f"datatype {number}"


def kind_of(number: int) -> Kind | None:
    """The kind of point a metric of this type makes, or None where its values cannot be a reading."""
    if number in SIGNED_BITS or number in UNSIGNED_BITS:
        return Kind.INT
    if number in REALS:
        return Kind.FLOAT
    if number in TEXTS:
        return Kind.TEXT
    return Kind.BOOL if number == DataType.BOOLEAN else None


def interpret(number: int, raw: Value | bytes) -> MetricValue:
    """The value that ``raw``, read from whichever field was set, means under this type. An unknown type leaves it as it came."""
    if number == DataType.UNKNOWN:
        return raw
    reader = _READERS.get(number)
    if reader is None:
        raise WrongType(f"{type_name(number)} is not supported")
    return reader(number, raw)


def _integer(number: int, raw: Value | bytes) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise WrongType(f"{raw!r} is not {type_name(number)}")
    signed = SIGNED_BITS.get(DataType(number))
    bits = signed or UNSIGNED_BITS[DataType(number)]
    value = raw & ((1 << bits) - 1)
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def _real(number: int, raw: Value | bytes) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise WrongType(f"{raw!r} is not {type_name(number)}")
    return float(raw)


def _boolean(number: int, raw: Value | bytes) -> bool:
    if raw not in (0, 1) or isinstance(raw, float):
        raise WrongType(f"{raw!r} is not {type_name(number)}")
    return bool(raw)


def _text(number: int, raw: Value | bytes) -> str:
    if not isinstance(raw, str):
        raise WrongType(f"{raw!r} is not {type_name(number)}")
    return raw


def _opaque(number: int, raw: Value | bytes) -> bytes:
    if not isinstance(raw, bytes):
        raise WrongType(f"{raw!r} is not {type_name(number)}")
    return raw


def _array(number: int, raw: Value | bytes) -> tuple[Value, ...]:
    data = _opaque(number, raw)
    if number == DataType.STRING_ARRAY:
        return _strings(data)
    if number == DataType.BOOLEAN_ARRAY:
        return _booleans(data)
    item = _ARRAY_ITEMS[DataType(number)]
    if len(data) % struct.calcsize(f"<{item}"):
        raise WrongType(f"{len(data)} bytes are not whole items of {type_name(number)}")
    return tuple(struct.unpack(f"<{len(data) // struct.calcsize('<' + item)}{item}", data))


def _strings(data: bytes) -> tuple[str, ...]:
    if data and data[-1]:
        raise WrongType("string_array does not end with a zero byte")
    try:
        return tuple(part.decode() for part in data.split(b"\0")[:-1])
    except UnicodeDecodeError as error:
        raise WrongType(f"string_array is not UTF-8: {error.reason}") from None


def _booleans(data: bytes) -> tuple[bool, ...]:
    count = int.from_bytes(data[:4], "little")
    if len(data) < 4 or len(data) - 4 != (count + 7) // 8:
        raise WrongType(f"boolean_array of {len(data)} bytes does not hold the {count} items it claims")
    return tuple(bool(data[4 + i // 8] & 0x80 >> i % 8) for i in range(count))


_Reader = Callable[[int, Value | bytes], MetricValue]

_READERS: dict[int, _Reader] = {
    **dict.fromkeys((*SIGNED_BITS, *UNSIGNED_BITS), _integer),
    **dict.fromkeys(REALS, _real),
    DataType.BOOLEAN: _boolean,
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(OPAQUE, _opaque),
    **dict.fromkeys((*_ARRAY_ITEMS, DataType.STRING_ARRAY, DataType.BOOLEAN_ARRAY), _array),
}
