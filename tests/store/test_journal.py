"""The alarm journal in the database: what was, what is, and the state from the journal alone."""

from __future__ import annotations

from sqlalchemy import delete, select

from control.alarms.engine import Engine, durable
from control.alarms.events import Acknowledge, Change, Shelve
from control.alarms.model import Alarm, Condition, Limit, Place, Priority, Rule, Side, Text, Timing
from control.alarms.occurrences import Occurrence, first_out, follow
from control.store import journal
from control.store.database import Database
from control.store.tables import alarm_state, occurrence

T0 = 1_780_000_000_000
ALARM = Alarm(
    key="level@w",
    rule=Rule(
        id="level", priority=Priority.RED, text=Text(zh="水位", en="Level"), timing=Timing(on_s=5, off_s=10), first_out="water"
    ),
    place=Place(area="oldtown", device="w", text=Text(zh="一号井", en="Well 1")),
    limit=Limit(side=Side.ABOVE, value=1.0, deadband=0.1, unit="m"),
)


class Life:
    """An engine whose every change is kept in the database."""

    def __init__(self, database: Database, now: int = T0) -> None:
        self.database, self.now = database, now
        kept = database.read(lambda c: journal.load(c, now))
        self.engine, self.open = Engine([ALARM], kept.states, number=kept.number), kept.open

    def see(self, value: float | None) -> None:
        condition = Condition(key="level@w", time=self.now, value=value, why=Text(zh="高", en="high"))
        self.keep(self.engine.observe(condition, self.now), condition)

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * 1000)
        self.keep(self.engine.tick(self.now), None)

    def keep(self, changes: list[Change], because: Condition | None) -> None:
        found: list[Occurrence] = []
        for change in changes:
            found += follow(change, self.open, because)
            self.open |= {one.number: one for one in found}
        self.database.write(lambda c: (journal.keep(c, changes, found), journal.alive(c, self.now)))

    def ask(self, event: Acknowledge | Shelve) -> None:
        self.keep(list(self.engine.ask("level@w", event, self.now).changes), None)


def test_an_occurrence_is_one_row_with_its_whole_life(database: Database) -> None:
    """Raised, announced, acknowledged by whom with what note, cleared, closed: all on the one row."""
    life = Life(database)
    life.see(2.0)
    life.wait(5)
    life.ask(Acknowledge(who="王值班", occurrence=1, note="去看了"))
    life.see(0.0)
    life.wait(10)
    (one,) = database.read(lambda c: journal.read(c, select(occurrence)))
    assert (one.number, one.raised_at, one.annunciated_at, one.source_time) == (1, T0 + 5000, T0 + 5000, T0)
    assert (one.acked_by, one.ack_note, one.acked_at) == ("王值班", "去看了", T0 + 5000)
    assert (one.cleared_at, one.closed_at, one.superseded) == (T0 + 15_000, T0 + 15_000, False)
    assert (one.value, one.limit, one.unit, one.first_out, one.place.zh) == (2.0, 1.0, "m", "water@w", "一号井")
    told = [kinds for _, kinds, _, _ in database.read(lambda c: journal.history(c, 1))]
    assert told == ["raised announced", "acked", "pending", "cleared closed"]


def test_the_next_occurrence_supersedes_one_nobody_answered(database: Database) -> None:
    """One row per occurrence: the unanswered one ends superseded, the new one has its own number."""
    life = Life(database)
    for value in (2.0, 0.0, 2.0):
        life.see(value)
        life.wait(10)
    rows = database.read(lambda c: journal.read(c, select(occurrence).order_by(occurrence.c.number)))
    assert [(one.number, one.superseded, one.closed_at is None) for one in rows] == [(1, True, False), (2, False, True)]


def test_a_restart_goes_on_where_it_was(database: Database) -> None:
    """A delay begun before a crash ends when it would have ended, and numbers go on."""
    life = Life(database)
    life.see(2.0)
    again = Life(database, T0 + 1000)
    again.wait(4)
    assert again.engine.state("level@w").occurrence == 1
    third = Life(database, again.now)
    assert (third.engine.number, list(third.open)) == (1, [1])


def test_the_journal_alone_gives_the_state(database: Database) -> None:
    """The table of states is a cache: rebuilt from the journal it is the same."""
    life = Life(database)
    life.see(2.0)
    life.wait(5)
    life.ask(Shelve(who="a", until=life.now + 60_000, reason="known"))
    kept = database.read(lambda c: journal.load(c, life.now)).states
    database.write(lambda c: c.execute(delete(alarm_state)))
    rebuilt = database.read(journal.rebuild)
    assert {key: durable(state) for key, state in rebuilt.items()} == {key: durable(state) for key, state in kept.items()}


def test_after_a_long_stop_nothing_counts_as_known(database: Database) -> None:
    """Down for an hour: the off-delay that would have ended waits for a reading."""
    life = Life(database)
    life.see(2.0)
    life.wait(5)
    life.see(0.0)
    late = Life(database, life.now + 3_600_000)
    late.wait(1)
    assert late.engine.state("level@w").active
    late.see(0.0)
    assert not late.engine.state("level@w").active


def test_who_came_first() -> None:
    """Within five seconds by source time the earliest is first, a tie is a tie, and one alone is no race."""
    assert first_out({1: 10_000, 2: 9_000, 3: 13_500}) == {2}
    assert first_out({1: 9_000, 2: 9_000, 3: 10_000}) == {1, 2}
    assert first_out({1: 0, 2: 5_001}) == frozenset()
    assert first_out({1: 0, 2: 5_000, 3: 10_000, 4: 100_000, 5: 100_001}) == {1, 4}
    assert first_out({}) == frozenset()
