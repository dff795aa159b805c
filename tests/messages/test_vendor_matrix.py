"""Every vendor in every trouble, through the sender and a database file, over real sockets, in virtual time.

Whatever the trouble is, the same must hold of the outbox: nothing is called sent that the vendor did not take, no vendor is asked
more often than its budget allows, whoever has another way is told by it, and what has none is tried until the vendor has mended.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from control.messages import deliveries, outbox
from control.messages.channels.vendors import VENDORS
from control.messages.group import EXPIRES_MS
from control.messages.outbox import To
from control.messages.port import Channel
from control.messages.views import DeliveryRow
from control.store.database import Database, open_database
from control.store.tables import letter
from control.store.writer import Writer
from lampwell.clock import VirtualClock
from tests.channels.conftest import OK, Asked, make, vendor_server
from tests.channels.conftest import certificates as certificates  # a fixture

from .conftest import T0, notice, sender_of, work

KINDS = ("dingtalk", "wecom", "feishu", "aliyun-sms", "tencent-sms")
FEW = ("dingtalk", "aliyun-sms")
"""A group robot and a vendor of SMS: what follows is the same for all that speak HTTP."""
BUSY: dict[str, dict[str, Any]] = {
    "dingtalk": {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"},
    "wecom": {"errcode": 45009, "errmsg": "api freq out of limit"},
    "feishu": {"code": 11232, "msg": "frequency limited psm"},
    "aliyun-sms": {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "trigger minute limit Permits:1", "RequestId": "A1"},
    "tencent-sms": {
        "Response": {"SendStatusSet": [{"Code": "LimitExceeded.PhoneNumberThirtySecondLimit", "Message": "30 s limit"}]}
    },
}
"""What each answers with HTTP 200 to what it does not take."""
WITH_WAY, WITHOUT = range(1, 5), range(5, 7)
TROUBLE_S, REST_S, STEP_S = 2400, 900, 20
ORANGE = frozenset(range(1, 7, 2))


TROUBLES: dict[str, Callable[[str], Callable[[Asked], web.StreamResponse]]] = {
    "200 and a code": lambda kind: lambda _: web.json_response(BUSY[kind]),
    "429": lambda _: lambda _: web.json_response({}, status=429),
    "500": lambda kind: lambda _: web.json_response(OK[kind], status=500),
    "200 and a page": lambda _: lambda _: web.Response(text="<html>login</html>"),
}


@dataclass
class Desk:
    """A sender over a database file; the vendor's calls by county second."""

    database: Database
    writer: Writer
    clock: VirtualClock
    calls: list[float] = field(default_factory=list)

    def rows(self) -> list[DeliveryRow]:
        return self.database.read(lambda connection: deliveries.listing(connection, most=1000))

    def handed(self, channel: str) -> list[int]:
        """When letters were handed to a channel, whether or not they reached anybody; (ms)."""
        query = select(letter.c.handed_at).where(letter.c.channel == channel).order_by(letter.c.handed_at)
        return self.database.read(lambda connection: list(connection.scalars(query)))

    def by_address(self, channel: str) -> Counter[str]:
        """How many letters were handed over for each address."""
        query = select(letter.c.address).where(letter.c.channel == channel)
        return self.database.read(lambda connection: Counter(connection.scalars(query)))


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """With six messages waiting, orange and red in turn; the first four have another way to their person."""
    database = open_database(folder / "state.sqlite")
    made = Desk(database, Writer(database), VirtualClock(T0))

    def put(connection: Any) -> None:
        for number in (*WITH_WAY, *WITHOUT):
            priority = 1 + number % 2
            more = {"group_key": f"device:{number}", "expires": T0 + EXPIRES_MS[priority]}
            way = (("standby", f"1990000{number:04d}"),) if number in WITH_WAY else ()
            whom = To(person=f"p{number}", channel="main", address=f"1380000{number:04d}", fallback=way)
            outbox.put(connection, notice(number, priority, **more), [whom])

    try:
        await made.writer.write(put)
        yield made
    finally:
        await made.writer.close()
        database.close()


def main_channel(kind: str, url: str, **keys: Any) -> Channel:
    channel = make(kind, url, timeout_s=0.1, **keys)
    channel.name = "main"
    return channel


@asynccontextmanager
async def standby() -> AsyncIterator[Channel]:
    """Another way, which works."""
    async with vendor_server(lambda _: web.json_response(OK["stand-in"])) as phone:
        channel = make("stand-in", phone.url)
        channel.name = "standby"
        yield channel
        await channel.close()


async def send(here: Desk, seconds: float, *channels: Channel) -> None:
    await work(sender_of(here.writer, here.clock, *channels), here.clock, seconds, STEP_S)  # type: ignore[arg-type]


def kept_budget(here: Desk, kind: str) -> None:
    """In no minute and in no second more than our share of the vendor's budget, whatever came back; per address and day too."""
    limits, handed = VENDORS[kind].limits, here.handed("main")
    assert handed, "nothing was tried"
    for most, window in ((limits.per_minute, 60_000), (limits.per_second, 1_000)):
        if most:
            assert all(after - before >= window for before, after in zip(handed, handed[most:], strict=False))
    if limits.per_day:
        assert max(here.by_address("main").values()) <= limits.per_day


def used_up(here: Desk, kind: str) -> set[int]:
    """The occurrences whose address the vendor takes no more for today."""
    full = {where for where, count in here.by_address("main").items() if count == VENDORS[kind].limits.per_day}
    return {row.occurrence for row in here.rows() if row.address in full}


def told(here: Desk, channel: str, state: str = "sent") -> set[int]:
    """The occurrences whose delivery on a channel is in that state."""
    return {row.occurrence for row in here.rows() if row.channel == channel and row.state == state}


MATRIX = [
    *((kind, "200 and a code") for kind in KINDS),
    *((kind, "429") for kind in KINDS),
    *((kind, trouble) for kind in ("dingtalk", "aliyun-sms") for trouble in ("500", "200 and a page")),
]


@pytest.mark.parametrize(("kind", "trouble"), MATRIX)
async def test_a_vendor_that_refuses(kind: str, trouble: str, tmp_path: Path) -> None:
    """Protects from a message called sent that nobody got: what was refused is tried again or goes another way."""
    async with desk(tmp_path) as here, standby() as other, vendor_server(TROUBLES[trouble](kind)) as vendor:
        main = main_channel(kind, vendor.url)
        await send(here, TROUBLE_S, main, other)
        assert not told(here, "main")
        assert told(here, "standby") == set(WITH_WAY)
        assert len(vendor.asked) == len(here.handed("main"))
        vendor.behave = lambda _: web.json_response(OK[kind])
        await send(here, REST_S, main, other)
        await main.close()
        kept_budget(here, kind)
        spent = used_up(here, kind)
        assert told(here, "main") | spent >= ORANGE & set(WITHOUT), "an orange one that had no other way"
        assert {row.occurrence for row in here.rows() if row.state in ("queued", "leased", "recalled")} <= spent


@pytest.mark.parametrize("kind", FEW)
async def test_a_vendor_that_hangs(kind: str, tmp_path: Path) -> None:
    """Protects from taking silence for success: it may have arrived, so it is tried again, and goes another way in the end."""

    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with desk(tmp_path) as here, standby() as other, server:
        main = main_channel(kind, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x")
        await send(here, TROUBLE_S, main, other)
        await main.close()
        kept_budget(here, kind)
        assert not told(here, "main")
        assert told(here, "standby") == set(WITH_WAY)


@pytest.mark.parametrize("kind", FEW)
@pytest.mark.parametrize("where", ["refused", "unknown name"])
async def test_a_vendor_that_is_not_there(kind: str, where: str, tmp_path: Path) -> None:
    """Protects the retry and the other way where no connection comes about at all."""
    async with AsyncExitStack() as stack:
        here, other = await stack.enter_async_context(desk(tmp_path)), await stack.enter_async_context(standby())
        taken = stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x" if where == "refused" else "https://nowhere.invalid/x"
        main = main_channel(kind, url)
        await send(here, TROUBLE_S, main, other)
        await main.close()
        kept_budget(here, kind)
        assert not told(here, "main")
        assert told(here, "standby") == set(WITH_WAY)
        assert told(here, "main", "queued") >= ORANGE & set(WITHOUT), "it is tried again"


@pytest.mark.parametrize("kind", FEW)
async def test_a_vendor_whose_certificate_has_expired(kind: str, certificates: Any, tmp_path: Path) -> None:
    """Protects the token: not one request is sent, who has another way is told by it, and the channel is left alone."""
    context = certificates.server("expired")
    async with (
        desk(tmp_path) as here,
        standby() as other,
        vendor_server(lambda _: web.json_response(OK[kind]), context) as vendor,
    ):
        main = main_channel(kind, vendor.url, ca_file=certificates.ca)
        await send(here, TROUBLE_S, main, other)
        await main.close()
        kept_budget(here, kind)
        assert vendor.asked == []
        assert not told(here, "main")
        assert told(here, "standby") == set(WITH_WAY)
        assert len(here.handed("main")) <= 1 + TROUBLE_S / 300
