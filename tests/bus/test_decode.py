"""Decoding a whole block at once says the same as the encodings say one by one."""

import math
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decode import converter, unpacker
from lampwell.points import Kind, Point, Value
from lampwell.profiles.encoding import decoder, kind_of
from lampwell.profiles.model import Encoding, Order, Register, Space, WireType
from lampwell.profiles.wire_order import words_of

NUMBERS = [t for t in WireType if t not in (WireType.BOOL, WireType.TEXT, WireType.BCD_TIME, WireType.BITS)]
scales = st.sampled_from([1.0, 0.1, 0.01, 0.001, 10.0, 0.2, 1e-4])
offsets = st.sampled_from([0.0, -40.0, 0.5])
sentinels = st.sampled_from([(), (0xFFFF,), (0x7FFF, -32768), (0.0,), (9999.0, -1.0)])
orders = st.sampled_from(list(Order))


@st.composite
def encodings(draw: Any) -> Encoding:
    """Any encoding of a word space."""
    kind = draw(st.sampled_from(["number", "bits", "text", "time"]))
    order = draw(orders)
    if kind == "number":
        return Encoding(
            type=draw(st.sampled_from(NUMBERS)), order=order, scale=draw(scales), offset=draw(offsets), sentinels=draw(sentinels)
        )
    if kind == "bits":
        bit = draw(st.integers(0, 15))
        return Encoding(
            type=WireType.BITS,
            order=order,
            bit=bit,
            width=draw(st.integers(1, 16 - bit)),
            sentinels=draw(st.sampled_from([(), (3,)])),
        )
    if kind == "text":
        return Encoding(type=WireType.TEXT, order=order, words=draw(st.integers(1, 8)))
    return Encoding(type=WireType.BCD_TIME, order=order)


def register(address: int, encoding: Encoding, space: Space = Space.HOLDING) -> Register:
    return Register(point=Point(path=f"p{address}", kind=kind_of(encoding)), space=space, address=address, encoding=encoding)


def same(a: Value | None, b: Value | None) -> bool:
    return a == b and type(a) is type(b)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(encodings(), st.integers(0, 3)), min_size=1, max_size=20), st.integers(0, 1000), st.data())
def test_a_block_decodes_as_its_encodings_do(parts: list[tuple[Encoding, int]], first: int, data: Any) -> None:
    """Any mixture of types and orders with gaps, bits sharing words, in any order of the file."""
    registers, at = [], first
    for encoding, gap in parts:
        shared = registers and encoding.type is WireType.BITS and registers[-1].encoding.type is WireType.BITS and gap == 0
        address = registers[-1].address if shared else at + gap
        registers.append(register(address, encoding))
        at = max(at, address + words_of(encoding))
    registers = data.draw(st.permutations(registers))
    count = at - first
    block = data.draw(st.binary(min_size=2 * count, max_size=2 * count))
    raws = unpacker(Space.HOLDING, first, count, registers)(block)
    assert len(raws) == len(registers)
    for each, raw in zip(registers, raws, strict=True):
        start = 2 * (each.address - first)
        expected = decoder(each.encoding)(block[start : start + 2 * words_of(each.encoding)])
        assert same(converter(each)(raw), expected), (each.encoding, block.hex(), raw)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 2000).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1, max_size=50))),
    st.randoms(),
)
def test_a_block_of_bits_decodes_bit_by_bit(shape: tuple[int, set[int]], rng: Any) -> None:
    """Coils come packed, lowest bit first."""
    count, addresses = shape
    data = rng.randbytes((count + 7) // 8)
    registers = [register(a, Encoding(type=WireType.BOOL), Space.COIL) for a in addresses]
    raws = unpacker(Space.COIL, 0, count, registers)(data)
    values = [converter(each)(raw) for each, raw in zip(registers, raws, strict=True)]
    assert values == [bool(data[a // 8] >> a % 8 & 1) for a in addresses]


def test_nan_and_infinity_are_not_available() -> None:
    """No float pattern that is not a number becomes one."""
    each = register(0, Encoding(type=WireType.F32))
    unpack, convert = unpacker(Space.HOLDING, 0, 2, [each]), converter(each)
    for value in (math.nan, math.inf, -math.inf):
        assert convert(unpack(struct.pack(">f", value))[0]) is None
    assert convert(unpack(bytes.fromhex("411E0000"))[0]) == 9.875


def test_a_float_point_gets_floats_from_whole_registers() -> None:
    """A point declared as a float is a float on the wire, whatever its register holds."""
    each = Register(point=Point(path="p", kind=Kind.FLOAT), space=Space.HOLDING, address=0, encoding=Encoding(type=WireType.U16))
    assert same(converter(each)(5), 5.0)


def test_the_same_bytes_give_equal_raws() -> None:
    """The pipeline skips what did not change by comparing raw items."""
    registers = [register(n, Encoding(type=WireType.I16, scale=0.1)) for n in range(40)]
    unpack = unpacker(Space.HOLDING, 0, 40, registers)
    assert unpack(bytes(80)) == unpack(bytes(80))
