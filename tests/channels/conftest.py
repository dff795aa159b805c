"""Vendors as their documents describe them, on this machine: real HTTP and TLS servers, certificates made by openssl, letters."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from control.messages.channels.files import KINDS
from control.messages.channels.opening import open_channel
from control.messages.channels.vendors import VENDORS
from control.messages.port import Channel, Letter, Receipt
from lampwell.clock import Clock, VirtualClock

SECRETS = {
    "token": "tok+EN/7f3a9c",
    "secret": "SEC-5b1de=2",
    "key_id": "LTAI-key-id",
    "key_secret": "key-secret-77",
    "url": "",
    "password": "pa$$-word-9",
}
WEB_KINDS = ("dingtalk", "wecom", "feishu", "aliyun-sms", "tencent-sms", "stand-in")
PROBE = "/here"

LETTER = Letter(
    id="delivery-17",
    address="13800138000",
    title="【红】人民路下穿通道积水",
    text="水深 31 cm，超过封路水深 25 cm。21:04 起。",
    priority=1,
    link="https://console.example/o/17",
    mention=("13800138000", "13900139000"),
    template=(
        ("priority", "红色"),
        ("place", "人民路"),
        ("what", "积水"),
        ("value", "31 cm"),
        ("limit", "25 cm"),
        ("time", "21:04"),
    ),
)

OK = {
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "wecom": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"},
    "aliyun-sms": {"Message": "OK", "RequestId": "F655A8D5", "BizId": "9006^0", "Code": "OK"},
    "tencent-sms": {
        "Response": {
            "SendStatusSet": [
                {"SerialNo": "5000:1045", "PhoneNumber": "+8613800138000", "Fee": 1, "Code": "Ok", "Message": "send success"}
            ],
            "RequestId": "a0aabda6",
        }
    },
    "stand-in": {"code": 0, "id": "phone-1"},
}


def letter(**changes: Any) -> Letter:
    return replace(LETTER, **changes)


@dataclass
class Asked:
    """One request as it came."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[Asked], web.StreamResponse]


@dataclass
class Vendor:
    """An HTTP server that answers every POST as ``behave`` says and keeps what it was asked."""

    url: str = ""
    behave: Behaviour = lambda _: web.json_response({})
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.path, dict(request.query), dict(request.headers), await request.read()))
        return self.behave(self.asked[-1])


@asynccontextmanager
async def vendor_server(behave: Behaviour, context: ssl.SSLContext | None = None) -> AsyncIterator[Vendor]:
    vendor = Vendor(behave=behave)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", vendor.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    vendor.url = f"{'https' if context else 'http'}://127.0.0.1:{port}{PROBE}"
    try:
        yield vendor
    finally:
        await runner.cleanup()


Speaker = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(speak: Speaker) -> AsyncIterator[int]:
    """A TCP server that says what ``speak`` says, however wrong; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await speak(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def make(kind: str, url: str, clock: Clock | None = None, secrets: Mapping[str, str] | None = None, **keys: Any) -> Channel:
    """A channel of that kind, opened from its keys as a county would."""
    own: dict[str, Any] = {"id": f"the-{kind}", "kind": kind, "zh": "通道", "en": "channel", "timeout_s": 5.0, "url": url}
    if kind in ("aliyun-sms", "tencent-sms"):
        own |= {"sign_name": "泰和城管", "template": "SMS_1", "key_id_env": "ID", "key_secret_env": "KEY"}
    if kind == "tencent-sms":
        own |= {"app_id": "1400006666", "names": ["place", "what", "number"]}
    if kind in ("dingtalk", "wecom", "feishu"):
        own |= {"token_env": "TOKEN"}
    model = KINDS[kind](**(own | keys))
    named = {name for name, _ in model.SECRETS if getattr(model, f"{name}_env")}
    given = {name: value for name, value in (SECRETS | dict(secrets or {})).items() if name in named}
    if kind == "stand-in":
        given = {"url": url}
    return open_channel(model, VENDORS[kind].limits, given, clock or VirtualClock())


async def post(channel: Channel, what: Letter = LETTER) -> Receipt:
    """Send one letter and close the channel."""
    try:
        return await channel.send(what)
    finally:
        await channel.close()


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    """Every test here runs with all logging on, and none of it may hold a secret."""
    caplog.set_level(logging.DEBUG)
    yield
    text = "\n".join(logging.Formatter().format(record) for record in caplog.get_records("call"))
    for secret in filter(None, SECRETS.values()):
        assert secret not in text


def hides_secrets(receipt: Receipt) -> bool:
    """Nothing of a secret in any field."""
    return not any(secret in repr(receipt) for secret in SECRETS.values() if secret)


# -- certificates --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificates:
    """``ca``: the authority's file. Each server context shows one certificate."""

    ca: str
    folder: Path

    def server(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _issue(folder: Path, name: str, names: str, days: str) -> None:
    (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
    _openssl(
        folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"
    )
    issuer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    _openssl(
        folder, "x509", "-req", "-in", f"{name}.csr", *issuer, "-days", days, "-extfile", f"{name}.ext", "-out", f"{name}.pem"
    )


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = ("-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=county test authority")
    _openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *authority)
    _issue(folder, "good", "IP:127.0.0.1,DNS:localhost", "30")
    _issue(folder, "expired", "IP:127.0.0.1,DNS:localhost", "-1")
    _issue(folder, "elsewhere", "DNS:elsewhere.example", "30")
    return Certificates(str(folder / "ca.pem"), folder)
