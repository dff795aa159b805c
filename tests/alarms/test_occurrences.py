"""One row per life of an alarm: what each step of the engine makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from control.alarms.events import Acknowledge, Effect, Reset, Service, Shelve
from control.alarms.model import Alarm, Condition, Evidence, Place, Priority, Text
from control.alarms.occurrences import FIRST_OUT_MS, Occurrence, first_out, follow, pack_evidence, unpack_evidence

from .conftest import T0, Bench, an_alarm

HIGH, LOW = 2.0, 0.0
WELL = Place(area="oldtown", edge="e1", device="well-01", component="pump", road="r7", text=Text(zh="一号井", en="Well 1"))
WHY = Text(zh="水位 2.0", en="level 2.0")
PROOF = (Evidence(point="well-01/level", time=T0, value=2.0, flags=4), Evidence(point="well-01/door", time=T0, value=None))


class Book(Bench):
    """A bench that keeps the occurrences as the journal does: ``rows`` by number, each step's own in ``last``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rows: dict[int, Occurrence] = {}
        self.last: list[Occurrence] = []
        self.because: Condition | None = None

    def _keep(self, changes):  # type: ignore[no-untyped-def]
        for change in changes:
            known = {number: one for number, one in self.rows.items() if one.closed_at is None}
            self.last = follow(change, known, self.because)
            self.rows |= {one.number: one for one in self.last}
        return super()._keep(changes)

    def ack(self, number: int, who: str = "duty-1", note: str = "") -> None:
        self.ask(Acknowledge(who=who, occurrence=number, note=note))

    def later(self, seconds: float = 1) -> Book:
        self.wait(seconds)
        return self


def a_book(**options: object) -> Book:
    alarm: Alarm = an_alarm(priority=Priority.RED, **options)
    return Book([replace(alarm, place=WELL)])


def test_a_row_says_what_where_why_and_against_what() -> None:
    """Everything a person needs is on the row at once, and nothing that has not happened yet."""
    book = a_book(on_s=20, first_out="water")
    book.because = Condition(key="level@well-01", time=T0, value=HIGH, why=WHY, evidence=PROOF)
    book.see(HIGH, ago_s=5)
    assert book.rows == {}
    book.wait(60)
    assert book.rows[1] == Occurrence(
        number=1,
        key="level@well-01",
        rule="level",
        priority=1,
        area="oldtown",
        road="r7",
        edge="e1",
        device="well-01",
        component="pump",
        text=Text(zh="水位"),
        place=WELL.text,
        first_out="water@well-01",
        source_time=T0 - 5_000,
        raised_at=T0 + 15_000,
        annunciated_at=T0 + 15_000,
        acked_at=None,
        acked_by="",
        ack_note="",
        cleared_at=None,
        closed_at=None,
        superseded=False,
        value=HIGH,
        limit=1.0,
        unit="m",
        why=WHY,
        evidence=PROOF,
    )


def test_a_contact_has_no_limit_and_an_unexplained_alarm_no_reason() -> None:
    """What does not apply is empty, not made up."""
    book = a_book(limit=None)
    book.see(True)
    one = book.rows[1]
    assert (one.value, one.limit, one.unit, one.why, one.evidence, one.first_out) == (True, None, "", Text(zh=""), (), "")
    required = ("number", "key", "rule", "priority", "area", "road", "edge", "device", "component", "text", "place", "first_out")
    given = {name: getattr(one, name) for name in (*required, "source_time", "raised_at", "annunciated_at", "value")}
    assert Occurrence(**given) == one, "an empty field is what is not given"


@pytest.mark.parametrize(
    ("place", "group"),
    [(Place(device="well-01", edge="e1"), "water@well-01"), (Place(edge="e1"), "water@e1")],
)
def test_a_first_out_group_is_of_one_device_or_else_of_one_edge_node(place: Place, group: str) -> None:
    """Only alarms of one place race with each other."""
    book = Book([replace(an_alarm(first_out="water"), place=place)])
    book.see(HIGH)
    assert book.rows[1].first_out == group


def test_the_whole_life_of_an_answered_alarm() -> None:
    """Who acknowledged, when, with what note; when it cleared; when it was over: each at its own time."""
    book = a_book()
    book.see(HIGH)
    book.later().ack(1, "王值班", "去看了")
    book.later().see(LOW)
    one = book.rows[1]
    assert (one.acked_at, one.acked_by, one.ack_note) == (T0 + 1000, "王值班", "去看了")
    assert (one.annunciated_at, one.cleared_at, one.closed_at, one.superseded) == (T0, T0 + 2000, T0 + 2000, False)


def test_an_alarm_that_returned_unanswered_stays_open_until_it_is_answered() -> None:
    """Cleared is not closed."""
    book = a_book()
    book.see(HIGH)
    book.later().see(LOW)
    assert (book.rows[1].cleared_at, book.rows[1].closed_at) == (T0 + 1000, None)
    book.later().ack(1)
    assert (book.rows[1].acked_at, book.rows[1].closed_at) == (T0 + 2000, T0 + 2000)
    assert book.rows[1].cleared_at == T0 + 1000


def test_a_latched_alarm_is_closed_by_its_reset() -> None:
    """Cleared, acknowledged and still open; the reset ends it."""
    book = a_book(latching=True)
    book.see(HIGH)
    book.later().see(LOW)
    book.later().ack(1)
    assert book.rows[1].closed_at is None
    book.later().ask(Reset(who="a"))
    assert (book.rows[1].cleared_at, book.rows[1].closed_at) == (T0 + 1000, T0 + 3000)


def test_the_next_life_supersedes_one_nobody_answered() -> None:
    """Both rows come from one step, the older first; the old one keeps what it was, the new one begins clean."""
    book = a_book()
    book.see(HIGH)
    book.later().see(LOW)
    book.later().see(3.0)
    assert [one.number for one in book.last] == [1, 2]
    old, new = book.last
    assert (old.superseded, old.closed_at, old.cleared_at, old.acked_by, old.value) == (True, T0 + 2000, T0 + 1000, "", HIGH)
    assert (new.superseded, new.closed_at, new.cleared_at, new.raised_at, new.value) == (False, None, None, T0 + 2000, 3.0)


def test_the_next_life_closes_one_that_was_answered() -> None:
    """Latched and acknowledged, then raised again: closed, not superseded, and the new row is open."""
    book = a_book(latching=True)
    book.see(HIGH)
    book.ack(1)
    book.later().see(LOW)
    book.later().see(HIGH)
    old, new = book.last
    assert (old.number, old.superseded, old.closed_at) == (1, False, T0 + 2000)
    assert (new.number, new.closed_at, new.acked_at) == (2, None, None)


def test_an_acknowledgement_that_expired_is_taken_off_the_row() -> None:
    """The row then waits for a person again, and still says when people were first told."""
    book = a_book(realarm_s=600)
    book.see(HIGH)
    book.later().ack(1, note="seen")
    book.wait(600)
    one = book.rows[1]
    assert (one.acked_at, one.acked_by, one.ack_note, one.annunciated_at) == (None, "", "", T0)


def test_people_told_again_were_first_told_then() -> None:
    """A shelf's end tells again; the row keeps the first time."""
    book = a_book()
    book.see(HIGH)
    book.later().ask(Shelve(who="a", until=book.now + 60_000, reason="mending"))
    book.wait(60)
    assert book.count(Effect.ANNOUNCED) == 2
    assert book.rows[1].annunciated_at == T0


def test_what_does_not_concern_an_occurrence_writes_no_row() -> None:
    """A delay, a shelf, maintenance, and any event of an alarm whose life is over: no row, and none is changed."""
    book = a_book(on_s=20, off_s=60)
    book.see(HIGH)
    book.ask(Service(who="e", out=True, reason="moved"))
    assert book.rows == {}
    book.wait(20)
    kept = dict(book.rows)
    book.later().see(LOW)
    assert book.last == []
    book.wait(60)
    assert book.rows[1] == replace(kept[1], cleared_at=T0 + 81_000, closed_at=T0 + 81_000)
    kept = dict(book.rows)
    book.ask(Service(who="e", out=False, reason="back"))
    assert (book.last, book.rows) == ([], kept)


def test_an_occurrence_that_is_not_known_here_is_not_made_up() -> None:
    """A row that was lost or is kept elsewhere: its acknowledgement writes nothing, and the next life is told alone."""
    book = a_book()
    book.see(HIGH)
    book.rows.clear()
    book.later().see(LOW)
    assert book.last == []
    book.later().see(HIGH)
    assert [one.number for one in book.last] == [2], "the first ended superseded, but there is no row to say so"


def test_a_life_nobody_was_told_of_says_so() -> None:
    """Raised and over while shelved: the row has no time at which people were told."""
    book = a_book()
    book.ask(Shelve(who="a", until=book.now + 60_000, reason="mending"))
    book.see(HIGH)
    assert book.rows[1].annunciated_at is None
    book.later().see(LOW)
    assert (book.rows[1].annunciated_at, book.rows[1].cleared_at) == (None, T0 + 1000)


def test_a_rule_taken_away_closes_the_row() -> None:
    """An edit that leaves an alarm out ends its life in the book too."""
    book = a_book()
    book.see(HIGH)
    book.later()
    book._keep(book.engine.edit([], book.now))
    assert (book.rows[1].closed_at, book.rows[1].cleared_at) == (T0 + 1000, None)


@pytest.mark.parametrize(
    ("times", "first"),
    [
        ({1: 10_000, 2: 9_000, 3: 13_500}, {2}),
        ({1: 9_000, 2: 9_000, 3: 10_000}, {1, 2}),
        ({1: 0, 2: FIRST_OUT_MS}, {1}),
        ({1: 0, 2: FIRST_OUT_MS + 1}, set()),
        ({1: 0, 2: 5_000, 3: 10_000, 4: 100_000, 5: 100_001}, {1, 4}),  # a chain, then another
        ({1: 0, 2: 5_000, 3: 10_000, 4: 10_500}, {1}),  # a chain is one burst however long
        ({1: 0, 2: 5_001, 3: 10_000}, {2}),  # one alone, then two
        ({7: 0}, set()),
        ({}, set()),
        ({1: 4_900_000_000_000, 2: 4_900_000_000_001}, {1}),  # in the year 2125
    ],
)
def test_who_came_first_in_each_burst(times: dict[int, int], first: set[int]) -> None:
    """Within five seconds by source time the earliest is first, equal times are a tie, one alone is no race."""
    assert FIRST_OUT_MS == 5_000, "domain alarms 1.1"
    assert first_out(times) == first


def test_evidence_comes_back_from_its_text() -> None:
    """The readings behind an alarm, with their quality, as they were; none is none."""
    assert unpack_evidence(pack_evidence(PROOF)) == PROOF
    assert unpack_evidence(pack_evidence(())) == ()
