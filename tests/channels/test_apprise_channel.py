"""apprise, with its own json:// service and ntfy against a server here: its words become our outcomes."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from control.messages.channels.apprise_channel import AppriseChannel
from control.messages.port import Limits, Outcome

from .conftest import LETTER, SECRETS, hides_secrets, letter, vendor_server

TOKEN = SECRETS["key_secret"]


def channel(url: str, timeout_s: float = 5.0) -> AppriseChannel:
    return AppriseChannel("push", Limits(text_chars=2_000), url=url, timeout_s=timeout_s)


def local(url: str, scheme: str) -> str:
    return f"{scheme}://{url.removeprefix('http://').partition('/')[0]}"


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, Outcome.SENT), (500, Outcome.RETRY), (403, Outcome.RETRY), (429, Outcome.RETRY)]
)
async def test_its_result_becomes_our_outcome(status: int, outcome: Outcome) -> None:
    """Protects the mapping of AppriseResult, and what is sent."""
    async with vendor_server(lambda _: web.json_response({}, status=status)) as vendor:
        receipt = await channel(f"{local(vendor.url, 'json')}/{TOKEN}").send(LETTER)
    assert receipt.outcome is outcome
    assert hides_secrets(receipt)
    body = vendor.asked[0].json()
    assert (body["title"], body["message"]) == (LETTER.title, f"{LETTER.text}\n{LETTER.link}")


async def test_ntfy_by_address() -> None:
    """Protects {address} in the URL: one channel, a topic for each person."""
    async with vendor_server(lambda _: web.json_response({"id": "x", "event": "message"})) as vendor:
        receipt = await channel(f"{local(vendor.url, 'ntfy')}/{{address}}").send(letter(address="duty-zhang"))
    assert receipt.outcome is Outcome.SENT
    assert vendor.asked[0].json()["topic"] == "duty-zhang"


async def test_its_pace_holds_nobody_up() -> None:
    """Protects from its 5.5 s between sends: ours is the sender's business."""
    async with vendor_server(lambda _: web.json_response({})) as vendor:
        push = channel(local(vendor.url, "json"))
        async with asyncio.timeout(5):
            receipts = [await push.send(LETTER) for _ in range(3)]
    assert [receipt.outcome for receipt in receipts] == [Outcome.SENT] * 3


async def test_no_answer_in_time_is_unknown() -> None:
    """Protects from a silent double: it had the message and only its answer is late."""
    release = asyncio.Event()

    async def late(request: web.Request) -> web.Response:
        await release.wait()
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/", late)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receipt = await channel(f"json://127.0.0.1:{runner.addresses[0][1]}/", timeout_s=0.3).send(LETTER)
    release.set()
    await runner.cleanup()
    assert (receipt.outcome, receipt.code) == (Outcome.UNKNOWN, "TIMEOUT")


@pytest.mark.parametrize("url", ["", "nothing", f"nosuchservice://{TOKEN}"])
async def test_a_url_it_does_not_know_breaks_the_channel(url: str) -> None:
    """Protects a person from searching: the URL is the fault, and is not told."""
    receipt = await channel(url).send(LETTER)
    assert receipt.outcome is Outcome.BROKEN
    assert hides_secrets(receipt)


async def test_nobody_at_home_is_tried_again() -> None:
    """Protects the retry."""
    assert (await channel("json://127.0.0.1:9/").send(LETTER)).outcome is Outcome.RETRY
