"""A device's registers: what it answers, what it refuses, and with which code."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.points import Value
from simulators.image import Image

from .conftest import TablePlant, make_profile


def read(function: int, first: int, count: int) -> bytes:
    return struct.pack(">BHH", function, first, count)


@pytest.fixture
def plant() -> TablePlant:
    return TablePlant()


@pytest.fixture
def image(plant: TablePlant) -> Image:
    return Image(make_profile(), plant)


def test_one_block_holds_every_type_and_order(image: Image) -> None:
    """A block read gives the very bytes that each type and word order asks for, worked out by hand."""
    answer = image.answer(read(4, 0, 19))
    assert answer[:2] == bytes((4, 38))
    assert (
        answer[2:].hex(" ", 2) == "9c41 fb2e 08a5 b2d0 5e01 5e01 b2d0 feff 90ee 411e 0000 0000 be20 0000 1e41 0000 0100 0000 0007"
    )


def test_bit_fields_share_their_word(image: Image) -> None:
    """Two flags and a three-bit field are merged into one register: 0b101_0000_1000."""
    assert image.answer(read(4, 30, 1)) == bytes((4, 2, 0b101, 0b1000))


def test_not_available_is_the_sentinel_and_never_zero(image: Image) -> None:
    """A plant that has no value makes the device send its "not available" pattern."""
    assert image.answer(read(4, 34, 1)) == b"\x04\x02\xff\xff"


def test_a_value_that_does_not_fit_is_not_sent_as_another_number(image: Image, plant: TablePlant) -> None:
    """An overflow without a sentinel is exception 4 for reads that touch it, and only for those."""
    plant.table["u16"] = 70_000
    image.touch()
    assert image.answer(read(4, 0, 2)) == b"\x84\x04"
    assert image.answer(read(4, 1, 2)) == b"\x04\x04\xfb\x2e\x08\xa5"


def test_bits_are_packed_low_bit_first(image: Image) -> None:
    """Discrete inputs and coils come as the standard packs them, undefined ones as 0."""
    assert image.answer(read(2, 0, 10)) == bytes((2, 2, 1, 0))
    assert image.answer(read(1, 0, 2)) == bytes((1, 1, 1))


def test_values_are_encoded_once_per_tick(image: Image, plant: TablePlant) -> None:
    """Within a tick the device shows one moment; the next tick shows the next."""
    before = image.answer(read(4, 1, 1))
    plant.table["i16"] = 77
    assert image.answer(read(4, 1, 1)) == before
    image.touch()
    assert image.answer(read(4, 1, 1)) == b"\x04\x02\x00\x4d"


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        pytest.param(read(4, 200, 1), 2, id="outside every window"),
        pytest.param(read(4, 39, 3), 2, id="over the end of a window"),
        pytest.param(read(3, 5, 96), 2, id="from one window into the next"),
        pytest.param(read(4, 0, 0), 3, id="nothing asked"),
        pytest.param(read(3, 0, 126), 3, id="over Modbus's own limit"),
        pytest.param(read(4, 0, 31), 3, id="over the device's own limit"),
        pytest.param(read(3, 100, 2), 2, id="a radar read as a block"),
        pytest.param(read(4, 0, 1) + b"\0", 3, id="a byte too many"),
        pytest.param(b"\x04\0", 3, id="cut short"),
        pytest.param(b"\x2b\x0e\x01\x00", 1, id="a function it does not have"),
        pytest.param(struct.pack(">BHH", 6, 50, 1), 2, id="a write where nothing is"),
        pytest.param(struct.pack(">BHH", 6, 100, 1), 2, id="a write to a read-only register"),
        pytest.param(struct.pack(">BHH", 6, 2, 4), 3, id="a write over its limit"),
        pytest.param(struct.pack(">BHH", 6, 0, 1), 3, id="a write to half of a float"),
        pytest.param(struct.pack(">BHHB", 16, 0, 2, 4) + struct.pack(">f", float("nan")), 3, id="NaN as a set-point"),
        pytest.param(struct.pack(">BHHB", 16, 0, 2, 3) + b"\0\0\0", 3, id="a byte count that lies"),
        pytest.param(struct.pack(">BHH", 5, 0, 1), 3, id="a coil value that is neither on nor off"),
        pytest.param(struct.pack(">BHH", 5, 9, 0xFF00), 2, id="a coil that is not there"),
    ],
)
def test_refusals(image: Image, plant: TablePlant, pdu: bytes, code: int) -> None:
    """Each wrong request gets the exception a device would send, and changes nothing."""
    before = dict(plant.table)
    assert image.answer(pdu) == bytes((pdu[0] | 0x80, code))
    assert plant.table == before


def test_a_register_of_a_radar_can_be_read_alone(image: Image) -> None:
    """Where blocks are forbidden, single points still answer."""
    assert image.answer(read(3, 100, 1)) == b"\x03\x02\x9c\x41"


def test_writes_reach_the_plant_and_read_back_at_once(image: Image, plant: TablePlant) -> None:
    """FC 5, 6, 15 and 16 set points, echo as the standard says, and the read-back is fresh."""
    assert image.answer(struct.pack(">BHH", 6, 2, 1)) == struct.pack(">BHH", 6, 2, 1)
    both = struct.pack(">BHHB", 16, 0, 3, 6) + struct.pack(">fH", 25.5, 3)
    assert image.answer(both) == both[:5]
    assert (plant.table["setpoint"], plant.table["mode"]) == (25.5, 3)
    assert image.answer(read(3, 0, 3)) == bytes((3, 6)) + struct.pack(">fH", 25.5, 3)
    assert image.answer(struct.pack(">BHH", 5, 0, 0)) == struct.pack(">BHH", 5, 0, 0)
    assert image.answer(b"\x0f\0\0\0\x02\x01\x02") == b"\x0f\0\0\0\x02"
    assert (plant.table["run"], plant.table["stop"]) == (False, True)


def test_a_block_write_is_all_or_nothing(image: Image, plant: TablePlant) -> None:
    """One value over its limit refuses the whole block."""
    assert image.answer(struct.pack(">BHHB", 16, 0, 3, 6) + struct.pack(">fH", 25.5, 9)) == b"\x90\x03"
    assert plant.table["setpoint"] == 12.5


def test_what_the_plant_refuses_is_exception_3(image: Image, plant: TablePlant) -> None:
    """A device in local mode says no to a write that is otherwise right."""
    plant.refuse = True
    assert image.answer(struct.pack(">BHH", 6, 2, 1)) == b"\x86\x03"


pdus = st.binary(min_size=1, max_size=253) | st.builds(
    lambda f, a, c: struct.pack(">BHH", f, a, c), st.sampled_from([1, 2, 3, 4, 5, 6]), st.integers(0, 0x120), st.integers(0, 0x90)
)


@settings(deadline=None, max_examples=400)
@given(pdus)
def test_any_request_gets_an_answer_of_the_right_length(pdu: bytes) -> None:
    """Whatever bytes come, the device neither crashes nor answers with a length that contradicts the request."""
    answer = Image(make_profile(), TablePlant()).answer(pdu)
    if answer[0] & 0x80:
        assert len(answer) == 2
        assert 1 <= answer[1] <= 4
        return
    assert answer[0] == pdu[0]
    count = int.from_bytes(pdu[3:5], "big")
    if pdu[0] in (1, 2):
        assert len(answer) == 2 + answer[1] == 2 + (count + 7) // 8
    elif pdu[0] in (3, 4):
        assert len(answer) == 2 + answer[1] == 2 + 2 * count
    else:
        assert answer == pdu[:5]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["i16", "f32", "flag-a", "field", "missing"]), max_size=8), st.data())
def test_incremental_encoding_equals_encoding_afresh(changes: list[str], data: st.DataObject) -> None:
    """However values change from tick to tick, the cached block is the one a fresh device would send."""
    choices: dict[str, st.SearchStrategy[Value | None]] = {
        "i16": st.integers(-9, 9),
        "f32": st.sampled_from([0.5, 1.5, None]),
        "flag-a": st.booleans(),
        "field": st.integers(0, 9),
        "missing": st.sampled_from([1, None, 70_000]),
    }
    plant = TablePlant()
    image = Image(make_profile(), plant)
    for path in changes:
        plant.table[path] = data.draw(choices[path])
        image.touch()
        for request in (read(4, 0, 23), read(4, 30, 5)):
            assert image.answer(request) == Image(make_profile(), plant).answer(request)
