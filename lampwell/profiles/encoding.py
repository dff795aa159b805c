"""Bytes on the wire to values and back: one converter per encoding, chosen once, so that the hot path only calls it."""

from __future__ import annotations

from datetime import datetime

from lampwell.points import Kind, Value
from lampwell.profiles.model import Encoding, WireType
from lampwell.profiles.wire_numbers import (
    Decode,
    Encode,
    as_number,
    first_sentinel,
    float_decoder,
    float_encoder,
    integer_decoder,
    integer_encoder,
    is_plain,
)
from lampwell.profiles.wire_order import arranger, packer, unpacker

_NO_TIME = b"\xff" * 6  # no BCD digit pair, so it can not be a time


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
            return Kind.INT if is_plain(encoding) else Kind.FLOAT


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
            arrange = arranger(encoding)
            return lambda data: arrange(data).rstrip(b"\0 ").decode("ascii", "replace")
        case WireType.BCD_TIME:
            arrange = arranger(encoding)
            return lambda data: _bcd_time(arrange(data))
        case WireType.F32 | WireType.F64:
            return float_decoder(encoding)
        case _:
            return integer_decoder(encoding)


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
            arrange = arranger(encoding)
            return lambda value: arrange(_NO_TIME if value is None else _time_bcd(value))
        case WireType.F32 | WireType.F64:
            return float_encoder(encoding)
        case _:
            return integer_encoder(encoding)


def _bits_decoder(encoding: Encoding) -> Decode:
    unpack = unpacker(encoding)
    shift, mask, sentinels = encoding.bit, (1 << encoding.width) - 1, frozenset(encoding.sentinels)
    if encoding.width == 1:
        return lambda data: bool(int(unpack(data)[0]) >> shift & 1)

    def decode(data: bytes) -> int | None:
        raw = int(unpack(data)[0]) >> shift & mask
        return None if raw in sentinels else raw

    return decode


def _bits_encoder(encoding: Encoding) -> Encode:
    pack = packer(encoding)

    def encode(value: Value | None) -> bytes:
        raw = int(first_sentinel(encoding)) if value is None else int(as_number(value))
        if not 0 <= raw < 1 << encoding.width:
            raise ValueError(f"{value!r} does not fit {encoding.width} bits")
        return pack(raw << encoding.bit)

    return encode


def _encode_bool(value: Value | None) -> bytes:
    if value is None:
        raise ValueError("a coil or discrete input has no pattern for 'not available'")
    return b"\0\1" if as_number(value) else b"\0\0"


def _text_encoder(encoding: Encoding) -> Encode:
    arrange, size = arranger(encoding), 2 * encoding.words

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
