"""Mail, handed to the county's own mail host (RFC 5321, STARTTLS RFC 3207, AUTH RFC 4954).

Spoken on the event loop rather than through smtplib: only so it is known, when time is up, whether the text was already on its
way. The password never goes over an unencrypted line, and a certificate is always checked.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from types import SimpleNamespace
from typing import Literal

from control.messages.channels.http import Cleaner
from control.messages.channels.texts import text_cut
from control.messages.port import Letter, Limits, Outcome, Receipt
from lampwell.clock import Clock

Security = Literal["starttls", "tls", "none"]
_ADDRESS = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.-]+")
_SENDER_REFUSED = (530, 534, 535, 538)  # log in first, or the login was wrong, at whatever command the host says so


class Reply(Exception):
    """The host said something else than hoped for; ``step`` is what was asked of it."""

    def __init__(self, step: str, code: int, text: str) -> None:
        super().__init__(f"{step}: {code}")
        self.step, self.code, self.text = step, code, text


class Smtp:
    """A mail host. ``username`` "" means no login, ``context`` checks its certificate."""

    kind = "smtp"

    def __init__(
        self,
        name: str,
        limits: Limits,
        clock: Clock,
        *,
        host: str,
        port: int,
        security: Security,
        sender: str,
        username: str,
        password: str,
        context: ssl.SSLContext,
        timeout_s: float,
    ) -> None:
        self.name, self.limits = name, limits
        self._clock, self._host, self._port, self._security = clock, host, port, security
        self._sender, self._username, self._password = sender, username, password
        self._context, self._timeout_s = context, timeout_s
        self._clean = Cleaner([password, base64.b64encode(password.encode()).decode()] if password else [])

    async def send(self, letter: Letter) -> Receipt:
        if not _ADDRESS.fullmatch(letter.address):
            return Receipt(outcome=Outcome.DEAD, code="address", reason="邮箱地址无效 not a mail address")
        progress = SimpleNamespace(handed=False)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._deliver(letter, progress)
        except Reply as reply:
            reason = self._clean(f"邮件服务器拒绝 the mail host refused {reply.step}: {reply.code} {reply.text}")
            return Receipt(outcome=_outcome(reply), code=str(reply.code), reason=reason)
        except ssl.SSLCertVerificationError as error:
            return Receipt(outcome=Outcome.BROKEN, code="certificate", reason=f"证书无效 bad certificate: {error.verify_message}")
        except (OSError, EOFError, ValueError) as error:
            return _lost(error, handed=progress.handed)

    async def close(self) -> None:
        """A connection lives as long as one letter."""

    async def _deliver(self, letter: Letter, progress: SimpleNamespace) -> Receipt:
        message = self._message(letter)
        tls = self._context if self._security == "tls" else None
        line = Line(*await asyncio.open_connection(self._host, self._port, ssl=tls, server_hostname=self._host if tls else None))
        try:
            await line.reply("greeting", 220)
            await self._enter(line)
            await line.ask("MAIL", f"MAIL FROM:<{self._sender}>", 250)
            await line.ask("RCPT", f"RCPT TO:<{letter.address}>", 250, 251)
            await line.ask("DATA", "DATA", 354)
            progress.handed = True
            text = await line.text(message)
        finally:
            line.close()
        queued = re.search(r"queued as (\S{1,80})", text)
        return Receipt(outcome=Outcome.SENT, code="250", provider_id=self._clean(queued[1]) if queued else "")

    async def _enter(self, line: Line) -> None:
        """Greet, encrypt, log in."""
        offers = await line.ask("EHLO", "EHLO lampwell", 250)
        if self._security == "starttls":
            if "STARTTLS" not in offers.upper().split():
                raise Reply("STARTTLS", 502, "不支持加密 not offered")
            await line.ask("STARTTLS", "STARTTLS", 220)
            await line.encrypt(self._context, self._host)
            offers = await line.ask("EHLO", "EHLO lampwell", 250)
        if self._username:
            await self._log_in(line, offers.upper())

    async def _log_in(self, line: Line, offers: str) -> None:
        if re.search(r"^AUTH[ =].*\bPLAIN\b", offers, re.MULTILINE):
            await line.ask("AUTH", "AUTH PLAIN " + _base64(f"\0{self._username}\0{self._password}"), 235)
            return
        await line.ask("AUTH", "AUTH LOGIN", 334)
        await line.ask("AUTH", _base64(self._username), 334)
        await line.ask("AUTH", _base64(self._password), 235)

    def _message(self, letter: Letter) -> bytes:
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = self._sender, letter.address
        message["Subject"] = " ".join(letter.title.split())
        message["Date"] = datetime.fromtimestamp(self._clock.now() / 1000, UTC)
        mark = hashlib.sha256(letter.id.encode()).hexdigest()[:32]  # the same at a repeat: mail programs show it once
        message["Message-ID"] = f"<{mark}@{self._sender.rpartition('@')[2]}>"
        if letter.priority == 1:
            message["X-Priority"] = "1"
        text = "\n".join(part for part in (letter.text, letter.link) if part)
        message.set_content(text_cut(text, self.limits), cte="base64")
        return message.as_bytes()


class Line:
    """Commands and replies over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, step: str, command: str, *good: int) -> str:
        """Send a command; the reply's text, a line each. Reply where its code is none of ``good``."""
        self._writer.write(f"{command}\r\n".encode())
        await self._writer.drain()
        return await self.reply(step, *good)

    async def text(self, message: bytes) -> str:
        """Send the message after DATA. None of its lines begins with a dot: its body is base64."""
        self._writer.write(message + b".\r\n")
        await self._writer.drain()
        return await self.reply("text", 250)

    async def reply(self, step: str, *good: int) -> str:
        """Read a reply of one or more lines."""
        lines = []
        for _ in range(100):
            octets = await self._reader.readline()
            if not octets.endswith(b"\n"):
                raise EOFError("the host hung up")
            raw = octets.decode("utf-8", "replace").rstrip()
            lines.append(raw[4:])
            if raw[3:4] != "-" or not raw[:3].isdigit():
                break
        code = int(raw[:3]) if re.match(r"[2-5][0-9]{2}( |$)", raw) else 0
        if code not in good:
            raise Reply(step, code, lines[-1])
        return "\n".join(lines)

    async def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Go on over TLS. What came before it unasked would count as an answer given inside, so nothing may have come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await self._reader.read(1)
                raise Reply("STARTTLS", 0, "多余的回答 more than an answer")
        await self._writer.start_tls(context, server_hostname=host)

    def close(self) -> None:
        """Hang up without waiting: what mattered has been answered."""
        self._writer.close()


def _outcome(reply: Reply) -> Outcome:
    if reply.step == "text" and not reply.code:
        return Outcome.UNKNOWN
    if reply.code < 500:  # 4xx, and what is no reply at all
        return Outcome.RETRY
    if reply.code in _SENDER_REFUSED or reply.step not in ("RCPT", "DATA", "text"):
        return Outcome.BROKEN
    return Outcome.DEAD


def _lost(error: Exception, *, handed: bool) -> Receipt:
    late = "timeout" if isinstance(error, TimeoutError) else "connection"
    if handed:
        return Receipt(outcome=Outcome.UNKNOWN, code=late, reason="已发出, 未得答复 handed over, no answer")
    return Receipt(outcome=Outcome.RETRY, code=late, reason="邮件服务器不可达 the mail host was not reached")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
