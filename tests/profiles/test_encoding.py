"""Bytes to values and back, for every wire type and order."""

import math
import struct
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.points import Kind
from lampwell.profiles.encoding import decoder, encoder, kind_of
from lampwell.profiles.model import Encoding, Order, WireType
from lampwell.profiles.wire_order import raw_limits, words_of

INTEGERS = (WireType.U16, WireType.I16, WireType.U32, WireType.I32, WireType.U64, WireType.I64)
orders = st.sampled_from(Order)


@pytest.mark.parametrize(
    ("order", "wire"),
    [(Order.ABCD, "0a0b0c0d"), (Order.CDAB, "0c0d0a0b"), (Order.BADC, "0b0a0d0c"), (Order.DCBA, "0d0c0b0a")],
)
def test_four_orders_of_32_bits(order: Order, wire: str) -> None:
    """The letters of an order name the bytes as they come over the wire."""
    encoding = Encoding(type=WireType.U32, order=order)
    assert decoder(encoding)(bytes.fromhex(wire)) == 0x0A0B0C0D
    assert encoder(encoding)(0x0A0B0C0D).hex() == wire


@pytest.mark.parametrize(
    ("order", "wire"),
    [
        (Order.ABCD, "0102030405060708"),
        (Order.CDAB, "0708050603040102"),
        (Order.BADC, "0201040306050807"),
        (Order.DCBA, "0807060504030201"),
    ],
)
def test_four_orders_of_64_bits(order: Order, wire: str) -> None:
    """64 bits follow the same pattern word by word."""
    encoding = Encoding(type=WireType.U64, order=order)
    assert decoder(encoding)(bytes.fromhex(wire)) == 0x0102030405060708
    assert encoder(encoding)(0x0102030405060708).hex() == wire


@pytest.mark.parametrize("order", [Order.BADC, Order.DCBA])
def test_byte_swap_of_one_word(order: Order) -> None:
    """A single word has no word order, but its bytes may be swapped."""
    assert decoder(Encoding(type=WireType.U16, order=order))(b"\x34\x12") == 0x1234


def test_published_float_of_the_ultrasonic_sensor() -> None:
    """41 1E 00 00 is 9.875 in the maker's own example (domain drainage 2.7)."""
    assert decoder(Encoding(type=WireType.F32))(bytes.fromhex("411e0000")) == 9.875


@pytest.mark.parametrize(
    ("raw", "scale", "offset", "value"),
    [(2213, 0.1, 0.0, 221.3), (7, 0.1, 0.0, 0.7), (3, 0.001, 0.0, 0.003), (33, 0.2, 0.0, 6.6), (1000, 0.01, -40.0, -30.0)],
)
def test_scaled_integers_are_the_decimals_people_write(raw: int, scale: float, offset: float, value: float) -> None:
    """2213 x 0.1 is 221.3 and not 221.30000000000001."""
    encoding = Encoding(type=WireType.U16, scale=scale, offset=offset)
    assert decoder(encoding)(raw.to_bytes(2)) == value
    assert encoder(encoding)(value) == raw.to_bytes(2)


def test_scaled_float_hides_its_binary_tail() -> None:
    """A meter's 2213.0 at 0.1 V is 221.3 V."""
    assert decoder(Encoding(type=WireType.F32, scale=0.1))(struct.pack(">f", 2213.0)) == 221.3


@given(type_=st.sampled_from(INTEGERS), order=orders, data=st.data())
@settings(deadline=None)
def test_plain_integers_come_back(type_: WireType, order: Order, data: st.DataObject) -> None:
    """Every integer of the type survives the round trip, whole."""
    low, high = map(int, raw_limits(type_))
    value = data.draw(st.integers(low, high))
    encoding = Encoding(type=type_, order=order)
    wire = encoder(encoding)(value)
    assert len(wire) == 2 * words_of(encoding)
    back = decoder(encoding)(wire)
    assert back == value
    assert isinstance(back, int)


@given(
    type_=st.sampled_from((WireType.U16, WireType.I16, WireType.U32, WireType.I32)),
    order=orders,
    scale=st.sampled_from((0.001, 0.01, 0.1, 0.2, 0.5, 2.0, 10.0, -1.0)),
    offset=st.sampled_from((0.0, -40.0, 3.2)),
    data=st.data(),
)
@settings(deadline=None)
def test_scaled_integers_come_back(type_: WireType, order: Order, scale: float, offset: float, data: st.DataObject) -> None:
    """Decoding gives a decimal that encodes to the very same registers."""
    low, high = map(int, raw_limits(type_))
    raw = data.draw(st.integers(low, high))
    wire = encoder(Encoding(type=type_, order=order))(raw)
    encoding = Encoding(type=type_, order=order, scale=scale, offset=offset)
    value = decoder(encoding)(wire)
    assert value is not None
    assert encoder(encoding)(value) == wire


@given(type_=st.sampled_from((WireType.F32, WireType.F64)), order=orders, value=st.floats(width=32))
@settings(deadline=None)
def test_floats_come_back_or_are_not_available(type_: WireType, order: Order, value: float) -> None:
    """A finite float survives; NaN and infinities are never a value."""
    encoding = Encoding(type=type_, order=order)
    if math.isfinite(value):
        assert decoder(encoding)(encoder(encoding)(value)) == value
        return
    wire = struct.pack(">f" if type_ is WireType.F32 else ">d", value)
    assert decoder(Encoding(type=type_))(wire) is None
    with pytest.raises(ValueError, match="not a number that a register can hold"):
        encoder(encoding)(value)


@given(order=orders, bit=st.integers(0, 15), data=st.data())
@settings(deadline=None)
def test_bit_fields_come_back_in_their_place(order: Order, bit: int, data: st.DataObject) -> None:
    """A field of bits takes its own bits of the word and no others."""
    width = data.draw(st.integers(1, 16 - bit))
    value = data.draw(st.integers(0, (1 << width) - 1))
    encoding = Encoding(type=WireType.BITS, order=order, bit=bit, width=width)
    wire = encoder(encoding)(value)
    assert decoder(encoding)(wire) == value
    assert decoder(Encoding(type=WireType.U16, order=order))(wire) == value << bit


@given(order=orders, words=st.integers(1, 8), data=st.data())
@settings(deadline=None)
def test_text_comes_back(order: Order, words: int, data: st.DataObject) -> None:
    """ASCII text survives; padding at its end is not part of it."""
    alphabet = st.characters(min_codepoint=33, max_codepoint=126)
    text = data.draw(st.text(alphabet, max_size=2 * words))
    encoding = Encoding(type=WireType.TEXT, order=order, words=words)
    assert decoder(encoding)(encoder(encoding)(text)) == text


@given(order=orders, moment=st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2099-12-31")))
@settings(deadline=None)
def test_bcd_times_come_back(order: Order, moment: datetime) -> None:
    """A device's own time survives to the second."""
    text = moment.replace(microsecond=0).isoformat()
    encoding = Encoding(type=WireType.BCD_TIME, order=order)
    assert decoder(encoding)(encoder(encoding)(text)) == text


@pytest.mark.parametrize("wire", ["000000000000", "260230120000", "2a0101000000", "ffffffffffff"])
def test_impossible_bcd_time_is_no_value(wire: str) -> None:
    """The thirtieth of February, month 0 and hexadecimal digits are not times."""
    assert decoder(Encoding(type=WireType.BCD_TIME))(bytes.fromhex(wire)) is None


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        (Encoding(type=WireType.U16, sentinels=(65535.0,)), "ffff"),
        (Encoding(type=WireType.I16, scale=0.1, sentinels=(-32768.0, 32767.0)), "8000"),
        (Encoding(type=WireType.U32, order=Order.CDAB, sentinels=(0xFFFF0000,)), "0000ffff"),
        (Encoding(type=WireType.F32, sentinels=(10.0,)), "41200000"),
        (Encoding(type=WireType.F32, scale=-1.0, offset=3.0, sentinels=(1e20,)), "60ad78ec"),
        (Encoding(type=WireType.F32), "7fc00000"),
        (Encoding(type=WireType.BCD_TIME), "ffffffffffff"),
        (Encoding(type=WireType.BITS, width=4, bit=4, sentinels=(15.0,)), "00f0"),
    ],
)
def test_not_available_both_ways(encoding: Encoding, wire: str) -> None:
    """The first sentinel is written for None and read as None."""
    assert encoder(encoding)(None).hex() == wire
    assert decoder(encoding)(bytes.fromhex(wire)) is None


@pytest.mark.parametrize(
    ("encoding", "value", "reason"),
    [
        (Encoding(type=WireType.U16), 65536, "65536 does not fit u16 with scale 1 and offset 0"),
        (Encoding(type=WireType.U16, scale=0.1), -0.1, "-0.1 does not fit u16 with scale 0.1 and offset 0"),
        (Encoding(type=WireType.I16), 1e9, "does not fit i16"),
        (Encoding(type=WireType.U16, sentinels=(65535.0,)), 65535, "65535 would read as 'not available'"),
        (Encoding(type=WireType.F32), 1e39, "does not fit f32"),
        (Encoding(type=WireType.F32, sentinels=(10.0,)), 10.0, "would read as 'not available'"),
        (Encoding(type=WireType.U16), "12", "is not a number that a register can hold"),
        (Encoding(type=WireType.U16), math.nan, "is not a number that a register can hold"),
        (Encoding(type=WireType.U16), None, "u16 has no pattern for 'not available'"),
        (Encoding(type=WireType.BOOL), None, "a coil or discrete input has no pattern"),
        (Encoding(type=WireType.BITS, width=2), 4, "4 does not fit 2 bits"),
        (Encoding(type=WireType.TEXT, words=1), "abc", "is not ASCII text of at most 2 characters"),
        (Encoding(type=WireType.TEXT, words=2), "泵", "is not ASCII text"),
        (Encoding(type=WireType.BCD_TIME), "1999-01-01T00:00:00", "is not an ISO time of this century"),
        (Encoding(type=WireType.BCD_TIME), "yesterday", "yesterday"),
    ],
)
def test_what_does_not_fit_is_refused(encoding: Encoding, value: object, reason: str) -> None:
    """Nothing is wrapped, clamped or written as its own opposite."""
    with pytest.raises(ValueError, match=reason):
        encoder(encoding)(value)  # type: ignore[arg-type]


def test_bools() -> None:
    """A coil is true where any byte of it is not 0."""
    decode = decoder(Encoding(type=WireType.BOOL))
    assert decode(b"\x01") is True
    assert decode(b"\0\0") is False
    assert encoder(Encoding(type=WireType.BOOL))(True) == b"\0\1"


def test_kinds_follow_the_encoding() -> None:
    """A series keeps one datatype for life: it is fixed by the encoding."""
    assert kind_of(Encoding(type=WireType.U32)) is Kind.INT
    assert kind_of(Encoding(type=WireType.U32, scale=0.1)) is Kind.FLOAT
    assert kind_of(Encoding(type=WireType.F64)) is Kind.FLOAT
    assert kind_of(Encoding(type=WireType.BITS)) is Kind.BOOL
    assert kind_of(Encoding(type=WireType.BITS, width=3)) is Kind.INT
    assert kind_of(Encoding(type=WireType.TEXT)) is Kind.TEXT
