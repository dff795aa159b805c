"""The edge's hot path: a scan as DDATA bytes without a protobuf object per value.

What does not change between scans (each metric's name field) is made once per layout; a scan then only joins it with one
timestamp and the packed values. The bytes are those protobuf itself would write for the same payload (fields in order).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from math import isfinite

from lampwell.points import Kind, Point, Value
from lampwell.readings import Flag, Layout, Scan
from lampwell.sparkplug import names
from lampwell.sparkplug.births import point_properties, quality_properties, settled
from lampwell.sparkplug.codec import encode_properties
from lampwell.sparkplug.datatypes import TYPE_OF_KIND, DataType, WrongType

_DOUBLE = struct.Struct("<d").pack
_MASK = (1 << 64) - 1

# field tags: number << 3 | wire type
_PAYLOAD_TIME, _PAYLOAD_METRIC, _PAYLOAD_SEQ = b"\x08", b"\x12", b"\x18"
_TIME, _TYPE, _HISTORICAL, _NULL = b"\x18", b"\x20", b"\x28\x01", b"\x38\x01"
_LONG, _DOUBLE_TAG, _BOOL, _TEXT = b"\x58", b"\x69", b"\x70", b"\x7a"

_USUAL_TIME = 6  # bytes of a timestamp from 1971 to 2109
Latest = tuple[int, Value | None, int]
"""Time, value and flags of a point as last read."""

_SEQ = tuple(_PAYLOAD_SEQ + (bytes((n,)) if n < 128 else bytes((n & 127 | 128, 1))) for n in range(256))


@lru_cache(maxsize=4096)
def varint(number: int) -> bytes:
    """A non-negative integer in protobuf's base-128 form."""
    if number < 128:
        return bytes((number,))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


class ScanEncoder:
    """Turns the scans of one layout into payload bytes. Made at birth, used for every scan."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._heads = tuple(_name_field(p.path) + _TIME for p in layout.points)
        self._kinds = tuple(_FIELD_OF_KIND[p.kind] for p in layout.points)
        self._doubles = tuple(_double_prefix(p, head) for p, head in zip(layout.points, self._heads, strict=True))

    def encode(self, scan: Scan, seq: int, sent: int) -> bytes:
        """The payload of a scan; ``sent`` is the time it is published. Raises WrongType, naming the point, for a misfit."""
        time = varint(scan.time)
        parts = [_PAYLOAD_TIME, time if sent == scan.time else varint(sent)]
        if scan.historical or len(time) != _USUAL_TIME:
            for column, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
                parts.append(self._metric(column, time, value, flags, historical=scan.historical))
        else:
            self._live(parts, scan, time)
        if scan.offset is not None:
            parts.append(_offset_metric(time, scan.offset, historical=scan.historical))
        parts.append(_SEQ[seq])
        return b"".join(parts)

    def birth(self, opening: bytes, latest: Iterable[Latest], seq: int) -> bytes:
        """A birth's payload: ``opening`` (its timestamp and the metrics that are no points), every column, and ``seq``."""
        metrics = (self._birth_metric(column, *reading) for column, reading in enumerate(latest))
        return b"".join((opening, *metrics, _SEQ[seq]))

    def _birth_metric(self, column: int, time: int, value: Value | None, flags: int) -> bytes:
        number, field = self._kinds[column]
        if type(value) is float and not isfinite(value):
            value, flags = None, flags | Flag.SENTINEL
        body = self._heads[column] + varint(time) + _TYPE + varint(number)
        if value is None:
            body += _NULL
        body += _birth_properties(self.layout.points[column], settled(value, flags))
        if value is not None:
            body += self._value(column, field, value)
        return _PAYLOAD_METRIC + varint(len(body)) + body

    def _live(self, parts: list[bytes], scan: Scan, time: bytes) -> None:
        """The usual case: good doubles are two joins and a pack each, everything else goes metric by metric."""
        add, doubles, metric = parts.append, self._doubles, self._metric
        stamp = time + _DOUBLE_TAG
        for column, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
            prefix = doubles[column]
            if prefix and not flags and type(value) is float and isfinite(value):
                add(prefix)
                add(stamp)
                add(_DOUBLE(value))
            else:
                add(metric(column, time, value, flags, historical=False))

    def _metric(self, column: int, time: bytes, value: Value | None, flags: int, *, historical: bool) -> bytes:
        number, field = self._kinds[column]
        if type(value) is float and not isfinite(value):
            value, flags = None, flags | Flag.SENTINEL
        flags = settled(value, flags)
        body = self._heads[column] + time
        if historical:
            body += _TYPE + varint(number) + _HISTORICAL
        if value is None:
            body += _NULL
        if flags:
            body += _properties_field(flags)
        if value is not None:
            body += self._value(column, field, value)
        return _PAYLOAD_METRIC + varint(len(body)) + body

    def _value(self, column: int, field: Callable[[Value], bytes], value: Value) -> bytes:
        try:
            return field(value)
        except (WrongType, struct.error, OverflowError):
            point = self.layout.points[column]
            raise WrongType(f"{self.layout.device or self.layout.node}: {point.path}: {value!r} is not {point.kind}") from None


def _offset_metric(time: bytes, offset: int, *, historical: bool) -> bytes:
    body = _OFFSET_HEAD + time
    if historical:
        body += _TYPE + varint(DataType.INT64) + _HISTORICAL
    body += _LONG + varint(offset)
    return _PAYLOAD_METRIC + varint(len(body)) + body


def _name_field(name: str) -> bytes:
    data = name.encode()
    return b"\x0a" + varint(len(data)) + data


def _double_prefix(point: Point, head: bytes) -> bytes:
    """Everything before the timestamp of a good double; "" where the point is none or its length needs two bytes."""
    length = len(head) + _USUAL_TIME + 9
    return _PAYLOAD_METRIC + bytes((length,)) + head if point.kind is Kind.FLOAT and length < 128 else b""


@lru_cache(maxsize=4096)
def _properties_field(flags: int) -> bytes:
    return encode_properties(quality_properties(flags))


@lru_cache(maxsize=65536)
def _birth_properties(point: Point, flags: int) -> bytes:
    """What a birth says of a point, made once for all devices of a profile: a thousand births follow each reconnection."""
    properties = quality_properties(flags) | point_properties(point)
    return encode_properties(properties) if properties else b""


def _double_field(value: Value) -> bytes:
    return _DOUBLE_TAG + _DOUBLE(value)


def _long_field(value: Value) -> bytes:
    if not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise WrongType
    return _LONG + varint(value & _MASK)


def _bool_field(value: Value) -> bytes:
    if type(value) is not bool:
        raise WrongType
    return _BOOL + (b"\x01" if value else b"\x00")


def _text_field(value: Value) -> bytes:
    if not isinstance(value, str):
        raise WrongType
    data = value.encode()
    return _TEXT + varint(len(data)) + data


_FIELD_OF_KIND: dict[Kind, tuple[int, Callable[[Value], bytes]]] = {
    Kind.FLOAT: (TYPE_OF_KIND[Kind.FLOAT], _double_field),
    Kind.INT: (TYPE_OF_KIND[Kind.INT], _long_field),
    Kind.BOOL: (TYPE_OF_KIND[Kind.BOOL], _bool_field),
    Kind.TEXT: (TYPE_OF_KIND[Kind.TEXT], _text_field),
}
_OFFSET_HEAD = _name_field(names.JOURNAL_OFFSET) + _TIME
