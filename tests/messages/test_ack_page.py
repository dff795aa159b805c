"""The page behind a link: it shows, it acknowledges once, it tells in plain words why not, and it gives nothing away."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from control.messages import acklink
from control.messages.ackpage import PER_MINUTE, ack_app
from control.messages.pace import Pace
from control.requests import NotDone
from control.rows import AlarmDetail, AlarmRow
from control.store.database import StateBroken
from lampwell.clock import VirtualClock

from .conftest import T0, ZONE, Memory

SECRET = b"s" * 32


@dataclass
class Desk:
    """What the page stands on, and what it was asked."""

    asked: list[tuple[int, str, str]] = field(default_factory=list)
    error: Exception | None = None
    acked_by: str = ""
    place: str = "人民路下穿"

    async def view(self, number: int) -> AlarmDetail:
        if number != 7:
            raise NotDone(f"没有未关闭的报警 there is no open alarm #{number}")
        row = AlarmRow(
            key="red@p1", number=7, state="B", priority=1, zh="积水达封路水深", en="Deep water", place_zh=self.place,
            place_en="Renmin", area="a", device="p1", known=True, value=0.31, limit=0.25, unit="m", raised_at=T0,
            acked_by=self.acked_by,
        )  # fmt: skip
        words = dict.fromkeys(("rule", "cause_zh", "cause_en", "consequence_zh", "consequence_en", "source"), "")
        return AlarmDetail(
            row=row, response_zh="封路", response_en="Close the road", respond_s=60, parents=(), evidence=(), **words
        )

    async def acknowledge(self, occurrence: int, person: str, note: str) -> None:
        if self.error is not None:
            raise self.error
        self.asked.append((occurrence, person, note))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def app(memory: Memory, clock: VirtualClock, desk: Desk) -> FastAPI:
    return ack_app(state=memory, secret=SECRET, clock=clock, zone=ZONE, view=desk.view, acknowledge=desk.acknowledge)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        yield client


@pytest.fixture
def address(memory: Memory) -> str:
    return link(memory)


def link(memory: Memory, number: int = 7, person: str = "wang") -> str:
    return "/a/" + memory.ask(lambda connection: acklink.make(connection, SECRET, number, person, T0))


async def test_a_look_shows_and_changes_nothing(browser: httpx.AsyncClient, desk: Desk, address: str) -> None:
    """Chat programs fetch every address for their previews: fifty looks later the button still works."""
    for method in ("GET", "HEAD", "GET"):
        found = await browser.request(method, address)
        assert found.status_code == 200
    for text in (
        "【红】人民路下穿 积水达封路水深",
        "Renmin: Deep water (red)",
        "0.31 / 0.25 m",
        "#7",
        "处置 response: 封路",
        "确认收到",
    ):
        assert text in found.text
    assert re.search(r"\d\d-\d\d 04:26", found.text)
    assert desk.asked == []


async def test_a_press_acknowledges_once(browser: httpx.AsyncClient, desk: Desk, address: str) -> None:
    """The person of the link, with the note as one line; a second press is told so and does nothing."""
    found = await browser.post(address, data={"note": "已到\n现场 <b>"})
    assert (found.status_code, "已确认 acknowledged #7" in found.text) == (200, True)
    assert desk.asked == [(7, "wang", "已到 现场 <b>")]
    again = await browser.post(address)
    assert (again.status_code, "链接已使用过" in again.text) == (410, True)
    assert (await browser.get(address)).status_code == 410
    assert len(desk.asked) == 1


async def test_two_presses_at_once_are_one(browser: httpx.AsyncClient, desk: Desk, address: str) -> None:
    """A thumb that presses twice."""
    found = await asyncio.gather(*(browser.post(address) for _ in range(5)))
    assert sorted(each.status_code for each in found) == [200, 410, 410, 410, 410]
    assert len(desk.asked) == 1


async def test_late_and_forged_links(browser: httpx.AsyncClient, clock: VirtualClock, desk: Desk, address: str) -> None:
    """Expired is told to whoever had a real link; a forged one learns nothing, not even that."""
    clock.elapsed += 24 * 3_600
    late = await browser.post(address)
    assert (late.status_code, "链接已过期" in late.text) == (410, True)
    for forged in (address[:-2] + "AA", "/a/x", "/a/" + "A" * 32, "/a/%00", "/a/" + "é" * 9):
        for method in ("GET", "POST"):
            found = await browser.request(method, forged)
            assert (found.status_code, "链接无效" in found.text) == (404, True)
    assert desk.asked == []


async def test_what_is_over_or_answered_is_told_in_words(
    browser: httpx.AsyncClient, memory: Memory, desk: Desk, address: str
) -> None:
    """No open alarm; somebody was faster; both without a button that does nothing."""
    over = await browser.get(link(memory, 8))
    assert ("没有未关闭的报警" in over.text, "<form" in over.text) == (True, False)
    desk.acked_by = "张丽<script>"
    answered = await browser.get(address)
    assert ("已由 张丽&lt;script&gt; 确认" in answered.text, "<form" in answered.text) == (True, False)
    desk.error = NotDone("已确认 it is acknowledged already")
    refused = await browser.post(address)
    assert (refused.status_code, "已确认 it is acknowledged already" in refused.text) == (409, True)


@pytest.mark.parametrize("error", [StateBroken("disk /secret/path"), ValueError("secret detail")])
async def test_a_link_is_not_used_up_by_a_failure(browser: httpx.AsyncClient, desk: Desk, address: str, error: Exception) -> None:
    """The database was away, or there is a fault of ours: plain words, no detail, and the same link works afterwards."""
    desk.error = error
    failed = await browser.post(address)
    assert failed.status_code in (500, 503)
    assert "secret" not in failed.text
    desk.error = None
    assert (await browser.post(address)).status_code == 200


async def test_every_answer_is_locked_down(browser: httpx.AsyncClient, desk: Desk, address: str) -> None:
    """No script, no framing, no keeping, no referrer, no index: on the page, on errors, on what does not exist."""
    desk.place = "<img src=x onerror=alert(1)>"
    answers = [
        await browser.get(address),
        await browser.get("/a/x"),
        await browser.get("/"),
        await browser.get("/docs"),
        await browser.get("/openapi.json"),
        await browser.put(address),
        await browser.post(address, content=b"x" * 5_000),
    ]
    assert [each.status_code for each in answers] == [200, 404, 404, 404, 404, 405, 413]
    for found in answers:
        assert found.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
        assert "unsafe" not in found.headers["content-security-policy"]
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["x-robots-tag"] == "noindex, nofollow"
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["content-type"].startswith("text/html")
        assert "<script" not in found.text
        assert "<img" not in found.text
        assert "style=" not in found.text
    assert desk.asked == []


async def test_a_note_is_taken_as_text_only(browser: httpx.AsyncClient, memory: Memory, desk: Desk) -> None:
    """Not UTF-8, too many fields, control characters, too long: never an error, never more than 200 characters."""
    for body in (b"note=%ff%fe", b"&".join(b"a=%d" % n for n in range(50)), b"note=%00%1b[31m", b"note=" + b"x" * 3_000, b"\xff"):
        assert (await browser.post(link(memory), content=body)).status_code == 200
    assert all(len(note) <= 200 and note.isprintable() for _, _, note in desk.asked)


async def test_a_flood_from_one_address_is_slowed(browser: httpx.AsyncClient, clock: VirtualClock, address: str) -> None:
    """Guessing is hopeless, and one address does not keep the others out for longer than a minute."""
    codes = [(await browser.get("/a/x")).status_code for _ in range(PER_MINUTE + 5)]
    assert codes == [404] * PER_MINUTE + [429] * 5
    assert (await browser.post(address)).headers["retry-after"] == "60"
    clock.elapsed += 60
    assert (await browser.post(address)).status_code == 200


def test_the_pace_is_kept_by_network_and_forgets(clock: VirtualClock) -> None:
    """One IPv6 network is one address; others are not held up; memory is bounded."""
    pace = Pace(clock, per_minute=2, most=3)
    assert [pace.allows(f"2001:db8::{n}") for n in range(3)] == [True, True, False]
    assert pace.allows("2001:db8:1::1")
    assert pace.allows("fe80::1%eth0")
    assert pace.allows("not an address")
    assert [pace.allows("10.0.0.1") for _ in range(3)] == [True, True, False]
    assert len(pace._seen) == 3
    clock.elapsed += 60
    assert pace.allows("10.0.0.1")


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """On a real socket, as in service."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it no other way
        await asyncio.sleep(0.005)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def test_over_a_real_socket(app: FastAPI, desk: Desk, address: str) -> None:
    """A phone's way: look, preview (HEAD has no body), press, done; a body of a megabyte is refused while it comes."""
    async with served(app) as url, httpx.AsyncClient(base_url=url) as phone:
        assert "确认收到" in (await phone.get(address)).text
        preview = await phone.head(address)
        assert (preview.status_code, preview.text) == (200, "")
        assert (await phone.post(address, content=b"n" * 1_000_000)).status_code == 413
        assert (await phone.post(address, data={"note": "出发"})).status_code == 200
    assert desk.asked == [(7, "wang", "出发")]
