"""Work orders in the database: one for one fault, nothing lost, confirmed by readings, written down for people."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from control.alarms.model import Text
from control.alarms.occurrences import Occurrence
from control.orders import orders
from control.orders.assign import CrewFacts, choose, facts
from control.orders.listing import history, listing, one, photo
from control.orders.model import Accept, Arrive, Assign, Cancel, Close, Event, Finish, Note, Refused, State, Step, Why
from control.orders.orders import BadOrder, NewOrder, NoOrder, create, for_occurrence, settle
from control.orders.register import register
from control.orders.sla import UnknownSla
from control.people.roster import Crew
from control.store.tables import work_order
from lampwell.spreadsheet import as_csv

ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_780_000_000_000
MINUTE, HOUR = 60_000, 3_600_000
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


def occurrence(number: int, key: str = "loop-dark@cab1/loop1", *, component: str = "loop1", area: str = "oldtown") -> Occurrence:
    return Occurrence(
        number=number, key=key, rule=key.partition("@")[0], priority=3, area=area, road="r1", edge="e1", device="cab1",
        component=component, text=Text(zh="回路断电", en="loop dark"), place=Text(zh="一号箱", en="cabinet 1"), first_out="",
        source_time=T0, raised_at=T0,
    )  # fmt: skip


def opened(connection: Connection, number: int = 1, now: int = T0, sla: str = "ordinary", **kinds: str) -> int:
    new = for_occurrence(occurrence(number, **kinds), sla, lambda day: day.weekday() < 5, ZONE, now)
    return create(connection, new, now, "alarm").number


def do(connection: Connection, number: int, event: Event, now: int) -> Step:
    done = orders.apply(connection, number, event, now)
    assert isinstance(done, Step)
    return done


def repaired(connection: Connection, number: int, now: int = T0) -> None:
    do(connection, number, Assign(who="d", crew="c1", person="p"), now + MINUTE)
    do(connection, number, Accept(who="p"), now + 5 * MINUTE)
    do(connection, number, Arrive(who="p"), now + 20 * MINUTE)
    do(connection, number, Finish(who="p", note="换保险", photo=JPEG), now + 60 * MINUTE)


def test_a_repair_from_alarm_to_confirmation(connection: Connection) -> None:
    """Protects the whole way: opened by an alarm, repaired, confirmed by the readings, with every step in its history."""
    number = opened(connection)
    repaired(connection, number)
    look = {"active": False, "known": True, "since": T0 + 50 * MINUTE}
    waiting = settle(connection, "loop-dark@cab1/loop1", now=T0 + 69 * MINUTE, **look)
    assert waiting is not None
    assert waiting.rows == ()
    assert orders.waiting(connection) == [(number, "loop-dark@cab1/loop1")]
    settle(connection, "loop-dark@cab1/loop1", now=T0 + 70 * MINUTE, **look)
    row, told = one(connection, number, T0 + HOUR)
    assert (row.state, row.closed, row.in_time, row.crew, row.person) == ("closed", T0 + 70 * MINUTE, True, "c1", "p")
    assert [each.kind for each in told] == ["created", "assigned", "accepted", "on-site", "done", "confirmed"]
    assert told[-1].who == orders.READINGS
    assert photo(connection, told[4].id) == ("image/jpeg", JPEG)
    assert photo(connection, told[0].id) is None
    assert settle(connection, "loop-dark@cab1/loop1", now=T0 + 99 * MINUTE, **look) is None
    assert orders.waiting(connection) == []


def test_one_open_order_for_one_alarm(connection: Connection) -> None:
    """Protects crews from two orders for one fault: the same occurrence changes nothing, a new one joins, an end is an end."""
    number = opened(connection, 1)
    again = create(connection, for_occurrence(occurrence(1), "ordinary", lambda _: True, ZONE, T0), T0, "alarm")
    joined = create(connection, for_occurrence(occurrence(2), "ordinary", lambda _: True, ZONE, T0), T0 + 1, "alarm")
    assert (again.number, again.new, joined.number, joined.new) == (number, False, number, False)
    assert opened(connection, 2, T0 + 2) == number
    assert [each.kind for each in history(connection, number)] == ["created", "joined"]
    assert orders.of_occurrence(connection, 2) == number
    do(connection, number, Cancel(who="d", reason="falsch"), T0 + 3)
    assert opened(connection, 2, T0 + 4) == number, "the same occurrence asks for no second order"
    assert opened(connection, 3, T0 + 5) != number
    assert opened(connection, 4, T0 + 5, key="other@x") not in (number, number + 1)


def test_a_contradicted_repair_is_open_again(connection: Connection) -> None:
    """Protects the public from repairs on paper: still active after the wait, or active again, and the order is back."""
    number = opened(connection)
    repaired(connection, number)
    key = "loop-dark@cab1/loop1"
    done = settle(connection, key, active=True, known=True, since=T0, now=T0 + 70 * MINUTE)
    assert done is not None
    assert done.order.state is State.REOPENED
    do(connection, number, Finish(who="p", note="换线"), T0 + 80 * MINUTE)
    create(connection, for_occurrence(occurrence(9), "ordinary", lambda _: True, ZONE, T0), T0 + 81 * MINUTE, "alarm")
    row, _ = one(connection, number, T0 + 81 * MINUTE)
    assert (row.state, row.times.reopened, row.times.repaired_at) == ("reopened", 2, None)


def test_a_lamp_waits_for_the_night(connection: Connection) -> None:
    """Protects lamp orders: the component alone says that daylight proves nothing."""
    number = opened(connection, key="lamp-failed@con1/lamp012", component="lamp012")
    repaired(connection, number)
    look = {"active": False, "known": True, "since": T0 + 50 * MINUTE}
    for now, lit, rows in ((T0 + 9 * HOUR, None, 0), (T0 + 10 * HOUR, T0 + 9 * HOUR, 1)):
        done = settle(connection, "lamp-failed@con1/lamp012", now=now, lit_since=lit, **look)
        assert done is not None
        assert len(done.rows) == rows


def test_refused_events_leave_no_trace(connection: Connection) -> None:
    """Protects the history from what did not happen, and callers from orders that are not there."""
    number = opened(connection)
    assert orders.apply(connection, number, Accept(who="p"), T0) == Refused(Why.NOT_ASSIGNED)
    assert len(history(connection, number)) == 1
    with pytest.raises(NoOrder, match="77"):
        orders.apply(connection, 77, Accept(who="p"), T0)
    with pytest.raises(NoOrder, match="77"):
        one(connection, 77, T0)


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"title_zh": " "}, BadOrder), ({"priority": 5}, BadOrder), ({"sla": "urgent"}, UnknownSla)],
)
def test_what_is_no_order(connection: Connection, changed: dict[str, object], error: type[Exception]) -> None:
    """Protects the register from orders about nothing."""
    fields: dict[str, object] = {"area": "a", "title_zh": "门坏", "priority": 4, "sla": "ordinary", "due": T0} | changed
    with pytest.raises(error):
        create(connection, NewOrder(**fields), T0, "d")  # type: ignore[arg-type]
    assert connection.scalar(select(func.count()).select_from(work_order)) == 0


def test_lists(connection: Connection) -> None:
    """Protects the lists people work by: by area, crew, state, what runs and what is late (a claimed repair stops the clock)."""
    first = opened(connection, 1, key="a@1", area="oldtown")
    second = opened(connection, 2, key="b@2", area="newtown", sla="emergency")
    by_hand = create(
        connection, NewOrder(area="newtown", title_zh="门坏", priority=4, sla="ordinary", due=T0 + HOUR), T0, "d"
    ).number
    repaired(connection, first)
    do(connection, by_hand, Close(who="d", reason="看过"), T0 + 2)
    now = T0 + 2 * HOUR

    def numbers(**wanted: object) -> list[int]:
        return [row.number for row in listing(connection, now, **wanted)]  # type: ignore[arg-type]

    assert numbers() == [second, by_hand, first]
    assert numbers(area="newtown") == [second, by_hand]
    assert numbers(crew="c1") == [first]
    assert numbers(state="done") == [first]
    assert numbers(running=True) == [second, first]
    assert numbers(overdue=True) == [second]
    assert numbers(most=1) == [second]
    do(connection, second, Assign(who="d", crew="c2"), now)
    do(connection, second, Arrive(who="p"), now)
    assert numbers(overdue=True) == [second], "it was late, and it is not over"


def test_a_clock_set_back_keeps_the_order_of_things(connection: Connection) -> None:
    """Protects repair times from clocks: no event is older than the one before."""
    number = opened(connection)
    do(connection, number, Assign(who="d", crew="c1"), T0 + HOUR)
    do(connection, number, Note(who="p", note="晚"), T0)
    assert [each.at for each in history(connection, number)] == [T0, T0 + HOUR, T0 + HOUR]


def test_the_register(connection: Connection) -> None:
    """Protects the 台账: Excel opens it, times are county time, and nothing a person wrote runs as a formula."""
    number = opened(connection)
    repaired(connection, number)
    evil = NewOrder(area="a", title_zh="=HYPERLINK(1)", title_en="+1", device="-2", priority=4, sla="ordinary", due=T0)
    create(connection, evil, T0, "d")
    text = register(connection, T0, T0 + 1, ZONE, T0 + HOUR)
    assert text.startswith("\ufeff")
    head, first, second = csv.reader(io.StringIO(text[1:]))
    cells = dict(zip(head, first, strict=True))
    assert cells["建单 created"] == "2026-05-29 04:26:40"
    assert (cells["响应用时(分) response min"], cells["修复用时(分) repair min"]) == ("5.0", "60.0")
    assert (cells["时限内 in time"], cells["状态 state"]) == ("是 yes", "待确认 done")
    assert [second[head.index(name)] for name in ("内容 what", "content (English)", "设备 device")] == [
        "'=HYPERLINK(1)", "'+1", "'-2",
    ]  # fmt: skip
    assert register(connection, T0, T0 + 1, ZONE, T0, area="nowhere").count("\r\n") == 1


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_no_cell_is_a_formula(cells: list[str]) -> None:
    """Protects whoever opens a register from text that a spreadsheet would execute."""
    written = next(csv.reader(io.StringIO(as_csv((), [cells])[3:], newline="")), [])
    assert all(not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")) for cell in written)


# -- who goes ------------------------------------------------------------------------------------------------------------------

OLD = CrewFacts(id="old", skill="lighting", areas=("oldtown",), here=("a", "b"), orders=4, by_person={"a": 2, "b": 1})
OLD2 = CrewFacts(id="old2", skill="lighting", areas=("oldtown",), here=("c",), orders=1, by_person={"c": 1})
ALL = CrewFacts(id="all", skill="lighting", here=("d",))
ASLEEP = CrewFacts(id="asleep", skill="lighting", areas=("oldtown",))
PIPES = CrewFacts(id="pipes", skill="drainage", here=("e",))


@pytest.mark.parametrize(
    ("area", "skill", "crews", "crew", "person"),
    [
        ("oldtown", "lighting", (OLD, OLD2, ALL, PIPES), "old2", "c"),  # fewest orders a person
        ("oldtown", "lighting", (OLD, ALL), "old", "b"),  # the area's own, though the other has none
        ("newtown", "lighting", (OLD, ALL), "all", "d"),
        ("oldtown", "lighting", (ASLEEP, ALL), "all", "d"),  # somebody rather than the right one asleep
        ("oldtown", "lighting", (ASLEEP, PIPES), "asleep", None),
        ("oldtown", "drainage", (OLD, ALL), None, None),
        ("newtown", "lighting", (OLD,), None, None),
        ("", "", (PIPES,), "pipes", "e"),
    ],
)
def test_who_is_chosen(area: str, skill: str, crews: tuple[CrewFacts, ...], crew: str | None, person: str | None) -> None:
    """Protects fair and sensible assignment; whoever is chosen, or nobody, it says why in both languages."""
    for each in (crews, crews[::-1]):
        chosen = choose(area, skill, each)
        assert (chosen.crew, chosen.person) == (crew, person)
        assert chosen.why.isascii() is False


def test_facts_of_a_roster() -> None:
    """Protects the choice from wrong counts."""
    crews = (Crew(id="old", zh="老城", members=("a", "b"), areas=("oldtown",)), Crew(id="none", zh="无"))
    found = facts(crews, {"old": ("b",)}, [("old", "a"), ("old", ""), ("none", "a")])
    assert found == [
        CrewFacts(id="old", skill="lighting", areas=("oldtown",), here=("b",), orders=2, by_person={"a": 2}),
        CrewFacts(id="none", skill="lighting", orders=1, by_person={"a": 2}),
    ]
