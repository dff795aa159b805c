"""From "tell these people" to "they were told": texts, budgets, the outbox, the sender, links."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.alarms.model import Place
from control.messages import acklink, compose, outbox
from control.messages.acklink import Link, Why
from control.messages.budget import allowed_at
from control.messages.compose import Facts
from control.messages.group import group_key, release_at
from control.messages.outbox import Notice, To
from control.messages.port import Letter, Limits, Outcome, Receipt
from control.messages.sender import Sender, silent_for
from control.messages.standin import Standin
from control.store.database import Database, open_database
from lampwell.clock import VirtualClock

ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_780_000_000_000
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)


def about(
    number: int = 7, priority: int = 1, kind: str = "raise", place: str = "澄江泵站", what: str = "集水井达红色水位"
) -> Facts:
    return Facts(
        kind=kind,
        number=number,
        priority=priority,
        place_zh=place,
        place_en="Station",
        zh=what,
        en="Wet well: red",
        value="5.2/5.2 m",
        time=T0,
    )


def notice(number: int = 7, priority: int = 1, *, step: str = "0.0", key: str = "device:a", release: int = T0) -> Notice:
    return Notice(
        occurrence=number,
        step=step,
        group_key=key,
        created=T0,
        release=release,
        expires=T0 + 1_800_000,
        facts=about(number, priority),
    )


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT, st.integers(1, 999_999), st.sampled_from(sorted(compose.KINDS)), st.integers(1, 4))
def test_an_sms_is_short_and_says_what_matters(place: str, what: str, number: int, kind: str, priority: int) -> None:
    """At most 60 characters, and always colour, a piece of the place, the value against its limit, the time and the number."""
    text = compose.sms([about(number, priority, kind, place, what)], ZONE)
    assert len(text) <= 60
    assert compose.COLOURS[priority][0] in text
    assert place[0] in text
    assert "5.2/5.2m" in text
    assert text.endswith(f"04:26 #{number}")


def test_many_are_one_digest() -> None:
    """Fifty alarms are one letter with counts and the first five; its SMS form still fits."""
    many = [about(n, 1 + n % 3) for n in range(1, 51)]
    assert len(compose.sms(many, ZONE)) <= 60
    lines = compose.long(many, ZONE).splitlines()
    assert lines[0].startswith("50 条报警")
    assert len(lines) == 7


def test_what_goes_together_and_how_long_it_waits() -> None:
    """Water of one area is one group, a cabinet is its own; the first red one goes at once, the next waits ten seconds."""
    assert group_key(Place(kind="well", area="a", device="w1")) == group_key(Place(kind="ponding", area="a", device="p1"))
    assert group_key(Place(kind="cabinet", area="a", device="c1")) == "device:c1"
    assert release_at(1, T0, quiet_since=None, zone=ZONE) == T0
    assert release_at(1, T0, quiet_since=T0 - 5_000, zone=ZONE) == T0 + 10_000
    assert release_at(2, T0, quiet_since=None, zone=ZONE) == T0 + 30_000


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 4)), min_size=1, max_size=80))
def test_no_minute_ever_holds_more_than_the_vendor_allows(wishes: list[tuple[int, int]]) -> None:
    """Whatever comes when: any 60 s hold at most 20, red finds its reserve, and any second at most 5."""
    limits, handed, now = Limits(per_minute=20, reserve=5, per_second=5), list[int](), T0
    for gap, priority in wishes:
        now += gap
        at = allowed_at([each for each in handed if each > now - 60_000], limits, priority, now)
        assert at is not None
        now = at
        handed.append(now)
        assert sum(each > now - 60_000 for each in handed) <= (20 if priority == 1 else 15) or priority == 1
        assert sum(each > now - 60_000 for each in handed) <= 20
        assert sum(each > now - 1_000 for each in handed) <= 5


def test_an_address_has_its_day() -> None:
    """A vendor's daily limit for one number is an end, not a wait."""
    assert allowed_at([], Limits(per_day=50), 1, T0, today=50) is None
    assert allowed_at([], Limits(per_day=50), 1, T0, today=49, paused_until=T0 + 5) == T0 + 5


# -- outbox and sender -----------------------------------------------------------------------------------------------------------


class Direct:
    """The database, asked in the test's own thread."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def write(self, work):  # type: ignore[no-untyped-def]
        return self.database.write(work)

    async def read(self, work):  # type: ignore[no-untyped-def]
        return self.database.read(work)


class Vendor:
    """Answers as it is told, last answer for ever; keeps what it was sent."""

    kind = "dingtalk"

    def __init__(self, name: str, *answers: Outcome, limits: Limits | None = None) -> None:
        self.name, self.limits = name, limits or Limits()
        self.letters: list[Letter] = []
        self._answers = list(answers) or [Outcome.SENT]

    async def send(self, letter: Letter) -> Receipt:
        self.letters.append(letter)
        return Receipt(outcome=self._answers.pop(0) if len(self._answers) > 1 else self._answers[0], reason="as told")

    async def close(self) -> None: ...


@pytest.fixture
def database(tmp_path: Path):  # type: ignore[no-untyped-def]
    opened = open_database(tmp_path / "state.sqlite")
    yield opened
    opened.close()


async def sent(database: Database, clock: VirtualClock, *vendors: Vendor, seconds: int = 1) -> None:
    sender = Sender(Direct(database), {one.name: one for one in vendors}, clock, ZONE, rng=lambda: 0.5)
    for _ in range(seconds):
        await sender.round()
        await sender.idle()
        clock.elapsed += 1


def states(database: Database) -> Counter[str]:
    return Counter(row.state for row in database.read(outbox.listing))


async def test_a_step_is_told_once_however_often_it_is_put(database: Database) -> None:
    """A restart puts the same step again: nobody hears it twice."""
    clock, vendor = VirtualClock(T0), Vendor("d")
    for _ in range(3):
        database.write(lambda c: outbox.put(c, notice(), [To(person="a", channel="d", address="-")]))
        await sent(database, clock, vendor)
    assert len(vendor.letters) == 1
    assert states(database) == {"sent": 1}


@pytest.mark.parametrize("trouble", [Outcome.DEAD, Outcome.BROKEN])
async def test_the_next_channel_takes_over(database: Database, trouble: Outcome) -> None:
    """What will never work on one channel goes on by the person's next way."""
    clock, first, second = VirtualClock(T0), Vendor("d", trouble), Vendor("s")
    database.write(lambda c: outbox.put(c, notice(), [To(person="a", channel="d", address="-", fallback=(("s", "1"),))]))
    await sent(database, clock, first, second, seconds=3)
    assert (len(first.letters), len(second.letters)) == (1, 1)
    assert states(database) == {"dead": 1, "sent": 1}


async def test_a_refusal_is_tried_again_and_never_counted_as_sent(database: Database) -> None:
    """Busy, busy, taken: three hand-overs with growing waits, one letter sent."""
    clock, vendor = VirtualClock(T0), Vendor("d", Outcome.RETRY, Outcome.RETRY, Outcome.SENT)
    database.write(lambda c: outbox.put(c, notice(), [To(person="a", channel="d", address="-")]))
    await sent(database, clock, vendor)
    assert states(database) == {"queued": 1}
    await sent(database, clock, vendor, seconds=12)
    assert (len(vendor.letters), states(database)) == (3, {"sent": 1})


async def test_a_channel_that_does_not_work_is_left_alone(database: Database) -> None:
    """One broken answer, and for five minutes nothing is handed to it; what waits expires rather than going out late."""
    clock, vendor = VirtualClock(T0), Vendor("d", Outcome.BROKEN)
    for number in range(3):
        database.write(lambda c, n=number: outbox.put(c, notice(n, key=f"k{n}"), [To(person="a", channel="d", address="-")]))
    await sent(database, clock, vendor, seconds=60)
    assert len(vendor.letters) == 1
    assert database.write(lambda c: outbox.tidy(c, T0 + 1_900_000)) == (0, 2)


async def test_an_answer_stops_what_still_waits(database: Database) -> None:
    """Acknowledged: the deputy is not woken any more; what was sent stays sent."""
    clock, vendor = VirtualClock(T0), Vendor("d")
    database.write(lambda c: outbox.put(c, notice(), [To(person="a", channel="d", address="-")]))
    database.write(lambda c: outbox.put(c, notice(step="0.1", release=T0 + 5_000), [To(person="b", channel="d", address="1")]))
    await sent(database, clock, vendor)
    assert database.write(lambda c: outbox.stop(c, 7, T0)) == 1
    await sent(database, clock, vendor, seconds=10)
    assert states(database) == {"sent": 1, "cancelled": 1}


async def test_a_burst_stays_within_the_budget_and_becomes_digests(database: Database) -> None:
    """A hundred orange alarms at once: at most fifteen letters in the minute, and everyone is told of all of them."""
    clock, vendor = VirtualClock(T0), Vendor("d", limits=Limits(per_minute=20, reserve=5))
    for number in range(1, 101):
        database.write(lambda c, n=number: outbox.put(c, notice(n, 2, key=f"k{n}"), [To(person="a", channel="d", address="-")]))
    await sent(database, clock, vendor, seconds=58)
    assert len(vendor.letters) <= 15
    await sent(database, clock, vendor, seconds=300)
    assert states(database) == {"sent": 100}
    assert len(vendor.letters) < 40


async def test_a_sender_killed_between_hand_over_and_record_repeats_once(database: Database) -> None:
    """The crash window: nothing is lost, one letter goes twice at most, with the same number in it."""
    clock, vendor = VirtualClock(T0), Vendor("d")
    database.write(lambda c: outbox.put(c, notice(), [To(person="a", channel="d", address="-")]))
    (bundle,) = database.read(lambda c: outbox.ready(c, "d", T0))
    database.write(lambda c: outbox.hand_over(c, bundle, "text", T0))
    assert database.read(lambda c: outbox.ready(c, "d", T0)) == []
    clock.elapsed += outbox.LEASE_MS / 1000 + 1
    assert database.write(lambda c: outbox.tidy(c, clock.now())) == (1, 0)
    await sent(database, clock, vendor)
    assert (len(vendor.letters), states(database)) == (1, {"sent": 1})


def test_a_sender_that_never_was_is_not_silent(database: Database) -> None:
    """Nothing is known of a sender that has never shown itself: not "silent for no time"."""
    assert database.read(lambda c: silent_for(c, T0)) is None


# -- links -----------------------------------------------------------------------------------------------------------------------


def test_a_link_is_used_once(database: Database) -> None:
    """Looking changes nothing, however often; using works once; late, forged and unknown ones are refused."""
    secret = b"k" * 32
    token = database.write(lambda c: acklink.make(c, secret, 7, "a", T0))
    for _ in range(3):
        assert database.write(lambda c: acklink.look(c, secret, token, T0)) == Link(occurrence=7, person="a")
    assert database.write(lambda c: acklink.look(c, secret, token, T0 + acklink.TTL_MS)) is Why.EXPIRED
    assert database.write(lambda c: acklink.use(c, b"x" * 32, token, T0)) is Why.UNKNOWN
    assert database.write(lambda c: acklink.use(c, secret, token[:-2] + "AA", T0)) is Why.UNKNOWN
    assert database.write(lambda c: acklink.use(c, secret, token, T0)) == Link(occurrence=7, person="a")
    assert database.write(lambda c: acklink.use(c, secret, token, T0)) is Why.USED


async def test_the_stand_in_takes_letters_as_a_phone_would() -> None:
    """What the demo's phone shows is what was really handed over a socket."""
    import aiohttp

    async with Standin(VirtualClock(T0)) as standin, aiohttp.ClientSession() as session:
        body = {"id": "1", "channel": "sms", "address": "1", "title": "t", "text": "红", "priority": 1, "link": ""}
        async with session.post(standin.url, json=body) as answer:
            assert (await answer.json())["code"] == 0
        standin.trouble.code = 130101
        async with session.post(standin.url, json=body) as answer:
            assert (await answer.json())["code"] == 130101
    assert [one.text for one in standin.received] == ["红"]
