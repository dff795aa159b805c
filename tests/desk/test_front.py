"""The typed API of a whole control service without a broker: pages, people, orders, messages, and alarms about messages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.influxd import free_port
from control.alarms.model import Condition
from control.app import Control
from control.messages.reach import Reach
from control.messages.settings import load_channels, open_channels
from control.messages.standin import Standin
from control.orders.views import Wanted
from control.outgoing import Outgoing, times_of_tests
from control.people.files import load_roster
from control.people.roster import Swap
from control.requests import NotDone
from control.store.audit import verify
from control.store.database import open_database
from lampwell.assets import County
from lampwell.clock import VirtualClock
from lampwell.county import load
from lampwell.errors import ConfigError

T0 = 1_780_000_000_000
TAIHE = Path(__file__).parents[2] / "counties/taihe"
RED = "ponding-red@ponding-1"


@pytest.fixture(scope="module")
def county() -> County:
    found = load(TAIHE)
    return replace(found, broker=replace(found.broker, host="127.0.0.1", port=free_port()))


@asynccontextmanager
async def service(
    county: County, data: Path, clock: VirtualClock, standin: Standin | None, **more: Any
) -> AsyncIterator[Control]:
    """A control service that hears no broker; ``standin`` None: messages are left to another process."""
    data.mkdir(exist_ok=True)  # noqa: ASYNC240 - before anything runs
    settings = load_channels(county.folder)
    channels = open_channels(settings, env={"LAMPWELL_STANDIN_URL": standin.url}, clock=clock) if standin else {}
    database = open_database(data / "control.sqlite")
    out = Outgoing(channels=channels, test_at=times_of_tests(settings), reach=Reach(listen=("127.0.0.1", 0)))
    roster = load_roster(county.folder / "people", [area.id for area in county.areas])
    control = Control(county, roster, clock=clock, database=database, out=out, data_dir=data, **more)
    task = asyncio.create_task(control.run())
    try:
        ready = asyncio.create_task(control.ready())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), task.exception()
        yield control
    finally:
        await asyncio.wait_for(control.stop(), 20)
        await task
        for channel in channels.values():
            await channel.close()
        database.close()


async def until(clock: VirtualClock, found: Callable[[], Any], seconds: float = 60, step_s: float = 0.25) -> Any:
    """Move county time on until it is so."""
    for _ in range(round(seconds / step_s)):
        await clock.advance(step_s)
        await asyncio.sleep(0.01)
        answer = found()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
    raise AssertionError(f"still not so after {seconds} county seconds")


def flood(control: Control, clock: VirtualClock, level: float = 0.45, key: str = RED) -> None:
    control.front.desk.observe([Condition(key=key, time=clock.now(), value=level)])


async def row_of(control: Control, key: str = RED) -> Any:
    return next((row for row in await control.front.alarms() if row.key == key), None)


async def test_the_link_in_a_message_acknowledges_once_and_a_look_never(county: County, tmp_path: Path) -> None:
    """Protects rule 9 of domain alarms 2.2 from end to end: a preview changes nothing, one press does, a second does nothing."""
    clock = VirtualClock(T0)
    async with Standin(clock) as standin, service(county, tmp_path, clock, standin) as control, httpx.AsyncClient() as phone:
        flood(control, clock)
        row = await until(clock, lambda: row_of(control))
        letter = await until(clock, lambda: next((one for one in standin.received if f"#{row.number}" in one.text), None))
        link = letter.link or re.search(r"http://\S+", letter.text)[0]  # type: ignore[index]
        for _ in range(3):
            page = await phone.get(link)
            assert (page.status_code, "确认收到" in page.text) == (200, True)
        assert (await row_of(control)).state == "B"
        done = await phone.post(link, data={"note": "马上去"})
        assert done.status_code == 200
        after = await row_of(control)
        assert (after.state, after.ack_note) == ("C", "马上去")
        assert after.acked_by not in ("", letter.address)
        assert (await phone.post(link)).status_code == 410
        assert (await phone.get(link[:-3] + "abc")).status_code == 404
        assert "link" not in (await phone.get(link.rsplit("/", 1)[0])).text


async def test_a_sender_elsewhere_that_falls_silent_is_an_alarm(county: County, tmp_path: Path) -> None:
    """Protects from alarms that nobody hears (domain alarms 2.2, rule 10): five minutes without a sender are red on the list."""
    clock = VirtualClock(T0)
    async with service(county, tmp_path, clock, None, sent_elsewhere=True) as control:
        await clock.advance(280)
        assert await row_of(control, "sender-silent@county:taihe") is None
        found = await until(clock, lambda: row_of(control, "sender-silent@county:taihe"), 60, step_s=5)
        assert (found.priority, "没有动静" in found.why_zh) == (1, True)


async def test_a_broken_channel_is_an_alarm_and_ends_with_a_letter_that_goes(county: County, tmp_path: Path) -> None:
    """Protects from messages that quietly go another way for weeks: told, with the reason, until a letter goes through."""
    clock = VirtualClock(T0)
    async with Standin(clock) as standin, service(county, tmp_path, clock, standin) as control:
        standin.trouble.code = -1  # its key is not right any more
        flood(control, clock)
        found = await until(clock, lambda: row_of(control, "channel-broken@county:taihe"), 120, step_s=1)
        assert "sms" in found.why_zh
        channels = {one.channel: one for one in await control.front.messages.channels()}
        assert any(one.broken_since is not None for one in channels.values())
        standin.trouble.code = 0
        await until(clock, lambda: _over(control, "channel-broken@county:taihe"), 1200, step_s=5)


async def _over(control: Control, key: str) -> bool:
    row = await row_of(control, key)
    return row is None or row.cleared_at is not None


async def test_people_change_with_reason_version_and_check(county: County, tmp_path: Path) -> None:
    """Protects the roster: a good change counts at once and over a restart, a bad one changes nothing and says where."""
    clock = VirtualClock(T0)
    async with service(county, tmp_path, clock, None) as control:
        people = control.front.people
        (office,) = [row for row in await people.duty() if row.rota == "office"]
        assert office.persons
        with pytest.raises(ConfigError, match="is not on that shift"):
            await people.swap(Swap(rota="office", start="2026-05-30T08:00", out="nobody", replaced_by="li"), "王")
        with pytest.raises(NotDone, match="who you are"):
            await people.season("on", "", "")
        version = await people.season("off", "王", "枯水")
        assert (await people.roster())[0] == version == 2
    async with service(county, tmp_path, clock, None) as control:
        version, roster = await control.front.people.roster()
        assert (version, roster.season.mode) == (2, "off")
        assert [one[2:] for one in await control.front.people.versions()] == [
            ("王", "枯水"),
            ("control", "people/ of the county"),
        ]


async def test_orders_by_hand_are_refused_in_words(county: County, tmp_path: Path) -> None:
    """Protects the register from orders at no place, by nobody, in no order of steps."""
    clock = VirtualClock(T0)
    async with service(county, tmp_path, clock, None) as control:
        orders = control.front.orders
        with pytest.raises(NotDone, match="没有该片区"):
            await orders.new(Wanted(title_zh="灯杆倾斜", area="nowhere"), "王")
        made = await orders.new(Wanted(title_zh="灯杆倾斜", area="oldtown", skill="lighting"), "王", "路口")
        assert (made.row.state, made.row.crew) == ("assigned", "lighting-oldtown")
        with pytest.raises(NotDone, match="没有该班组"):
            await orders.assign(made.row.number, "nobody", "", "王")
        with pytest.raises(NotDone, match="写明"):
            await orders.act(made.row.number, "finish", "刘师傅")
        done = await orders.act(made.row.number, "finish", "刘师傅", "扶正", b"\xff\xd8\xff\xe0" + bytes(20))
        assert done.row.state == "done"
        photo = await orders.photo(done.history[-1].id)
        assert photo is not None
        assert photo[0] == "image/jpeg"
        assert "灯杆倾斜" in await orders.register(0, clock.now() + 1)
        with pytest.raises(NotDone, match="没有该操作"):
            await orders.act(made.row.number, "explode", "王")
        assert await control.front.writer.read(verify) is None


async def test_a_limit_is_changed_only_to_what_it_can_be(county: County, tmp_path: Path) -> None:
    """Protects levels from typing errors: a limit outside what the sensor can say is refused with the reason."""
    clock = VirtualClock(T0)
    async with service(county, tmp_path, clock, None) as control:
        with pytest.raises(NotDone, match="不可改为"):
            await control.front.change(RED, "limit", 99.0, "王", "试")
        changed = await control.front.change(RED, "limit", 0.41, "王", "桥下更低")
        assert changed.row.limit == 0.41
