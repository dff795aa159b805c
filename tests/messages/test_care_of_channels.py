"""The sender's care for itself: daily tests, a broken channel told by another, the watcher outside."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from control.messages.care import Care, daily, keepers_of
from control.messages.channel_notes import channel_notes
from control.messages.channels.http import Http
from control.messages.outbox import To
from control.messages.port import Outcome, Receipt
from control.messages.pulse import Pulse
from control.people.roster import Contact, Person, Roster
from lampwell.clock import VirtualClock

from .conftest import T0, ZONE, Memory, Vendor, notice, sender_of, to, work

KEEPERS = (To(person="peng", channel="sms", address="9"), To(person="peng", channel="mail", address="p@x"), to("d", "-", "chat"))
MIDNIGHT = T0 - (T0 + 8 * 3_600_000) % 86_400_000


def at(minute: int, day: int = 0) -> int:
    """That minute of the county's day."""
    return MIDNIGHT + minute * 60_000 + day * 86_400_000


def care(**more: object) -> Care:
    return Care(keepers=lambda: KEEPERS, test_at={"sms": 510, "d": 510}, **more)  # type: ignore[arg-type]


async def test_a_broken_channel_is_told_once_by_another(memory: Memory, clock: VirtualClock) -> None:
    """A bad token: the keepers hear of it by mail and by chat, once, however long it lasts; when it heals and breaks, again."""
    broken = Receipt(outcome=Outcome.BROKEN, reason="签名错误 bad signature")
    answers = [broken, broken, broken, Receipt(outcome=Outcome.SENT), broken]
    sms, mail, chat = Vendor("sms", *answers, clock=clock, kind="modem"), Vendor("mail", clock=clock), Vendor("d", clock=clock)
    sender = sender_of(memory, clock, sms, mail, chat, care=care())
    for number in range(1, 5):
        memory.put(notice(number, 3, group_key=f"k{number}", expires=T0 + 43_200_000), to("sms", "1"))
    await work(sender, clock, 601, step=1)
    assert len(sms.letters) == 3
    (by_mail,), (by_chat,) = mail.letters, chat.letters
    assert by_mail.text.startswith("【橙】通道故障 sms 签名错误 bad signature")
    assert by_chat.text == by_mail.text
    assert memory.ask(channel_notes)["sms"].broken_since == T0
    await work(sender, clock, 310)
    assert memory.ask(channel_notes)["sms"].broken_since is None
    memory.put(notice(9, 3, release=clock.now(), expires=T0 + 43_200_000), to("sms", "1"))
    await work(sender, clock, 5)
    assert (len(mail.letters), len(chat.letters)) == (2, 2)


async def test_without_keepers_it_is_still_logged(memory: Memory, clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody to tell: the log and the callback say it, and nothing breaks."""
    said: list[tuple[str, str]] = []
    sender = sender_of(memory, clock, Vendor("d", Outcome.BROKEN, clock=clock), broken=lambda *what: said.append(what))
    memory.put(notice())
    with caplog.at_level(logging.ERROR):
        await work(sender, clock, 2)
    assert said == [("d", "as told")]
    assert "channel d does not work: as told" in caplog.text


@pytest.mark.parametrize(
    ("minute", "begun"), [(509, []), (510, ["sms", "d"]), (569, ["sms", "d"]), (570, []), (0, []), (1439, [])]
)
def test_a_channel_is_tested_once_a_day_at_its_time(memory: Memory, minute: int, begun: list[str]) -> None:
    """At its time or up to an hour late, once a day however often it restarts; a missed one is left out until tomorrow."""
    assert memory.ask(lambda c: daily(c, care(), at(minute), ZONE)) == begun
    assert memory.ask(lambda c: daily(c, care(), at(minute), ZONE)) == []
    assert memory.ask(lambda c: daily(c, care(), at(510, 1), ZONE)) == ["sms", "d"]


async def test_a_test_goes_to_a_keeper_and_says_that_nothing_is_to_be_done(memory: Memory) -> None:
    """Nobody is alarmed by it."""
    clock = VirtualClock(at(510))
    sms, chat = Vendor("sms", clock=clock, kind="modem"), Vendor("d", clock=clock)
    await work(sender_of(memory, clock, sms, chat, care=care()), clock, 10)
    assert [one.text for one in sms.letters] == ["【蓝】测试 sms 每日通道测试, 无需处理 08:30"]
    assert ([one.address for one in sms.letters], len(chat.letters)) == (["9"], 1)


async def test_a_test_that_does_not_arrive_is_told_by_another_channel(memory: Memory) -> None:
    """The vendor is busy all morning: after half an hour the keepers hear of it by their other ways, once."""
    clock = VirtualClock(at(510))
    sms, mail, chat = Vendor("sms", Outcome.RETRY, clock=clock), Vendor("mail", clock=clock), Vendor("d", clock=clock)
    await work(sender_of(memory, clock, sms, mail, chat, care=care()), clock, 5_000, step=5)
    assert [one.text.splitlines()[0] for one in mail.letters] == [
        "【橙】通道故障 sms 每日测试未送达 the daily test did not arrive 09:00"
    ]
    assert len(chat.letters) == 2


def test_who_looks_after_the_system() -> None:
    """Engineers before leaders before group chats; crews and duty officers are left in peace."""
    persons = [
        Person(id=name, zh=name, role=role) for name, role in (("b", "leader"), ("e", "engineer"), ("w", "duty"), ("g", "viewer"))
    ]
    contacts = [
        Contact(person="g", channel="d", address="-"),
        Contact(person="w", channel="sms", address="1"),
        Contact(person="b", channel="sms", address="2"),
        Contact(person="e", channel="mail", address="e@x", order=2),
        Contact(person="e", channel="sms", address="3", order=1),
    ]
    found = keepers_of(Roster(persons=tuple(persons), contacts=tuple(contacts)))
    assert [(one.person, one.channel) for one in found] == [("e", "sms"), ("e", "mail"), ("b", "sms"), ("g", "d")]


# -- the watcher outside ---------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def watcher(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A real listener that notes every call."""
    calls: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await reader.readuntil(b"\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ping/secret-token", calls


async def test_the_watcher_outside_is_called(caplog: pytest.LogCaptureFixture) -> None:
    """A call is a POST to the address; what goes wrong is logged once, without the address, and healing is logged."""
    with caplog.at_level(logging.INFO):
        async with watcher(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, calls):
            pulse = Pulse(url, Http(timeout_s=2))
            await pulse.beat()
            assert calls == [b"POST /ping/secret-token HTTP/1.1\r\n"]
            assert caplog.text == ""
            lost = Pulse("http://127.0.0.1:1/ping/secret-token", Http(timeout_s=2))
            await lost.beat()
            await lost.beat()
            await pulse.close()
            await lost.close()
    assert caplog.text.count("the watcher outside is not reached") == 1
    assert "secret-token" not in caplog.text


async def test_a_sender_without_its_database_calls_nobody(memory: Memory, clock: VirtualClock) -> None:
    """Calls once a minute while it works; a sender that can not write is as good as dead, and the watcher shall shout."""
    times: list[int] = []

    async def beat() -> None:
        times.append(clock.now() - T0)

    sender = sender_of(memory, clock, Vendor("d", clock=clock), care=Care(beat=beat))
    run = asyncio.create_task(sender.run())
    await clock.advance(200)
    assert [round(each / 60_000) for each in times] == [0, 1, 2, 3]
    sender._state = Away()  # type: ignore[assignment]
    await clock.advance(600)
    assert len(times) <= 5
    await sender.stop()
    await run


class Away:
    """A database that is not there."""

    async def write(self, work: object) -> None:
        from control.store.database import StateAway

        raise StateAway("away")

    read = write
