"""From "tell these people" to "they were told": groups, retries, other ways, digests, expiry, links, the stand-in."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select, update

from control.alarms.model import Place
from control.messages import acklink, deliveries, leasing, outbox
from control.messages.acklink import Link, Why
from control.messages.group import EXPIRES_MS, group_key, next_digest, release_at
from control.messages.port import Letter, Limits, Outcome, Receipt
from control.messages.sender import Sender, silent_for
from control.messages.standin import Standin
from control.messages.turn import Go
from control.store.database import open_database
from control.store.tables import delivery, letter, notification
from control.store.writer import Writer
from lampwell.clock import VirtualClock

from .conftest import T0, ZONE, Memory, Vendor, notice, sender_of, to, work

# -- groups --------------------------------------------------------------------------------------------------------------------


def test_what_goes_together_and_how_long_it_waits() -> None:
    """Water of one area is one group, a cabinet is its own; the first red one goes at once, the next waits ten seconds."""
    assert group_key(Place(kind="well", area="a", device="w1")) == group_key(Place(kind="ponding", area="a", device="p1"))
    assert group_key(Place(kind="cabinet", area="a", device="c1")) == "device:c1"
    assert group_key(Place(edge="e1", link="l1")) == "edge:e1"
    assert release_at(1, T0, quiet_since=None, zone=ZONE) == T0
    assert release_at(1, T0, quiet_since=T0 - 5_000, zone=ZONE) == T0 + 10_000
    assert [release_at(n, T0, quiet_since=None, zone=ZONE) - T0 for n in (2, 3)] == [30_000, 300_000]
    assert release_at(4, T0, quiet_since=None, zone=ZONE) == next_digest(T0, ZONE)


@pytest.mark.parametrize(("hour", "days"), [(0, 0), (7, 0), (8, 1), (23, 1)])
def test_the_digest_is_at_eight(hour: int, days: int) -> None:
    """County time, today or tomorrow, never now."""
    midnight = T0 - (T0 + 8 * 3_600_000) % 86_400_000
    assert next_digest(midnight + hour * 3_600_000, ZONE) == midnight + (8 + 24 * days) * 3_600_000


async def test_a_storm_is_one_letter_not_twenty(memory: Memory, clock: VirtualClock) -> None:
    """Twenty wells, one each five seconds, each waiting its thirty: whoever is in the group when the first is due goes along."""
    vendor = Vendor("d", clock=clock)
    sender = sender_of(memory, clock, vendor)
    for number in range(1, 21):
        now = clock.now()
        memory.put(notice(number, 2, group_key="water:oldtown", created=now, release=now + 30_000))
        await work(sender, clock, 5)
    await work(sender, clock, 60)
    assert memory.states() == {"sent": 20}
    assert len(vendor.letters) == 3
    assert vendor.letters[0].text.startswith("7 条报警")


async def test_red_goes_alone(memory: Memory, clock: VirtualClock) -> None:
    """A red alarm of a group is told in full; the orange ones of the same group are a letter of their own."""
    vendor = Vendor("d", clock=clock)
    memory.put(notice(1, 2))
    memory.put(notice(2, 1))
    memory.put(notice(3, 2))
    await work(sender_of(memory, clock, vendor), clock)
    assert [(one.priority, "#2" in one.text) for one in vendor.letters] == [(1, True), (2, False)]


async def test_one_alarm_for_one_address_is_told_once(memory: Memory, clock: VirtualClock) -> None:
    """Two persons behind one chat, a raise and an escalation that waited together: one alarm in the letter, as it is now."""
    vendor = Vendor("d", clock=clock)
    memory.put(notice(7), to("d", "-", "a"), to("d", "-", "b"))
    memory.put(notice(7, kind="escalate", step="0.1"), to("d", "-", "a"))
    await work(sender_of(memory, clock, vendor), clock)
    (only,) = vendor.letters
    assert only.text.startswith("【红】无人应答 ")
    assert memory.states() == {"sent": 3}


async def test_the_letter_says_who_else_was_told(memory: Memory, clock: VirtualClock) -> None:
    """Whoever is woken by an escalation sees who was told before."""
    vendor = Vendor("d", clock=clock)
    memory.put(notice(7), to("d", "1", "wang"), to("d", "2", "group"))
    sender = sender_of(memory, clock, vendor, names={"wang": "王建国", "group": "值班群"}.__getitem__)
    await work(sender, clock)
    memory.put(notice(7, kind="escalate", step="0.1"), to("d", "3", "peng"))
    await work(sender, clock)
    assert vendor.letters[-1].text.endswith("已通知 told: 王建国、值班群")


# -- what becomes of a letter --------------------------------------------------------------------------------------------------


async def test_a_step_is_told_once_however_often_it_is_put(memory: Memory, clock: VirtualClock) -> None:
    """A restart puts the same step again: nobody hears it twice."""
    vendor = Vendor("d", clock=clock)
    assert [memory.put(notice()) is None for _ in range(3)] == [False, True, True]
    assert [memory.put(notice(None, kind="gap")) is None for _ in range(2)] == [False, True]
    await work(sender_of(memory, clock, vendor), clock, 2)
    assert memory.states() == {"sent": 2}


@pytest.mark.parametrize("trouble", [Outcome.DEAD, Outcome.BROKEN])
async def test_the_next_channel_takes_over(memory: Memory, clock: VirtualClock, trouble: Outcome) -> None:
    """What will never work on one channel goes on by the person's next way, and the next."""
    vendors = [Vendor("d", trouble, clock=clock), Vendor("s", Outcome.DEAD, clock=clock), Vendor("m", clock=clock)]
    memory.put(notice(), to("d", "-", "a", ("s", "1"), ("m", "a@b.c")))
    await work(sender_of(memory, clock, *vendors), clock, 4)
    assert [len(one.letters) for one in vendors] == [1, 1, 1]
    assert memory.states() == {"dead": 2, "sent": 1}


async def test_a_refusal_is_tried_again_in_growing_steps(memory: Memory, clock: VirtualClock) -> None:
    """2, 5, 15, 30 s, 1, 2, 5 min, then every 5 min until it expires: never counted as sent, never given up early."""
    vendor = Vendor("d", Outcome.RETRY, clock=clock)
    memory.put(notice())
    await work(sender_of(memory, clock, vendor), clock, 1_860)
    assert [round((b - a) / 1000) for a, b in zip(vendor.times, vendor.times[1:], strict=False)] == [
        2, 5, 15, 30, 60, 120, 300, 300, 300, 300, 300,
    ]  # fmt: skip
    assert memory.states() == {"expired": 1}


async def test_retries_are_spread(memory: Memory, clock: VirtualClock) -> None:
    """Twenty per cent to either side, so that a vendor that comes back is not met by everyone at once."""
    for jitter, wait in ((-1.0, 1_600), (0.0, 2_000), (1.0, 2_400)):
        memory.put(notice(step=str(jitter)))
        (bundle,) = [memory.ask(lambda c: leasing.lease(c, "d", Go(address="-", groups=("device:a",), red=True), T0))]
        assert bundle is not None
        number = memory.ask(lambda c, b=bundle: leasing.hand_over(c, b, "", T0))
        memory.ask(lambda c, n=number, j=jitter: outbox.record(c, n, Receipt(outcome=Outcome.RETRY), T0, j))
        row = memory.ask(lambda c, n=number: c.execute(select(delivery).where(delivery.c.letter == n)).one())
        assert row.next_try == T0 + wait
        memory.ask(lambda c: c.execute(update(delivery).values(state="dead")))


async def test_tired_of_one_way_it_takes_another(memory: Memory, clock: VirtualClock) -> None:
    """Seven retries are enough where there is another way to the same person."""
    first, second = Vendor("d", Outcome.RETRY, clock=clock), Vendor("s", clock=clock)
    memory.put(notice(), to("d", "-", "a", ("s", "1")))
    await work(sender_of(memory, clock, first, second), clock, 600)
    assert (len(first.letters), len(second.letters)) == (8, 1)


@pytest.mark.parametrize(("priority", "letters", "state"), [(1, 2, "sent"), (2, 2, "sent"), (3, 1, "unknown"), (4, 1, "unknown")])
async def test_no_answer_is_neither_sent_nor_failed(
    memory: Memory, clock: VirtualClock, priority: int, letters: int, state: str
) -> None:
    """It may have arrived: what is urgent is repeated, the rest is kept as unknown."""
    vendor = Vendor("d", Outcome.UNKNOWN, Outcome.SENT, clock=clock)
    memory.put(notice(7, priority))
    await work(sender_of(memory, clock, vendor), clock, 10)
    assert (len(vendor.letters), memory.states()) == (letters, {state: 1})


async def test_a_repeat_has_the_id_of_the_first(memory: Memory, clock: VirtualClock) -> None:
    """A vendor that deduplicates by id shows it once; a letter with more in it has another id."""
    vendor = Vendor("d", Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.SENT, clock=clock)
    sender = sender_of(memory, clock, vendor)
    memory.put(notice(7))
    await work(sender, clock, 4)
    memory.put(notice(8))
    await work(sender, clock, 10)
    assert [one.id == vendor.letters[0].id for one in vendor.letters] == [True, True, False]


async def test_what_is_too_old_is_not_sent(memory: Memory, clock: VirtualClock) -> None:
    """A message of an hour ago about a flood helps nobody: expired, and it says so. Times by priority."""
    assert [EXPIRES_MS[n] // 60_000 for n in (1, 2, 3)] == [30, 120, 720]
    vendor = Vendor("d", clock=clock)
    memory.put(notice(expires=T0 - 1))
    await work(sender_of(memory, clock, vendor), clock, 2)
    assert (vendor.letters, memory.states()) == ([], {"expired": 1})


async def test_a_row_that_can_not_be_read_holds_up_no_other(memory: Memory, clock: VirtualClock) -> None:
    """One spoiled row is dead with its reason; its group goes."""
    vendor = Vendor("d", clock=clock)
    memory.put(notice(1))
    memory.ask(lambda c: c.execute(update(notification).values(body="{")))
    memory.put(notice(2))
    await work(sender_of(memory, clock, vendor), clock, 2)
    states = memory.ask(lambda c: Counter(c.scalars(select(delivery.c.state))))
    assert (len(vendor.letters), states) == (1, {"dead": 1, "sent": 1})


# -- channels in trouble -------------------------------------------------------------------------------------------------------


async def test_a_channel_that_does_not_work_is_left_alone(memory: Memory, clock: VirtualClock) -> None:
    """One broken answer, and for five minutes nothing is handed to it; then one letter tries again."""
    vendor = Vendor("d", Outcome.BROKEN, Outcome.SENT, clock=clock)
    for number in range(3):
        memory.put(notice(number, group_key=f"k{number}"))
    await work(sender_of(memory, clock, vendor), clock, 290)
    assert (len(vendor.letters), memory.states()) == (1, {"dead": 1, "queued": 2})
    await work(sender_of(memory, clock, vendor), clock, 20)
    assert memory.states() == {"dead": 1, "sent": 2}


async def test_nobody_waits_for_a_broken_channel_who_has_another(memory: Memory, clock: VirtualClock) -> None:
    """One letter finds out; the others go the other way at once."""
    first, second = Vendor("d", Outcome.BROKEN, clock=clock), Vendor("s", clock=clock)
    for number in range(5):
        memory.put(notice(number, 3, group_key=f"k{number}"), to("d", "-", "a", ("s", "1")))
    await work(sender_of(memory, clock, first, second), clock, 3)
    assert len(first.letters) == 1
    assert memory.states() == {"dead": 5, "sent": 5}


async def test_a_throttled_robot_pauses_and_red_goes_round_it(memory: Memory, clock: VirtualClock) -> None:
    """Ten minutes of silence from the vendor: nothing more is handed over, red takes its other way, yellow waits."""
    throttled = Receipt(outcome=Outcome.RETRY, code="130101", retry_after_s=600)
    first, second = Vendor("d", throttled, Outcome.SENT, clock=clock), Vendor("s", clock=clock)
    sender = sender_of(memory, clock, first, second)
    memory.put(notice(1, 3, expires=T0 + 43_200_000, group_key="g"))
    await work(sender, clock, 2)
    memory.put(notice(2, 1), to("d", "-", "a", ("s", "1")))
    memory.put(notice(3, 3, expires=T0 + 43_200_000, group_key="h"))
    await work(sender, clock, 590)
    assert (len(first.letters), len(second.letters)) == (1, 1)
    await work(sender, clock, 20)
    assert memory.states() == {"dead": 1, "sent": 3}


async def test_one_number_that_is_full_does_not_stop_the_others(memory: Memory, clock: VirtualClock) -> None:
    """An SMS vendor refuses a number for an hour (its daily limit): every other number still gets its SMS at once."""
    full = Receipt(outcome=Outcome.RETRY, code="isv.DAY_LIMIT_CONTROL", retry_after_s=3_600)
    vendor = Vendor("sms", full, Outcome.SENT, clock=clock, kind="aliyun-sms", limits=Limits(per_day=50))
    memory.put(notice(1), to("sms", "1", "a", ("m", "a@b.c")), to("sms", "2", "b"))
    mail = Vendor("m", clock=clock, kind="smtp")
    await work(sender_of(memory, clock, vendor, mail), clock, 3)
    assert [one.address for one in (*vendor.letters, *mail.letters)] == ["1", "2", "a@b.c"]


async def test_a_full_day_goes_by_mail(memory: Memory, clock: VirtualClock) -> None:
    """Our own count of the vendor's daily limit: the eleventh SMS of the day is not even tried, and who has no mail waits."""
    sms, mail = Vendor("sms", clock=clock, limits=Limits(per_day=10)), Vendor("m", clock=clock)
    for number in range(1, 13):
        memory.put(notice(number, group_key=f"k{number}"), to("sms", "1", "a", *((("m", "x"),) if number < 12 else ())))
    await work(sender_of(memory, clock, sms, mail), clock, 2)
    assert (len(sms.letters), len(mail.letters), memory.states()["queued"]) == (10, 1, 1)


async def test_a_channel_with_a_fault_of_its_own_stops_no_other(memory: Memory, clock: VirtualClock) -> None:
    """A bug in one channel is logged and counts as no answer; the others, and the sender, go on."""

    class Faulty(Vendor):
        async def send(self, letter: Letter) -> Receipt:
            await super().send(letter)
            raise RuntimeError("a bug")

    faulty, fine = Faulty("d", clock=clock), Vendor("s", clock=clock)
    memory.put(notice(1, 3), to("d"), to("s"))
    await work(sender_of(memory, clock, faulty, fine), clock, 2)
    assert memory.states() == {"unknown": 1, "sent": 1}


class Slow(Vendor):
    """Answers when it is told to."""

    def __init__(self, name: str, *, clock: VirtualClock) -> None:
        super().__init__(name, clock=clock)
        self.go = asyncio.Event()

    async def send(self, letter: Letter) -> Receipt:
        self.letters.append(letter)
        await self.go.wait()
        return Receipt(outcome=self.answers[0])


async def test_a_hanging_channel_holds_up_only_itself(memory: Memory, clock: VirtualClock) -> None:
    """One vendor does not answer for five minutes: the other's letters go, and the slow letter is neither lost nor sent twice."""
    slow, quick = Slow("d", clock=clock), Vendor("s", clock=clock)
    sender = sender_of(memory, clock, slow, quick)
    run = asyncio.create_task(sender.run())
    memory.put(notice(1), to("d"), to("s", "1"))
    await clock.advance(150)
    memory.put(notice(2, release=clock.now()), to("s", "1"))
    relay = Vendor("d", clock=clock)
    await clock.advance(150)
    elsewhere = sender_of(memory, clock, relay)
    await elsewhere.round()
    await elsewhere.idle()
    assert relay.letters == []
    assert (len(slow.letters), len(quick.letters)) == (1, 2)
    slow.go.set()
    await clock.advance(5)
    assert (len(slow.letters), memory.states()) == (1, {"sent": 3})
    await sender.stop()
    await run


async def test_an_answer_stops_what_still_waits(memory: Memory, clock: VirtualClock) -> None:
    """Acknowledged: the deputy is not woken any more; what was sent stays sent; the all-clear still goes."""
    vendor = Vendor("d", clock=clock)
    sender = sender_of(memory, clock, vendor)
    memory.put(notice())
    memory.put(notice(kind="escalate", step="0.1", release=T0 + 5_000), to("d", "1", "b"))
    memory.put(notice(kind="clear", step="0.2", release=T0 + 5_000))
    await work(sender, clock)
    assert memory.ask(lambda c: outbox.stop(c, 7, T0)) == 1
    await work(sender, clock, 10)
    assert memory.states() == {"sent": 2, "cancelled": 1}


@pytest.mark.parametrize(
    ("answer", "state"), [(Outcome.RETRY, "cancelled"), (Outcome.UNKNOWN, "unknown"), (Outcome.SENT, "sent")]
)
async def test_an_answer_while_a_letter_is_under_way(memory: Memory, clock: VirtualClock, answer: Outcome, state: str) -> None:
    """It can not be called back, but it is not tried again, nor by another channel; and what became of it is told truly."""
    slow, other = Slow("d", clock=clock), Vendor("s", clock=clock)
    slow.answers = [answer]
    sender = sender_of(memory, clock, slow, other)
    memory.put(notice(), to("d", "-", "a", ("s", "1")))
    await sender.round()
    await asyncio.sleep(0)
    memory.ask(lambda c: outbox.stop(c, 7, T0))
    slow.go.set()
    await sender.idle()
    await work(sender, clock, 60)
    assert (len(slow.letters), other.letters, memory.states()) == (1, [], {state: 1})


async def test_an_answer_between_look_and_letter(memory: Memory, clock: VirtualClock) -> None:
    """The letter is made from what waits in that very transaction: an answer a moment before keeps it back."""
    memory.put(notice())
    go = Go(address="-", groups=("device:a",), red=True)
    assert [one.address for one in memory.ask(lambda c: leasing.heads(c, "d", T0))] == ["-"]
    memory.ask(lambda c: outbox.stop(c, 7, T0))
    assert memory.ask(lambda c: leasing.lease(c, "d", go, T0)) is None


async def test_a_sender_killed_between_hand_over_and_record_repeats_once(memory: Memory, clock: VirtualClock) -> None:
    """The crash window: nothing is lost, one letter goes twice at most, and both hand-overs are on record."""
    vendor = Vendor("d", clock=clock)
    memory.put(notice())

    def half(connection):  # type: ignore[no-untyped-def]
        bundle = leasing.lease(connection, "d", Go(address="-", groups=("device:a",), red=True), T0)
        return leasing.hand_over(connection, bundle, "text", T0)

    memory.ask(half)
    assert memory.ask(lambda c: leasing.heads(c, "d", T0)) == []
    await work(sender_of(memory, clock, vendor), clock, 60)
    assert vendor.letters == []
    await work(sender_of(memory, clock, vendor), clock, 10)
    assert (len(vendor.letters), memory.states()) == (1, {"sent": 1})
    assert memory.ask(lambda c: sorted(c.scalars(select(letter.c.outcome)))) == ["sent", "unknown"]


# -- bursts --------------------------------------------------------------------------------------------------------------------


async def test_a_burst_stays_within_the_budget_and_becomes_digests(memory: Memory, clock: VirtualClock) -> None:
    """A thousand alarms of a thousand groups at once: few letters, within the minute's share, and everyone told of all of them;
    a red one in the middle goes at once and alone.
    """
    vendor = Vendor("d", clock=clock, limits=Limits(per_minute=20, reserve=5))
    sender = sender_of(memory, clock, vendor)
    for number in range(1, 1_001):
        memory.put(notice(number, 2 + number % 2, group_key=f"k{number}"))
    await work(sender, clock, 2)
    memory.put(notice(1_001, 1, group_key="red", release=clock.now()))
    await work(sender, clock, 2)
    assert vendor.letters[-1].text.startswith("【红】澄江泵站")
    await work(sender, clock, 60)
    assert memory.states() == {"sent": 1_001}
    assert len(vendor.letters) <= 5


async def test_a_thousand_to_many_numbers_keep_the_vendors_minute(memory: Memory, clock: VirtualClock) -> None:
    """Two hundred people, five alarms each: one SMS a person but for the last few, never more than the share, red first."""
    vendor = Vendor("sms", clock=clock, limits=Limits(per_minute=60, reserve=20, per_second=10), kind="aliyun-sms")
    for number in range(1, 6):
        memory.put(notice(number, 2, group_key=f"k{number}"), *(to("sms", str(n), f"p{n}") for n in range(200)))
    memory.put(notice(6, 1), to("sms", "999", "chief"))
    await work(sender_of(memory, clock, vendor), clock, 320)
    assert memory.states() == {"sent": 1_001}
    assert (len(vendor.letters) <= 210, vendor.letters[0].address) == (True, "999")
    assert all(sum(at - 60_000 < each <= at for each in vendor.times) <= 41 for at in vendor.times)


@pytest.mark.parametrize(
    ("kind", "titled", "short"),
    [("dingtalk", False, False), ("aliyun-sms", False, True), ("modem", False, True), ("smtp", True, False)],
)
async def test_each_kind_of_channel_gets_its_form(
    memory: Memory, clock: VirtualClock, kind: str, titled: bool, short: bool
) -> None:
    """SMS is short and says nothing twice, chats get the whole text, mail a subject besides; the link goes along in each."""
    vendor = Vendor("d", clock=clock, kind=kind)
    memory.put(notice())
    await work(sender_of(memory, clock, vendor, links=lambda _c, number, person, _now: f"https://a/{number}/{person}"), clock)
    (only,) = vendor.letters
    assert (bool(only.title), len(only.text) <= 60, "https://a/7/a" in only.text + only.link) == (titled, short, True)
    assert (only.text + only.link).count("https://") == 1
    assert dict(only.template)["number"] == "7"


# -- the whole, with a real writer -----------------------------------------------------------------------------------------------


async def test_run_sends_shows_itself_and_stops(tmp_path: Path, clock: VirtualClock) -> None:
    """With the real database: what is put goes within a second, the heartbeat is there, and stop ends it in order."""
    database = open_database(tmp_path / "state.sqlite")
    writer, vendor = Writer(database), Vendor("d", clock=clock)
    sender = Sender(writer, {"d": vendor}, clock, ZONE)
    assert await writer.read(lambda c: silent_for(c, T0)) is None
    run = asyncio.create_task(sender.run())
    await writer.write(lambda c: outbox.put(c, notice(), [to()]))
    sender.wake()
    for _ in range(2_000):
        await asyncio.sleep(0.001)
        if vendor.letters:
            break
    await sender.stop()
    await asyncio.wait_for(run, 5)
    assert len(vendor.letters) == 1
    assert await writer.read(lambda c: deliveries.summary(c)) == {"d": {"sent": 1}}
    assert await writer.read(lambda c: silent_for(c, T0 + 300_001)) == 300_001
    await writer.close()
    database.close()


# -- links ---------------------------------------------------------------------------------------------------------------------


def test_a_link_is_used_once(memory: Memory) -> None:
    """Looking changes nothing; using works once; late, forged and unknown ones are refused; only a digest is kept."""
    secret = b"k" * 32
    token = memory.ask(lambda c: acklink.make(c, secret, 7, "a", T0))
    for _ in range(3):
        assert memory.ask(lambda c: acklink.look(c, secret, token, T0)) == Link(occurrence=7, person="a")
    assert memory.ask(lambda c: acklink.look(c, secret, token, T0 + acklink.TTL_MS)) is Why.EXPIRED
    assert memory.ask(lambda c: acklink.use(c, b"x" * 32, token, T0)) is Why.UNKNOWN
    for forged in (token[:-2] + "AA", "", "A" * 32, token + "=", token + "A", "é" * 32, token.lower()):
        assert memory.ask(lambda c, t=forged: acklink.use(c, secret, t, T0)) is Why.UNKNOWN
    assert memory.ask(lambda c: acklink.use(c, secret, token, T0)) == Link(occurrence=7, person="a")
    assert memory.ask(lambda c: acklink.use(c, secret, token, T0)) is Why.USED
    memory.ask(lambda c: acklink.give_back(c, token))
    assert memory.ask(lambda c: acklink.use(c, secret, token, T0)) == Link(occurrence=7, person="a")
    kept = memory.ask(lambda c: str(c.exec_driver_sql("select * from ack_token").all()))
    assert token not in kept


# -- the stand-in --------------------------------------------------------------------------------------------------------------


async def test_the_stand_in_takes_letters_as_a_phone_would(clock: VirtualClock) -> None:
    """What the demo's phone shows was really handed over a socket; what is no letter is refused; it fails when told to."""
    body = {"id": "1", "channel": "sms", "address": "1", "title": "t", "text": "红", "priority": 1, "link": ""}
    async with Standin(clock) as standin, aiohttp.ClientSession() as session:

        async def answer(json: object = body) -> tuple[int, int]:
            async with session.post(standin.url, json=json) as found:
                return found.status, (await found.json())["code"]

        assert await answer() == (200, 0)
        for bad in ({}, [], {**body, "priority": "high"}, "text"):
            assert await answer(bad) == (400, 400)
        standin.trouble.code = 130101
        assert await answer() == (200, 130101)
        standin.trouble.code, standin.trouble.status = 0, 503
        assert await answer() == (503, 503)
        standin.trouble.status, standin.trouble.hang = 200, True
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await answer()
    assert ([one.text for one in standin.received], standin.count) == (["红", "红"], 2)
