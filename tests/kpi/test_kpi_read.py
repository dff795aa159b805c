"""The figures from a real database: only what the journal's tables say, for the county and for one area."""

from __future__ import annotations

import csv
import io
import json
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert

from control.alarms.model import AlarmState
from control.alarms.states import pack
from control.kpi.facts import Held, Mark
from control.kpi.figures import figures
from control.kpi.model import Figures
from control.kpi.read import positions, read
from control.kpi.report import Report, as_json, as_text, csv_of, report
from control.orders import orders
from control.orders.model import Arrive, Assign, Finish
from control.orders.orders import NewOrder, create
from control.store.journal import alive
from control.store.tables import delivery, letter, notification, occurrence, transition

from .conftest import DAY, HOUR, MINUTE, SECOND, T0

ZONE = ZoneInfo("Asia/Shanghai")


def put(connection: Connection, number: int, at: int, area: str = "oldtown", **more: object) -> None:
    """An occurrence announced when it was raised."""
    row: dict[str, object] = {
        "number": number, "key": f"dark@{area}{number}", "rule": "dark", "priority": 1, "area": area, "zh": "断电", "en": "dark",
        "place_zh": "箱", "place_en": "box", "source_time": at, "raised_at": at, "annunciated_at": at,
    }  # fmt: skip
    connection.execute(insert(occurrence).values(**(row | more)))


def tell(connection: Connection, number: int | None, at: int, kinds: str, key: str = "", **state: object) -> None:
    """A row of the journal."""
    row = {"at": at, "key": key or f"dark@oldtown{number}", "occurrence": number, "kinds": kinds}
    connection.execute(insert(transition).values(**row, state=pack(AlarmState(**state))))  # type: ignore[arg-type]


def found(connection: Connection, start: int, end: int, area: str = "") -> Figures:
    journal = read(connection, start, end, area=area, areas={"x@never": "newtown"})
    assert journal is not None
    got = figures(journal, start, end)
    assert got is not None
    return got


def a_month(connection: Connection) -> None:
    put(connection, 1, T0, acked_at=T0 + 3 * HOUR, cleared_at=T0 + 4 * HOUR, closed_at=T0 + 4 * HOUR)
    put(connection, 2, T0 + HOUR, area="newtown", priority=4)
    put(connection, 3, T0 + HOUR, annunciated_at=None)  # suppressed: nobody was told
    put(connection, 4, T0 - 40 * DAY, closed_at=T0 - 39 * DAY)  # long ago
    put(connection, 5, T0 + HOUR, closed_at=T0 + 2 * HOUR)  # its rule was taken out while it was active
    tell(connection, 1, T0, "raised announced")
    tell(connection, 1, T0 + MINUTE, "acked")
    tell(connection, 1, T0 + 2 * HOUR, "ack-expired announced")
    tell(connection, 1, T0 + 3 * HOUR, "acked")
    tell(connection, 1, T0 + 4 * HOUR, "cleared closed")
    tell(connection, 2, T0 + HOUR, "raised announced", key="dark@newtown2")
    tell(connection, 2, T0 + 2 * HOUR, "shelved", key="dark@newtown2", shelved_until=T0 + 9 * HOUR)
    tell(connection, None, T0 + 2 * HOUR, "suppressed", key="x@never", suppressed=True)
    tell(connection, None, T0 + 3 * HOUR, "unshelved", key="dark@newtown2")
    tell(connection, None, T0 + 3 * HOUR, "out-of-service", key="y@never", out_of_service=True)
    alive(connection, T0 + 2 * DAY)


def test_an_empty_journal_says_nothing(connection: Connection) -> None:
    """Protects against "all fine" from a database in which nothing was ever written."""
    assert read(connection, T0, T0 + DAY) is None
    empty = report(None, T0, T0 + DAY)
    text = as_text(empty, ZONE)
    assert "无数据 no data" in text
    assert "合格" not in text
    assert "no sign of order" in text
    assert {line["verdict"] for line in json.loads(as_json(empty))["lines"]} == {"no data"}
    assert json.loads(as_json(empty))["figures"] is None


def test_only_what_people_were_told_of_counts(connection: Connection) -> None:
    """Protects the load figures: announced occurrences of the period, first acknowledgements, and what is silent at the end."""
    a_month(connection)
    got = found(connection, T0 - DAY, T0 + 30 * DAY)
    assert (got.load.alarms, got.days) == (3, 2.0)
    assert got.acks[1].median_s == 60, "the first acknowledgement, which the occurrence's row has forgotten"
    assert (got.standing.open, got.standing.active, got.standing.unanswered) == (1, 1, 1)
    assert got.nuisance.stale_end == 1
    assert got.marks == {"announced-again": 1, "shelved": 1, "suppressed": 1, "out-of-service": 1}
    assert got.held == Held(shelved=0, suppressed=1, out_of_service=1)
    assert found(connection, T0, T0 + 2 * HOUR + 1).held == Held(shelved=1, suppressed=1, out_of_service=0)


def test_one_area(connection: Connection) -> None:
    """Protects an operator's own figures from the other areas'."""
    a_month(connection)
    assert positions(connection) == ("newtown", "oldtown")
    got = found(connection, T0, T0 + DAY, "newtown")
    assert (got.load.alarms, got.split[4]) == (1, 1.0)
    assert got.marks == {"announced-again": 0, "shelved": 1, "suppressed": 1, "out-of-service": 0}
    journal = read(connection, T0, T0 + DAY, area="oldtown")
    assert journal is not None
    assert journal.marks == (Mark(at=T0 + 2 * HOUR, kind="announced-again"),)


def test_time_to_respond_is_the_rules(connection: Connection) -> None:
    """Protects the response share: the caller's times to respond count, else the priority's."""
    a_month(connection)
    for respond, kept in ((lambda _rule, _priority: 30.0, 0.0), (lambda _rule, _priority: 60.0, 0.5)):
        journal = read(connection, T0, T0 + DAY, respond_s=respond)
        assert journal is not None
        got = figures(journal, T0, T0 + DAY)
        assert got is not None
        assert got.acks[1].in_time == kept


def message(
    connection: Connection, number: int, occurrence_: int, letter_: str, state: str = "sent", after: int = SECOND
) -> None:
    row = {"priority": 1, "group_key": "g", "created": T0, "release": T0, "expires": T0 + DAY, "body": "{}"}
    connection.execute(insert(notification).values(id=number, occurrence=occurrence_, kind="raise", step=str(number), **row))
    sent = T0 + after if state == "sent" else None
    connection.execute(
        insert(delivery).values(
            notification=number, person="p", channel="sms", address="1", state=state, next_try=T0, letter=letter_, sent_at=sent
        )
    )


def test_messages(connection: Connection) -> None:
    """Protects delivery figures: states, time to acceptance, and the repeat of a text that may have arrived, per area too."""
    a_month(connection)
    message(connection, 1, 1, "b")
    message(connection, 2, 2, "c", state="unknown")
    handed = (("a", "1", "x", "unknown"), ("b", "1", "x", "sent"), ("c", "2", "y", "unknown"), ("d", "9", "z", "dead"))
    for number, address, text, outcome in handed:
        row = {"channel": "sms", "priority": 1, "handed_at": T0 + ord(number), "address": address, "text": text}
        connection.execute(insert(letter).values(id=number, outcome=outcome, **row))
    got = found(connection, T0, T0 + DAY).messages
    assert (got.deliveries, got.letters, got.duplicates, got.per_alarm) == (2, 3, 1, 1.0)
    assert got.states == {"sent": 1, "unknown": 1}
    assert got.latency[1].p99_s == 1.0
    mine = found(connection, T0, T0 + DAY, "newtown").messages
    assert (mine.deliveries, mine.letters, mine.duplicates) == (1, 1, 0)


def test_work_orders(connection: Connection) -> None:
    """Protects repair figures: from the orders' own histories."""
    a_month(connection)
    number = create(
        connection, NewOrder(area="oldtown", title_zh="灯", priority=1, sla="emergency", due=T0 + HOUR), T0, "d"
    ).number
    orders.apply(connection, number, Assign(who="d", crew="c"), T0)
    orders.apply(connection, number, Arrive(who="p"), T0 + HOUR)
    orders.apply(connection, number, Finish(who="p", note="ok"), T0 + 2 * HOUR)
    got = found(connection, T0, T0 + DAY).repairs
    assert (got.orders, got.repaired, got.response_s, got.repair_s, got.in_time) == (1, 1, 3600, 7200, 1.0)
    assert found(connection, T0, T0 + DAY, "newtown").repairs.orders == 0


def shown(connection: Connection) -> Report:
    a_month(connection)
    return report(found(connection, T0, T0 + 30 * DAY), T0, T0 + 30 * DAY, position="=oldtown")


def test_the_report_as_text(connection: Connection) -> None:
    """Protects the reader: Chinese first, English beside it, verdict, target and basis, and what not to believe too much."""
    text = as_text(shown(connection), ZONE)
    assert "每天平均" in text
    assert "≤ 150 (300)" in text
    assert "合格 very likely acceptable" in text
    assert "未核实 unverified" in text
    assert "2.0 days of it only" in text
    assert "less than 30 days" in text
    assert "dark@newtown2" in text


def test_the_report_for_programs(connection: Connection) -> None:
    """Protects JSON (numbers, no NaN, every line has an id once) and CSV (byte order mark, the same lines)."""
    one = shown(connection)
    whole = json.loads(as_json(one))
    ids = [line["id"] for line in whole["lines"]]
    assert len(ids) == len(set(ids))
    assert whole["figures"]["load"]["alarms"] == 3
    text = csv_of(one)
    assert text.startswith("\ufeff")
    lines = list(csv.reader(io.StringIO(text[1:])))
    assert [line[0] for line in lines[1:]] == ids
    assert {len(line) for line in lines} == {10}
