"""The life of a work order: the table of its transitions, and what holds whatever happens in whatever order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from control.alarms.model import AlarmState, Core
from control.orders.machine import step
from control.orders.model import (
    Accept,
    Arrive,
    Assign,
    Cancel,
    Close,
    Event,
    Finish,
    Join,
    Kind,
    Look,
    Note,
    Order,
    Refused,
    Reopen,
    State,
    Step,
    Why,
)
from control.orders.photo import MOST_BYTES, photo_kind
from control.orders.sight import Sight, sight

T0 = 1_780_000_000_000
MINUTE = 60_000
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
EVENTS: dict[str, Event] = {
    "assign": Assign(who="d", crew="c1", person="p"),
    "accept": Accept(who="p"),
    "arrive": Arrive(who="p"),
    "finish": Finish(who="p", note="fuse"),
    "reopen": Reopen(who="d", reason="dark again"),
    "close": Close(who="d", reason="seen"),
    "cancel": Cancel(who="d", reason="mistake"),
}
END = {"close": "closed", "cancel": "cancelled"}
TABLE = {
    "open": {"assign": "assigned", **END},
    "assigned": {"assign": "assigned", "accept": "accepted", "arrive": "on-site", "finish": "done", **END},
    "accepted": {"assign": "assigned", "arrive": "on-site", "finish": "done", **END},
    "on-site": {"assign": "assigned", "finish": "done", **END},
    "done": {"reopen": "reopened", "close": "closed"},
    "reopened": {"assign": "assigned", "accept": "accepted", "arrive": "on-site", "finish": "done", **END},
    "closed": {},
    "cancelled": {},
}


def order(state: str = "open", *, key: str = "lamp-failed@x", at_night: bool = False) -> Order:
    state_ = State(state)
    return Order(
        state=state_,
        key=key,
        at=T0,
        done_at=T0 if state_ is State.DONE else None,
        crew="" if state_ is State.OPEN else "c1",
        at_night=at_night,
    )


def did(order: Order, event: Event, now: int) -> Step:
    done = step(order, event, now)
    assert isinstance(done, Step)
    return done


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("state", TABLE)
def test_every_transition_is_in_the_table(state: str, name: str) -> None:
    """Protects the life of an order: each event leads where the table says, or is refused and says why."""
    done = step(order(state), EVENTS[name], T0 + 1)
    wanted = TABLE[state].get(name)
    if wanted is None:
        assert isinstance(done, Refused)
        return
    assert isinstance(done, Step)
    assert (str(done.order.state), len(done.rows), done.order.at) == (wanted, 1, T0 + 1)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Assign(who="d", crew=" "), Why.NO_CREW),
        (Finish(who="p", note=" "), Why.NO_NOTE),
        (Finish(who="p", note="ok", photo=b"GIF89a"), Why.PHOTO_KIND),
        (Finish(who="p", note="ok", photo=JPEG + bytes(MOST_BYTES)), Why.PHOTO_TOO_BIG),
        (Finish(who="p", note="x" * 2001), Why.LONG),
        (Close(who="d", reason=""), Why.NO_REASON),
        (Cancel(who="d", reason="\n"), Why.NO_REASON),
        (Note(who="d", note=" "), Why.NOTHING_SAID),
        (Note(who="d", photo=b"%PDF"), Why.PHOTO_KIND),
    ],
)
def test_what_says_too_little_is_refused(event: Event, why: Why) -> None:
    """Protects the register from repairs and closings that say nothing, and from files that are no photos."""
    assert step(order("on-site"), event, T0) == Refused(why)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", Why.PHOTO_KIND),
        (b"<svg onload=alert(1)>", Why.PHOTO_KIND),
        (b"", Why.PHOTO_KIND),
    ],
)
def test_a_photo_is_known_by_its_first_bytes(data: bytes, kind: str) -> None:
    """Protects those who look at photos from files that only call themselves so."""
    assert photo_kind(data) == kind


CLEAR, ACTIVE = Look(active=False, known=True, since=T0 - 1), Look(active=True, known=True, since=T0 - 1)


@pytest.mark.parametrize(
    ("look", "minutes", "state"),
    [
        (CLEAR, 9, "done"),
        (CLEAR, 10, "closed"),
        (replace(CLEAR, known=False), 999, "done"),
        (replace(CLEAR, since=T0 + 5 * MINUTE), 14, "done"),  # clear for nine minutes only
        (replace(CLEAR, since=T0 + 5 * MINUTE), 15, "closed"),
        (ACTIVE, 9, "done"),  # its delay may still run
        (ACTIVE, 10, "reopened"),
        (replace(ACTIVE, known=False), 999, "done"),
        (replace(ACTIVE, since=T0 + 1), 1, "reopened"),  # it came again
    ],
)
def test_the_readings_confirm_or_contradict(look: Look, minutes: int, state: str) -> None:
    """Protects the meaning of "repaired": ten minutes of known readings decide, unknown ones never do."""
    assert str(did(order("done"), look, T0 + minutes * MINUTE).order.state) == state


@pytest.mark.parametrize(
    ("look", "minutes", "state"),
    [
        (CLEAR, 999, "done"),  # by day a lamp shows nothing
        (replace(CLEAR, lit_since=T0 + 480 * MINUTE), 509, "done"),
        (replace(CLEAR, lit_since=T0 + 480 * MINUTE), 510, "closed"),
        (replace(ACTIVE, lit_since=None), 999, "done"),
        (replace(ACTIVE, lit_since=T0 + 480 * MINUTE), 510, "reopened"),
        (replace(CLEAR, lit_since=T0 - 99 * MINUTE), 29, "done"),  # repaired by night
        (replace(CLEAR, lit_since=T0 - 99 * MINUTE), 30, "closed"),
    ],
)
def test_a_lamp_is_confirmed_by_night(look: Look, minutes: int, state: str) -> None:
    """Protects lamp repairs from being confirmed by a dark lamp in daylight."""
    waits = replace(order("done", at_night=True), wait_ms=30 * MINUTE)
    assert str(did(waits, look, T0 + minutes * MINUTE).order.state) == state


def test_a_new_occurrence_joins_and_contradicts() -> None:
    """Protects against two orders for one fault, and against "done" when the alarm came again."""
    assert did(order("accepted"), Join(occurrence=7), T0).rows == ((Kind.JOINED, "7"),)
    again = did(order("done"), Join(occurrence=7), T0)
    assert (again.order.state, [kind for kind, _ in again.rows]) == (State.REOPENED, [Kind.JOINED, Kind.REOPENED])
    assert step(order("closed"), Join(occurrence=7), T0) == Refused(Why.ENDED)
    assert step(order("open", key=""), Join(occurrence=7), T0) == Refused(Why.NO_ALARM)
    assert step(order("done", key=""), CLEAR, T0) == Refused(Why.NO_ALARM)


Seen = tuple[bool, bool, int]


def a_sight(active: bool, known: bool, since: int) -> Sight:
    return Sight(active=active, known=known, since=since)


@pytest.mark.parametrize(
    ("state", "before", "wanted"),
    [
        (AlarmState(known=True), None, (False, True, 9)),
        (AlarmState(known=True), (False, True, 3), (False, True, 3)),
        (AlarmState(known=True), (False, False, 3), (False, True, 9)),
        (AlarmState(known=True), (True, True, 3), (False, True, 9)),
        (AlarmState(known=False), (False, True, 3), (False, False, 9)),
        (AlarmState(known=True, on=True, due=99), (False, True, 3), (False, False, 9)),
        (AlarmState(known=True, suppressed=True), None, (False, False, 9)),
        (AlarmState(known=True, core=Core.ACKED), None, (True, True, 5)),
        (AlarmState(known=True, core=Core.RETURNED), None, (False, True, 9)),
    ],
)
def test_what_may_be_believed_of_an_alarm(state: AlarmState, before: Seen | None, wanted: Seen) -> None:
    """Protects confirmation from gaps: a time in which nothing was known, a delay ran or a root cause spoke does not count."""
    assert sight(a_sight(*before) if before else None, state, 5, 9) == a_sight(*wanted)


class OrderMachine(RuleBasedStateMachine):
    """Random people, readings and times on one order."""

    def __init__(self) -> None:
        super().__init__()
        self.order = Order(key="k", at=T0)
        self.now, self.active, self.known, self.since = T0, True, True, T0
        self.history: list[tuple[int, Kind]] = []
        self.asked = self.answered = 0

    def _do(self, event: Event) -> None:
        before = self.order
        done = step(before, event, self.now)
        self.asked += 1
        if isinstance(done, Refused):
            return
        self.order = done.order
        self.history += [(done.order.at, kind) for kind, _ in done.rows]
        self.answered += bool(done.rows)
        assert done.order.at >= before.at
        if done.order.state is not before.state:
            assert done.rows, "a change of state that no row tells of"
        by_hand = isinstance(event, Close) and event.reason.strip()
        if done.order.state is State.CLOSED and before.state is not State.CLOSED and not by_hand:
            assert not self.active
            assert self.known
            assert before.done_at is not None
            assert self.now - max(before.done_at, self.since) >= before.wait_ms
        if before.ended:
            assert done.order.state is before.state

    @rule(name=st.sampled_from(list(EVENTS)))
    def person(self, name: str) -> None:
        self._do(EVENTS[name])

    @rule(reason=st.sampled_from(["", " ", "seen"]))
    def close(self, reason: str) -> None:
        self._do(Close(who="d", reason=reason))

    @rule(note=st.sampled_from(["", "x"]), photo=st.sampled_from([None, JPEG, b"no"]))
    def remark(self, note: str, photo: bytes | None) -> None:
        self._do(Note(who="p", note=note, photo=photo))

    @rule(minutes=st.integers(-3, 40))
    def time(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(active=st.booleans(), known=st.booleans())
    def field(self, active: bool, known: bool) -> None:
        if (active, known) != (self.active, self.known):
            self.active, self.known, self.since = active, known, self.now
        self.look()

    @rule()
    def look(self) -> None:
        self._do(Look(active=self.active, known=self.known, since=self.since))

    @rule()
    def again(self) -> None:
        if not self.active:
            self.active, self.since = True, self.now
        self._do(Join(occurrence=1))

    @invariant()
    def history_is_whole(self) -> None:
        assert [at for at, _ in self.history] == sorted(at for at, _ in self.history)
        assert len(self.history) >= self.answered
        assert (self.order.done_at is not None) >= (self.order.state is State.DONE)


TestOrderMachine = OrderMachine.TestCase
TestOrderMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
