"""What every HTTP channel shares: one post, and a Receipt from its answer or from the reason why there is none.

Success is HTTP 2xx **and** the vendor's own code for it (domain alarms 2.2, rule 4): group robots answer 200 to what they refuse.
Redirects are not followed, since the address holds the token. A connection is never used twice: a robot is spoken to a few times
a minute, and a connection that died between two letters would leave the second one in doubt.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import aiohttp

from control.messages.port import Outcome, Receipt

MAX_ANSWER = 65_536
_NOT_OURS = {
    401: "未授权 unauthorised",
    403: "被拒绝 forbidden",
    404: "没有此地址 no such address",
    407: "代理要求登录 proxy wants a login",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; ``body`` is {} where it was no JSON object."""

    status: int
    body: Mapping[str, Any]
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A vendor's codes. ``outcomes`` by code, or by what stands before its first dot; a code that is not in it may work later.
    ``pauses``: seconds the vendor stays silent after a code.
    """

    vendor: str
    good: str = "0"
    outcomes: Mapping[str, Outcome]
    pauses: Mapping[str, float] = field(default_factory=dict)


def json_body(value: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def token_of(secret: str, parameter: str = "") -> str:
    """The token of a webhook: people keep the token, or the whole address with the token as a parameter or as its last part."""
    if "://" not in secret:
        return secret
    address = urlsplit(secret)
    found = parse_qs(address.query).get(parameter, [""])[0]
    return found or address.path.rstrip("/").rpartition("/")[2]


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Certificates and host names are always checked; ``ca_file`` adds a county's own authority (OSError: it can not be read)."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


class Cleaner:
    """Takes secrets out of text that others wrote, also where they come back percent-encoded."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote_plus(secret), quote(secret))
        }
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: object) -> str:
        """One short line."""
        line = " ".join(str(text).split())
        for form in self._forms:
            line = line.replace(form, "***")
        return "".join(each for each in line if each.isprintable())[:200]


class Http:
    """One session for one channel, opened when first used."""

    def __init__(
        self, *, timeout_s: float, secrets: Iterable[str] = (), context: ssl.SSLContext | None = None, proxy: str = ""
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._clean = Cleaner(secrets)
        self._context = context
        self._proxy = proxy or None
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
    ) -> Answer | Receipt:
        """Post once; a Receipt where no whole answer came."""
        headers = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        progress = SimpleNamespace(handed=False)
        try:
            async with self._opened().post(
                url,
                data=body,
                headers=headers,
                params=params,
                proxy=self._proxy,
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                return await _read(response)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            return self._failed(error, handed=progress.handed)

    def receipt(self, codes: Codes, answer: Answer, code: object, message: object = "", provider_id: object = "") -> Receipt:
        """What the vendor's answer means; ``code``, ``message`` and ``provider_id`` as they stand in its body."""
        text = self._clean(code) if isinstance(code, int | str) and not isinstance(code, bool) else ""
        outcome, words = _judged(codes, answer.status, text)
        shown = self._clean(f"{codes.vendor} {words} {message or ''}") if outcome is not Outcome.SENT else ""
        pause = answer.retry_after_s if answer.retry_after_s is not None else codes.pauses.get(text)
        return Receipt(
            outcome=outcome,
            code=text or str(answer.status),
            reason=shown,
            provider_id=self._clean(provider_id or ""),
            retry_after_s=pause if outcome is Outcome.RETRY else None,
        )

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_handed)
            connector = aiohttp.TCPConnector(force_close=True, ssl=self._context or True)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, trace_configs=[trace])
        return self._session

    def _failed(self, error: Exception, *, handed: bool) -> Receipt:
        """The error's own text may hold the address, and with it the token: only known parts of it are told."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            detail = getattr(error.certificate_error, "verify_message", "")
            return Receipt(outcome=Outcome.BROKEN, code="certificate", reason=self._clean(f"证书无效 bad certificate: {detail}"))
        if isinstance(error, aiohttp.InvalidURL):
            return Receipt(outcome=Outcome.BROKEN, code="address", reason="地址无效 the address is not valid")
        late = isinstance(error, TimeoutError)
        if handed:
            reason = (
                "已发出, 超时未答 handed over, no answer in time" if late else "已发出, 连接中断 handed over, connection lost"
            )
            return Receipt(outcome=Outcome.UNKNOWN, code="timeout" if late else "connection", reason=reason)
        if late:
            return Receipt(outcome=Outcome.RETRY, code="timeout", reason="连接超时 no connection in time")
        cause = getattr(error, "os_error", None)
        detail = (cause.strerror if isinstance(cause, OSError) else "") or ""
        return Receipt(outcome=Outcome.RETRY, code="connection", reason=self._clean(f"无法连接 not reached: {detail}"))


async def _handed(_session: object, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.handed = True


async def _read(response: aiohttp.ClientResponse) -> Answer:
    raw = bytearray()
    async for piece in response.content.iter_any():
        raw += piece
        if len(raw) > MAX_ANSWER:
            break
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    wish = response.headers.get("Retry-After", "")
    return Answer(
        status=response.status,
        body=body if isinstance(body, dict) else {},
        retry_after_s=float(wish) if wish.isascii() and wish.isdigit() and len(wish) < 6 else None,
    )


def _judged(codes: Codes, status: int, code: str) -> tuple[Outcome, str]:
    if status == 429:
        return Outcome.RETRY, "限流 too many requests (429)"
    if status >= 500:
        return Outcome.RETRY, f"对方故障 failure at the vendor ({status})"
    if 300 <= status < 400:
        return Outcome.BROKEN, f"被转到别处 redirected elsewhere ({status})"
    if not code:
        words = _NOT_OURS.get(status)
        return (Outcome.BROKEN, f"{words} ({status})") if words else (Outcome.RETRY, f"回答无法识别 unreadable answer ({status})")
    if code == codes.good:
        return (Outcome.SENT, "") if 200 <= status < 300 else (Outcome.RETRY, f"回答矛盾 contradictory answer ({status})")
    outcome = codes.outcomes.get(code) or codes.outcomes.get(code.partition(".")[0], Outcome.RETRY)
    return outcome, f"拒收 refused ({code}):"
