"""Mail, against real SMTP servers with and without TLS, and against hosts that misbehave."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from control.messages.channels.files import SmtpFile
from control.messages.channels.opening import open_channel
from control.messages.port import Letter, Limits, Outcome, Receipt
from lampwell.clock import VirtualClock

from .conftest import LETTER, SECRETS, Certificates, hides_secrets, letter, raw_server

MAIL = letter(address="duty@example.gov.cn")


@dataclass
class Host:
    """A mail host: what it answers by command (otherwise it accepts), and what it got."""

    answers: Mapping[str, str] = field(default_factory=dict)
    got: list[EmailMessage] = field(default_factory=list)

    async def handle_MAIL(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        return self.answers.get("DATA", "250 2.0.0 OK: queued as 4XyZ12")

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        good = (data.login, data.password) == (b"lampwell", SECRETS["password"].encode())
        return AuthResult(success=good, handled=False)


@asynccontextmanager
async def mail_host(
    host: Host, context: ssl.SSLContext | None = None, *, implicit: bool = False, **more: Any
) -> AsyncIterator[int]:
    """The port of a running server."""
    loop = asyncio.get_running_loop()
    starttls = None if implicit else context

    def protocol() -> SMTP:
        return SMTP(host, hostname="mail.test", tls_context=starttls, authenticator=host.authenticate, loop=loop, **more)

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def send(port: int, what: Letter = MAIL, limits: Limits = Limits(), **keys: Any) -> Receipt:  # noqa: B008 - frozen
    own: dict[str, Any] = {"id": "mail", "kind": "smtp", "zh": "邮件", "en": "mail", "host": "127.0.0.1", "port": port}
    own |= {"sender": "lampwell@example.gov.cn", "security": "none", "timeout_s": 5.0}
    secrets = {"password": SECRETS["password"]} if "username" in keys else {}
    channel = open_channel(SmtpFile(**(own | keys)), limits, secrets, VirtualClock())
    receipt = await channel.send(what)
    assert hides_secrets(receipt)
    return receipt


async def test_a_mail_arrives_whole() -> None:
    """Protects subject, text and link, in Chinese, and one Message-ID for every repeat of a letter."""
    host = Host()
    async with mail_host(host) as port:
        receipt = await send(port)
        await send(port)
    assert receipt == Receipt(outcome=Outcome.SENT, code="250", provider_id="4XyZ12")
    message, repeat = host.got
    assert (message["Subject"], message["To"], message["X-Priority"]) == (LETTER.title, MAIL.address, "1")
    assert message.get_content().splitlines() == [LETTER.text, LETTER.link]
    assert message["Message-ID"] == repeat["Message-ID"]
    assert message["Date"]


async def test_title_and_text_can_not_add_headers() -> None:
    """Protects the mail's head from a title with line ends, and the text from a line that is a dot."""
    host = Host()
    async with mail_host(host) as port:
        receipt = await send(port, letter(address=MAIL.address, title="a\r\nBcc: x@y.z", text="一\n.\n二", link=""))
    assert receipt.outcome is Outcome.SENT
    assert (host.got[0]["Subject"], host.got[0]["Bcc"]) == ("a Bcc: x@y.z", None)
    assert host.got[0].get_content().splitlines() == ["一", ".", "二"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("mechanisms", [(), ("PLAIN",)])
async def test_login_over_tls(certificates: Certificates, security: str, mechanisms: tuple[str, ...]) -> None:
    """Protects both ways to TLS and both ways to log in (LOGIN where PLAIN is not offered)."""
    host, context = Host(), certificates.server("good")
    more = {"auth_exclude_mechanism": mechanisms, "auth_require_tls": security == "starttls"}
    async with mail_host(host, context, implicit=security == "tls", **more) as port:
        login = {"username": "lampwell", "password_env": "P", "ca_file": certificates.ca}
        receipt = await send(port, security=security, **login)
        wrong = await send(port, security=security, **(login | {"username": "nobody"}))
    assert receipt.outcome is Outcome.SENT
    assert (wrong.outcome, wrong.code) == (Outcome.BROKEN, "535")
    assert len(host.got) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(("certificate", "trusted"), [("good", False), ("expired", True), ("elsewhere", True)])
async def test_a_bad_certificate_breaks_the_channel(
    certificates: Certificates, security: str, certificate: str, trusted: bool
) -> None:
    """Protects the password: it is never said to a host that does not prove who it is."""
    host, context = Host(), certificates.server(certificate)
    async with mail_host(host, context, implicit=security == "tls") as port:
        ca_file = certificates.ca if trusted else ""
        receipt = await send(port, security=security, username="lampwell", password_env="P", ca_file=ca_file)
    assert (receipt.outcome, receipt.code, host.got) == (Outcome.BROKEN, "certificate", [])


async def test_a_host_without_starttls_gets_no_password() -> None:
    """Protects from a stripped STARTTLS: without it nothing more is said."""
    host = Host()
    async with mail_host(host, auth_require_tls=False) as port:
        receipt = await send(port, security="starttls", username="lampwell", password_env="P")
    assert (receipt.outcome, host.got) == (Outcome.BROKEN, [])


@pytest.mark.parametrize(
    ("step", "answer", "outcome"),
    [
        ("MAIL", "451 4.3.0 busy", Outcome.RETRY),
        ("MAIL", "553 5.7.1 not your address", Outcome.BROKEN),
        ("MAIL", "530 5.7.0 log in first", Outcome.BROKEN),
        ("RCPT", "450 4.2.1 greylisted", Outcome.RETRY),
        ("RCPT", "550 5.1.1 no such mailbox", Outcome.DEAD),
        ("RCPT", "530 5.7.0 log in first", Outcome.BROKEN),
        ("DATA", "452 4.3.1 disk full", Outcome.RETRY),
        ("DATA", "554 5.7.1 looks like spam", Outcome.DEAD),
    ],
)
async def test_a_host_that_refuses(step: str, answer: str, outcome: Outcome) -> None:
    """Protects the line between wait, give up this address, and mend the account."""
    async with mail_host(Host({step: answer})) as port:
        receipt = await send(port)
    assert (receipt.outcome, receipt.code) == (outcome, answer[:3])
    assert answer[4:] in receipt.reason


SCRIPTS: dict[str, tuple[list[str], Outcome]] = {
    "silence": ([], Outcome.RETRY),
    "not mail at all": (["SSH-2.0-x\r\n"], Outcome.RETRY),
    "gone for good": (["554 no service here\r\n"], Outcome.BROKEN),
    "closing": (["421 shutting down\r\n"], Outcome.RETRY),
    "hangs up": (["220 hi\r\n", "!"], Outcome.RETRY),
    "silence after the text": (["220 hi\r\n", "250-x\r\n250 y\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"], Outcome.UNKNOWN),
    "garbage after the text": (
        ["220 hi\r\n", "250 y\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "what\r\n"],
        Outcome.UNKNOWN,
    ),
    "hangs up after the text": (["220 hi\r\n", "250 y\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "!"], Outcome.UNKNOWN),
    "endless reply": (["220 hi\r\n", "250-more\r\n" * 500], Outcome.RETRY),
    "endless line": (["220 " + "x" * 200_000], Outcome.RETRY),
}


@pytest.mark.parametrize("case", SCRIPTS)
async def test_a_host_that_misbehaves(case: str) -> None:
    """Protects from hanging, and from a guess where the text was already handed over."""
    lines, outcome = SCRIPTS[case]

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for n, line in enumerate(lines):
            if n:
                await reader.readuntil(b"\r\n.\r\n" if n == 5 else b"\r\n")
            if line == "!":
                return
            writer.write(line.encode())
            await writer.drain()
        await reader.read()

    async with raw_server(speak) as port:
        receipt = await send(port, timeout_s=0.3)
    assert receipt.outcome is outcome


async def test_what_was_said_before_tls_does_not_count() -> None:
    """Protects from answers slipped in before encryption, which would count as the host's own."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"250 STARTTLS\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"220 go\r\n250 AUTH PLAIN\r\n235 welcome\r\n")
        await reader.read()

    async with raw_server(speak) as port:
        receipt = await send(port, security="starttls", timeout_s=0.5)
    assert (receipt.outcome, receipt.code) == (Outcome.RETRY, "0")


@pytest.mark.parametrize("address", ["", "13800138000", "a@b\r\nRCPT TO:<c@d>", "值班@example.cn", "a b@c.d", "<a@b.c>"])
async def test_what_is_no_address_is_refused_here(address: str) -> None:
    """Protects the conversation from commands in an address."""
    assert (await send(9, letter(address=address))).outcome is Outcome.DEAD


async def test_nobody_at_home_is_tried_again() -> None:
    """Protects the retry where the host does not answer, or its name is not known."""
    assert (await send(9)).outcome is Outcome.RETRY
    assert (await send(25, host="nowhere.invalid", security="starttls", timeout_s=2.0)).outcome is Outcome.RETRY
