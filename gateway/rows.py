"""A scan as a journal row and a layout as a catalogue entry: bytes, with a checksum, readable after layouts have changed."""

from __future__ import annotations

from zlib import crc32

import msgspec

from lampwell.points import Value
from lampwell.readings import Layout, Scan

_CRC = 4


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A scan. ``layout``: its number in the catalogue; ``index`` None: every column in order; ``flags`` None: all good."""

    layout: int
    time: int
    index: tuple[int, ...] | None
    values: tuple[Value | None, ...]
    flags: tuple[int, ...] | None


class Unreadable(ValueError):
    """A row whose bytes are not those that were written."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Row).decode
_layouts = msgspec.json.Decoder(Layout)


def pack(scan: Scan, layout: int) -> bytes:
    """The row of a scan whose layout has this number in the catalogue."""
    index = None if len(scan.index) == len(scan.layout.points) and _in_order(scan.index) else scan.index
    body = _encode(Row(layout, scan.time, index, scan.values, scan.flags if any(scan.flags) else None))
    return body + crc32(body).to_bytes(_CRC, "big")


def unpack(blob: bytes) -> Row:
    """The row from its bytes, or Unreadable: a flipped bit must not become another value, nor one of another device."""
    body = blob[:-_CRC]
    if crc32(body) != int.from_bytes(blob[-_CRC:], "big"):
        raise Unreadable("the checksum does not match")
    try:
        return _decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error


def scan_of(row: Row, layout: Layout, offset: int, journal: str) -> Scan:
    """The scan a row was made from, as part of the backlog."""
    index = tuple(range(len(row.values))) if row.index is None else row.index
    flags = (0,) * len(row.values) if row.flags is None else row.flags
    if not len(index) == len(row.values) == len(flags) or any(not 0 <= i < len(layout.points) for i in index):
        raise Unreadable("the columns do not fit the layout")
    return Scan(layout, row.time, index, row.values, flags, offset, journal, historical=True)


def pack_layout(layout: Layout) -> bytes:
    """A layout as its catalogue entry; equal layouts give equal bytes."""
    return msgspec.json.encode(layout)


def unpack_layout(body: bytes) -> Layout:
    """A layout from its catalogue entry, or Unreadable."""
    try:
        return _layouts.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error


def _in_order(index: tuple[int, ...]) -> bool:
    return index == tuple(range(len(index)))
