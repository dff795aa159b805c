"""Offsets accounted for: the ranges against a plain set, and the rules about segments and ``first``."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from collector.progress import SHIFT, Progress, Ranges


def offset(segment: int, row: int) -> int:
    return segment << SHIFT | row


def test_the_floor_stops_at_the_first_hole() -> None:
    """Only what is contiguous from row 1 may be acknowledged."""
    progress = Progress({})
    for row in (1, 2, 4, 5):
        assert progress.add("j", offset(7, row))
    assert progress.floors("j") == {7: offset(7, 2)}
    assert not progress.add("j", offset(7, 4))
    assert progress.add("j", offset(7, 3))
    assert progress.floors("j") == {7: offset(7, 5)}


def test_a_segment_without_its_first_row_has_no_floor() -> None:
    """Live scans overtake the backlog: while row 1 is missing nothing can be acknowledged."""
    progress = Progress({})
    progress.add("j", offset(1, 9))
    assert progress.floors("j") == {}


def test_first_accounts_for_everything_below_it_in_every_segment() -> None:
    """What a journal dropped at its bound must not hold up the acknowledgement of what it still has."""
    progress = Progress({})
    progress.add("j", offset(1, 5))
    for row in (10, 11):
        progress.add("j", offset(2, row))
    assert progress.move_first("j", offset(2, 10))
    assert progress.has("j", offset(1, 1))
    assert progress.has("j", offset(2, 9))
    assert not progress.has("j", offset(2, 12))
    assert progress.floors("j") == {2: offset(2, 11)}
    assert not progress.move_first("j", offset(2, 3)), "it never goes back"


def test_texts_carry_everything_over_a_restart() -> None:
    """What was taken as texts and applied to a map makes the same progress; an emptied segment leaves no key behind."""
    progress, kept = Progress({}), {}
    for row in (1, 2, 7):
        progress.add("a/b", offset(1, row))
    kept.update(progress.take_changes())
    progress.move_first("a/b", offset(3, 4))
    progress.add("a/b", offset(3, 4))
    kept.update(progress.take_changes())
    kept = {key: text for key, text in kept.items() if text}
    assert kept == {"a/b/first": str(offset(3, 4)), "a/b/3": "1-4"}
    again = Progress(kept)
    assert again.floors("a/b") == progress.floors("a/b") == {3: offset(3, 4)}
    assert progress.take_changes() == {}


@pytest.mark.parametrize("text", ["x", "1-", "-3", "1-2,,3", "1;2"])
def test_a_text_that_is_not_ours_is_refused(text: str) -> None:
    """A damaged position is an error, never taken for a position."""
    with pytest.raises(ValueError, match=r".+"):
        Ranges.parse(text)


class AgainstASet(RuleBasedStateMachine):
    """Any order of additions, fills and re-reads equals a plain set of numbers."""

    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.ranges, self.plain = Ranges(), set[int]()

    @rule(target=numbers, number=st.integers(1, 60))
    def pick(self, number: int) -> int:
        return number

    @rule(number=numbers)
    def add(self, number: int) -> None:
        assert self.ranges.add(number) is (number not in self.plain)
        self.plain.add(number)

    @rule(start=numbers, length=st.integers(0, 12))
    def fill(self, start: int, length: int) -> None:
        self.ranges.fill(start, start + length)
        self.plain.update(range(start, start + length))

    @rule()
    def reread(self) -> None:
        self.ranges = Ranges.parse(str(self.ranges))

    @invariant()
    def same_members(self) -> None:
        assert {n for n in range(80) if n in self.ranges} == self.plain

    @invariant()
    def never_touching(self) -> None:
        assert all(end < start for end, start in zip(self.ranges.ends, self.ranges.starts[1:], strict=False))

    @invariant()
    def floor_is_the_contiguous_part(self) -> None:
        floor = 0
        while floor + 1 in self.plain:
            floor += 1
        assert self.ranges.floor() == floor


TestAgainstASet = AgainstASet.TestCase
TestAgainstASet.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
