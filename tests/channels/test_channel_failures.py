"""What can go wrong between us and any vendor over HTTP: each failure has its outcome, and only real success is SENT."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from control.messages.channels.files import KINDS
from control.messages.port import Outcome, Receipt

from .conftest import LETTER, OK, SECRETS, WEB_KINDS, Asked, Certificates, hides_secrets, make, post, raw_server, vendor_server

Behave = Callable[[dict[str, Any]], Callable[[Asked], web.StreamResponse]]


def _json(status: int = 200, **headers: str) -> Behave:
    return lambda ok: lambda _: web.json_response(ok, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def _text(text: str, status: int = 200) -> Behave:
    return lambda ok: lambda _: web.Response(text=text, status=status)


def _redirect(ok: dict[str, Any]) -> Callable[[Asked], web.StreamResponse]:
    return lambda asked: (
        web.json_response(ok) if asked.path == "/there" else web.Response(status=307, headers={"Location": "/there"})
    )


TABLE: dict[str, tuple[Behave, Outcome]] = {
    "success": (_json(), Outcome.SENT),
    "429": (_json(429, Retry_After="7"), Outcome.RETRY),
    "500 with a success in it": (_json(500), Outcome.RETRY),
    "500 with a refusal in it": (lambda _: _json(500)({"errcode": 93000, "code": 19001, "Code": "Forbidden"}), Outcome.RETRY),
    "503 page": (_text("<html>busy</html>", 503), Outcome.RETRY),
    "400 with a success in it": (_json(400), Outcome.RETRY),
    "redirect": (_redirect, Outcome.BROKEN),
    "garbage": (_text("\x00\xff<<{{"), Outcome.RETRY),
    "empty": (_text(""), Outcome.RETRY),
    "a list": (_text("[0]"), Outcome.RETRY),
    "no code": (_text('{"ok": true}'), Outcome.RETRY),
    "code null": (_text('{"errcode": null, "code": null, "Code": null, "Response": null}'), Outcome.RETRY),
    "code false": (
        _text('{"errcode": false, "code": false, "Code": false, "Response": {"SendStatusSet": [false]}}'),
        Outcome.RETRY,
    ),
    "no state": (_text('{"Response": {"SendStatusSet": []}}'), Outcome.RETRY),
    "too deep": (_text("[" * 60_000), Outcome.RETRY),
    "too long": (_text('{"errcode": 0, "code": 0, "x": "' + "y" * 200_000 + '"}'), Outcome.RETRY),
    "403 page": (_text("blocked", 403), Outcome.BROKEN),
    "404 page": (_text("no such page", 404), Outcome.BROKEN),
}


@pytest.mark.parametrize("kind", WEB_KINDS)
@pytest.mark.parametrize("case", TABLE)
async def test_every_answer_has_its_outcome(kind: str, case: str) -> None:
    """Protects from taking for success what is none: 2xx and the vendor's own code, both, or it is not SENT."""
    behave, outcome = TABLE[case]
    async with vendor_server(behave(OK[kind])) as vendor:
        receipt = await post(make(kind, vendor.url))
    assert receipt.outcome is outcome
    assert len(vendor.asked) == 1
    assert hides_secrets(receipt)
    assert bool(receipt.reason) == (outcome is not Outcome.SENT)
    if case == "429":
        assert receipt.retry_after_s == 7


async def _swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    while await reader.read(4096):
        pass


async def _hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def _half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{"errcode":0,')
    await writer.drain()


async def _no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x15\x03\x01 SSH-2.0-not-http\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("kind", WEB_KINDS)
@pytest.mark.parametrize("speak", [_swallow, _hang_up, _half_an_answer, _no_http])
async def test_no_whole_answer_after_handing_over_is_unknown(kind: str, speak: Any) -> None:
    """Protects from calling a letter lost, or sent, that may have arrived: nobody knows, and the sender is told so."""
    async with raw_server(speak) as port:
        receipt = await post(make(kind, f"http://127.0.0.1:{port}/x", timeout_s=0.2))
    assert receipt.outcome is Outcome.UNKNOWN
    assert hides_secrets(receipt)


@pytest.mark.parametrize("kind", ["dingtalk", "feishu", "aliyun-sms"])
async def test_a_vendor_that_is_not_reached_is_tried_again(kind: str) -> None:
    """Protects the retry: a refused connection, an unknown name and a port that never shakes hands leave the letter unsent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        refused = await post(make(kind, f"http://127.0.0.1:{taken.getsockname()[1]}/x"))
    unknown = await post(make(kind, "https://nowhere.invalid/x", timeout_s=2.0))
    async with raw_server(_swallow) as port:
        silent = await post(make(kind, f"https://127.0.0.1:{port}/x", timeout_s=0.2))
    for receipt in (refused, unknown, silent):
        assert receipt.outcome is Outcome.RETRY
        assert hides_secrets(receipt)
    assert (refused.code, silent.code) == ("connection", "timeout")


@pytest.mark.parametrize(
    ("certificate", "trusted", "word"),
    [("expired", True, "expired"), ("elsewhere", True, "mismatch"), ("good", False, "unable to get local issuer")],
)
async def test_a_bad_certificate_breaks_the_channel(
    certificates: Certificates, certificate: str, trusted: bool, word: str
) -> None:
    """Protects the token from a stranger, and tells a person why the channel is broken."""
    context = certificates.server(certificate)
    async with vendor_server(lambda _: web.json_response(OK["wecom"]), context) as vendor:
        receipt = await post(make("wecom", vendor.url, ca_file=certificates.ca if trusted else ""))
    assert (receipt.outcome, receipt.code) == (Outcome.BROKEN, "certificate")
    assert word in receipt.reason
    assert vendor.asked == []


async def test_a_good_certificate_is_good(certificates: Certificates) -> None:
    """Protects a county's own authority: with ca_file its proxy is believed."""
    async with vendor_server(lambda _: web.json_response(OK["wecom"]), certificates.server("good")) as vendor:
        receipt = await post(make("wecom", vendor.url, ca_file=certificates.ca))
    assert receipt.outcome is Outcome.SENT


async def test_a_port_that_speaks_no_tls_is_tried_again() -> None:
    """Protects from a wrong BROKEN: what is no certificate problem may pass by itself."""

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    async with raw_server(plain) as port:
        receipt = await post(make("wecom", f"https://127.0.0.1:{port}/x"))
    assert receipt.outcome is Outcome.RETRY


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("dingtalk", lambda told: {"errcode": 300001, "errmsg": told}),
        ("wecom", lambda told: {"errcode": 93000, "errmsg": told}),
        ("feishu", lambda told: {"code": 19001, "msg": told}),
        ("aliyun-sms", lambda told: {"Code": "InvalidAccessKeyId.NotFound", "Message": told}),
        ("tencent-sms", lambda told: {"Response": {"Error": {"Code": "AuthFailure.SecretIdNotFound", "Message": told}}}),
    ],
)
async def test_a_secret_that_the_vendor_repeats_is_taken_out(kind: str, body: Callable[[str], dict[str, Any]]) -> None:
    """Protects secrets from the message log: vendors quote what they refuse, plain or percent-encoded."""
    keys = {"secret_env": "SIGN"} if kind in ("dingtalk", "feishu") else {}
    used = [SECRETS[name] for name, _ in KINDS[kind].SECRETS if name != "secret" or keys]
    told = " ".join([*used, *(quote(secret, safe="") for secret in used)])
    async with vendor_server(lambda _: web.json_response(body(told))) as vendor:
        receipt = await post(make(kind, vendor.url, **keys))
    assert receipt.outcome is Outcome.BROKEN
    assert receipt.reason.endswith(" ".join(["***"] * 2 * len(used)))


async def test_a_proxy_carries_the_post() -> None:
    """Protects the way out of an intranet: the request goes to the proxy, for the vendor's address."""
    async with vendor_server(lambda _: web.json_response(OK["stand-in"])) as proxy:
        channel = make("wecom", "http://127.0.0.1:9/send", proxy=proxy.url.removesuffix("/here"))
        receipt = await post(channel)
    assert proxy.asked[0].headers["Host"] == "127.0.0.1:9"
    assert receipt.outcome is Outcome.RETRY  # the answer was no WeCom's


async def test_a_channel_survives_its_failures() -> None:
    """Protects a channel that sends again after a failure, and closes twice."""
    async with vendor_server(lambda _: web.Response(status=500)) as vendor:
        channel = make("wecom", vendor.url)
        first = await channel.send(LETTER)
        vendor.behave = lambda _: web.json_response(OK["wecom"])
        second = await channel.send(LETTER)
        await channel.close()
        await channel.close()
    assert [first.outcome, second] == [Outcome.RETRY, Receipt(outcome=Outcome.SENT, code="0")]
