"""Cutting a text to what a channel takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from control.messages.channels.texts import ELLIPSIS, text_cut, whole_text
from control.messages.port import Letter, Limits

LIMITS = st.builds(Limits, text_bytes=st.integers(0, 60), text_chars=st.integers(0, 30))


@given(st.text(max_size=80), LIMITS)
def test_a_cut_text_fits_and_is_a_beginning(text: str, limits: Limits) -> None:
    """Protects every limit, at whole characters: what fits is untouched, what does not begins the same."""
    cut = text_cut(text, limits)
    assert not limits.text_chars or len(cut) <= limits.text_chars
    assert not limits.text_bytes or len(cut.encode()) <= limits.text_bytes
    if cut != text:
        assert text.startswith(cut.removesuffix(ELLIPSIS))


@given(st.text(max_size=80))
def test_no_limit_cuts_nothing(text: str) -> None:
    """Protects 0 as "no limit known"."""
    assert text_cut(text, Limits()) == text


def test_chinese_is_cut_between_characters() -> None:
    """Protects Chinese: three bytes each, none of them halved."""
    assert text_cut("积水三十一厘米", Limits(text_bytes=14)) == "积水三…"
    assert text_cut("积水三十一厘米", Limits(text_chars=4)) == "积水三…"
    assert text_cut("积水", Limits(text_bytes=4)) == "…"
    assert text_cut("积水", Limits(text_bytes=2)) == ""


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=10), LIMITS)
def test_a_whole_text_fits(text: str, title: str, link: str, limits: Limits) -> None:
    """Protects the same limits where title and link come along."""
    whole = whole_text(Letter(id="1", address="", title=title, text=text, priority=1, link=link), limits)
    assert not limits.text_chars or len(whole) <= limits.text_chars
    assert not limits.text_bytes or len(whole.encode()) <= limits.text_bytes


def test_the_link_outlives_a_long_text() -> None:
    """Protects the way to the occurrence: the text gives way, title and link stay."""
    letter = Letter(id="1", address="", title="题", text="字" * 100, priority=1, link="http://x/1")
    assert whole_text(letter, Limits(text_chars=20)) == "题\n" + "字" * 6 + "…\nhttp://x/1"
