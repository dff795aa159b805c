"""Frames, pure: what goes out, and what may be believed of what comes in."""

import contextlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.lies import RTU_LIES, Question
from gateway.modbus.frames import (
    check_answer,
    crc16,
    read_request,
    rtu_answer,
    rtu_frame,
    write_bits_request,
    write_words_request,
)
from gateway.modbus.port import Block
from lampwell.errors import BadAnswer, DeviceRefused
from lampwell.profiles.model import Space

BLOCK = Block(Space.HOLDING, 107, 3)
PDU = bytes.fromhex("03 06 022B 0000 0064")


def test_requests_are_those_of_the_specification() -> None:
    """The examples of the Modbus application protocol, sections 6.1 to 6.12."""
    assert read_request(Block(Space.COIL, 0x13, 0x13)).pdu == bytes.fromhex("01 0013 0013")
    assert read_request(Block(Space.DISCRETE, 0xC4, 0x16)).pdu == bytes.fromhex("02 00C4 0016")
    assert read_request(BLOCK).pdu == bytes.fromhex("03 006B 0003")
    assert read_request(Block(Space.INPUT, 8, 1)).pdu == bytes.fromhex("04 0008 0001")
    assert write_bits_request(0xAC, [True]).pdu == bytes.fromhex("05 00AC FF00")
    assert write_words_request(1, [3]).pdu == bytes.fromhex("06 0001 0003")
    coils = [bool(int(bit)) for bit in "1011001110"]
    assert write_bits_request(0x13, coils).pdu == bytes.fromhex("0F 0013 000A 02 CD01")
    assert write_words_request(1, [0x000A, 0x0102]).pdu == bytes.fromhex("10 0001 0002 04 000A 0102")


def test_crc_is_that_of_the_serial_line_guide() -> None:
    """The guide's own example: unit 2, function 7."""
    assert crc16(bytes.fromhex("02 07")) == 0x1241
    assert rtu_frame(2, b"\x07") == bytes.fromhex("02 07 41 12")


@pytest.mark.parametrize(("address", "count"), [(0, 0), (0, 126), (65535, 2), (-1, 1)])
def test_impossible_reads_are_refused_before_they_are_sent(address: int, count: int) -> None:
    """No request outside the limits of Modbus leaves."""
    with pytest.raises(ValueError, match=r"1\.\.125"):
        read_request(Block(Space.HOLDING, address, count))


@pytest.mark.parametrize("words", [[], [65536], [-1], [0] * 124])
def test_impossible_writes_are_refused_before_they_are_sent(words: list[int]) -> None:
    """Nor does a write."""
    with pytest.raises(ValueError, match=r"Modbus takes|0\.\.65535"):
        write_words_request(0, words)


def test_the_right_answer_is_believed() -> None:
    """Unit, function, count and length agree: the data comes out."""
    assert check_answer(read_request(BLOCK), 17, 17, PDU) == PDU[2:]


@pytest.mark.parametrize(
    ("unit", "answer", "reason"),
    [
        (18, PDU, "unit 18 answered"),
        (17, b"\x04" + PDU[1:], "answer to function 4"),
        (17, PDU[:-2], "6 bytes"),
        (17, PDU + b"\0\0", "10 bytes"),
        (17, b"\x03\x04" + PDU[2:6], "6 bytes"),
        (17, b"\x03\x05" + PDU[2:], "8 bytes"),
        (17, b"", "function none"),
        (17, b"\x83", "function 131"),
        (17, b"\x83\x02\x00", "function 131"),
    ],
)
def test_wrong_answers_are_refused(unit: int, answer: bytes, reason: str) -> None:
    """Each thing that may be wrong, with a message that begins with the call."""
    with pytest.raises(BadAnswer, match=rf"^read holding 107\+3 of unit 17: .*{reason}"):
        check_answer(read_request(BLOCK), 17, unit, answer)


@pytest.mark.parametrize("code", range(1, 12))
def test_exceptions_are_told_with_their_meaning(code: int) -> None:
    """Exception 1 to 11: DeviceRefused with the code, on both framings."""
    with pytest.raises(DeviceRefused, match=f"exception {code} ") as refusal:
        check_answer(read_request(BLOCK), 17, 17, bytes((0x83, code)))
    assert refusal.value.code == code
    with pytest.raises(DeviceRefused):
        rtu_answer(read_request(BLOCK), 17, rtu_frame(17, bytes((0x83, code))))


def test_a_write_must_be_echoed() -> None:
    """A confirmation of another address or count is none."""
    request = write_words_request(5, [1, 2])
    assert check_answer(request, 1, 1, bytes.fromhex("10 0005 0002")) is not None
    for wrong in ("10 0006 0002", "10 0005 0001", "06 0005 0002", "10 0005"):
        with pytest.raises(BadAnswer):
            check_answer(request, 1, 1, bytes.fromhex(wrong))


def test_an_rtu_answer_is_awaited_byte_by_byte() -> None:
    """Incomplete is not wrong; complete is believed; one byte more is not."""
    request, frame = read_request(BLOCK), rtu_frame(17, PDU)
    for size in range(len(frame)):
        assert rtu_answer(request, 17, frame[:size]) is None
    assert rtu_answer(request, 17, frame) == PDU[2:]
    with pytest.raises(BadAnswer, match="1 bytes too many"):
        rtu_answer(request, 17, frame + b"\0")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 247), st.sampled_from([1, 2, 3, 4]), st.binary(min_size=1, max_size=250))
def test_no_lie_is_believed_at_once(seed: int, unit: int, function: int, truth: bytes) -> None:
    """Every kind of hostile RTU bytes, as one chunk: refused, or awaited in vain."""
    space = {1: Space.COIL, 2: Space.DISCRETE, 3: Space.HOLDING, 4: Space.INPUT}[function]
    truth = truth[: len(truth) // 2 * 2] or b"\0\0"
    count = 8 * len(truth) if space.is_bits else len(truth) // 2
    request = read_request(Block(space, 0, count))
    for lie in RTU_LIES.values():
        with contextlib.suppress(BadAnswer, DeviceRefused):
            assert rtu_answer(request, unit, lie(Question(unit, function, truth), Random(seed))) in (None, truth)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_never_break_the_parser(data: bytes) -> None:
    """Whatever comes, the outcome is data, nothing yet, or one of our errors."""
    try:
        answer = rtu_answer(read_request(BLOCK), 17, data)
    except (BadAnswer, DeviceRefused):
        return
    assert answer is None or len(answer) == 6
