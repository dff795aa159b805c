"""SMS units: what a phone would read back from them, and a unit known from elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.messages.channels.pdu import MAX_PARTS, ONE, PART, submit

from .gsm import Phone, decoded

NUMBERS = st.from_regex(r"\A\+?[0-9]{3,20}\Z")


@given(NUMBERS, st.text(max_size=500), st.integers(0, 1000))
def test_a_phone_reads_back_what_was_written(number: str, text: str, reference: int) -> None:
    """Protects every character, emoji too, over any number of parts, in whatever order they come."""
    phone = Phone()
    for pdu in reversed(submit(number, text, reference)):
        assert pdu.length == len(pdu.text) // 2 - 1
        phone.take(decoded(pdu.text))
    assert phone.read(number) == [text]


@given(st.text(min_size=71, max_size=400))
def test_no_part_is_too_long_nor_ends_in_half_a_character(text: str) -> None:
    """Protects the 140 octets of the air interface, and emoji from being torn."""
    for pdu in submit("13800138000", text, 1):
        part = decoded(pdu.text)
        assert part.octets <= 140
        part.data.decode("utf-16-be")


def test_a_known_unit() -> None:
    """Protects the layout by a unit put together by hand from 3GPP TS 23.040: 积水 for +8613800138000, kept for 12 hours."""
    (pdu,) = submit("+8613800138000", "积水", 0)
    assert pdu.text == "00" + "1100" + "0D91" + "683108108300F0" + "0008" + "8F" + "04" + "79EF6C34"
    assert pdu.length == 19


def test_the_border_between_one_and_two() -> None:
    """Protects 70 in one, 67 in each of several; the parts share their number and count."""
    assert len(submit("10086", "水" * ONE, 7)) == 1
    assert [decoded(pdu.text).header for pdu in submit("10086", "水" * (ONE + 1), 0x107)] == [(7, 2, 1), (7, 2, 2)]
    assert len(submit("10086", "水" * PART * 2, 7)) == 2


@pytest.mark.parametrize(
    ("number", "text"),
    [("12", "x"), ("138-0013", "x"), ("a@b", "x"), ("", "x"), ("１３８", "x"), ("10086", "水" * PART * (MAX_PARTS + 1))],
)
def test_what_can_not_be_sent(number: str, text: str) -> None:
    """Protects the modem from what it would only choke on."""
    with pytest.raises(ValueError, match=r"phone number|parts"):
        submit(number, text, 0)
