"""Requests out of a stream: however it is cut, whatever stands before it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.frames import BadFrame, RtuFramer, TcpFramer, crc16, exception, rtu_frame, tcp_frame

READ = bytes.fromhex("0300000002")
WRITE = bytes.fromhex("10000000020400010002")


def test_crc_of_a_published_frame() -> None:
    """The check of a frame printed in many manuals: 01 03 00 00 00 0A -> C5 CD."""
    assert crc16(bytes.fromhex("01030000000a")) == bytes.fromhex("c5cd")


def test_an_exception_keeps_the_function() -> None:
    """FC 3 refused is 83 and the code."""
    assert exception(3, 2) == b"\x83\x02"


pdus = st.sampled_from([READ, WRITE, bytes.fromhex("0500ff0000"), bytes.fromhex("0f0000000a02ff03")])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 255), pdus), max_size=5), st.data())
def test_tcp_requests_survive_any_cutting(requests: list[tuple[int, int, bytes]], data: st.DataObject) -> None:
    """The same requests come out however the stream is cut into segments."""
    stream = b"".join(tcp_frame(*each) for each in requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framer = TcpFramer()
    got = [r for a, b in itertools.pairwise([0, *cuts, len(stream)]) for r in framer.feed(stream[a:b], 0.0)]
    assert [(r.transaction, r.unit, r.pdu) for r in got] == requests


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 247), pdus), max_size=4), st.data())
def test_rtu_requests_survive_any_cutting(requests: list[tuple[int, bytes]], data: st.DataObject) -> None:
    """RTU frames are found by their length and check, one byte at a time if need be."""
    stream = b"".join(rtu_frame(*each) for each in requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framer = RtuFramer()
    got = [r for a, b in itertools.pairwise([0, *cuts, len(stream)]) for r in framer.feed(stream[a:b], 0.0)]
    assert [(r.unit, r.pdu) for r in got] == requests


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_survived(noise: bytes) -> None:
    """No stream crashes a framer; on TCP an impossible header is an error that closes the connection."""
    RtuFramer().feed(noise, 0.0)
    try:
        TcpFramer().feed(noise, 0.0)
    except BadFrame as error:
        assert "not a Modbus TCP header" in str(error)  # noqa: PT017


def test_noise_is_forgotten_after_a_silence() -> None:
    """A half request that ends in silence does not spoil the next one."""
    framer = RtuFramer()
    assert framer.feed(rtu_frame(1, READ)[:5], 0.0) == []
    assert [r.pdu for r in framer.feed(rtu_frame(1, READ), 1.0)] == [READ]


def test_a_request_after_noise_in_one_segment_is_found() -> None:
    """Line noise before a request does not hide it."""
    assert [r.pdu for r in RtuFramer().feed(b"\xff\x00\xaa" + rtu_frame(1, READ), 0.0)] == [READ]


def test_an_unknown_function_is_a_request_when_its_check_fits() -> None:
    """So that the device can answer exception 1 to it."""
    assert [r.pdu for r in RtuFramer().feed(rtu_frame(1, b"\x2b\x0e\x01\x00"), 0.0)] == [b"\x2b\x0e\x01\x00"]


@pytest.mark.parametrize("header", ["000100010006", "000100000001", "0001000000ff"])
def test_an_impossible_header_is_refused(header: str) -> None:
    """A wrong protocol id or length can not be read past: the connection has to go."""
    with pytest.raises(BadFrame):
        TcpFramer().feed(bytes.fromhex(header) + b"\x01", 0.0)
