"""The page behind a link: what the alarm is, and one button to acknowledge it. No script, no login, nothing to remember.

Looking never acknowledges, however often a chat program fetches the address for its preview (domain alarms 2.2, rule 9). The
address is a secret for as long as it is good: serve this without an access log (``uvicorn --no-access-log``), behind TLS.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from html import escape
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from control.messages import acklink
from control.messages.acklink import Link, Why
from control.messages.compose import COLOURS
from control.messages.pace import Pace
from control.messages.state import State
from control.requests import NotDone
from control.rows import AlarmDetail
from control.store.database import StateError
from lampwell.clock import Clock
from lampwell.times import local

log = logging.getLogger(__name__)

MOST_BODY, MOST_NOTE, BODY_S = 4_096, 200, 10.0
PER_MINUTE = 30
"""Requests from one address: enough for a crew behind one mobile gateway, too few to guess anything."""
_STYLE = (
    "body{font:18px/1.6 sans-serif;max-width:32em;margin:0 auto;padding:1em;color:#222;background:#f4f4f4}"
    "h1{font-size:1.3em}.bar{height:.6em}.p1{background:#c00}.p2{background:#e70}.p3{background:#da0}.p4{background:#26c}"
    "button{width:100%;padding:1em;font-size:1.3em;border:0;border-radius:.4em;background:#222;color:#fff}"
    "input{width:100%;box-sizing:border-box;padding:.7em;font-size:1em;margin:.5em 0 1em}small{color:#666}"
)
_CSP = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STATUS = {Why.UNKNOWN: 404, Why.USED: 410, Why.EXPIRED: 410}
_WORDS = {
    404: "没有此页 there is no such page",
    408: "传输过慢 this took too long",
    405: "不支持此操作 this can not be done here",
    413: "内容过长 this is too long",
    429: "请求过多, 请一分钟后再试 too many requests, try again in a minute",
    503: "系统暂时无法记录, 请稍后再试 it can not be kept just now, try again in a moment",
}
_LOST = "出错了, 请电话确认 something went wrong, please acknowledge by phone"

View = Callable[[int], Awaitable[AlarmDetail]]
"""One open occurrence by its number. NotDone where it is over."""
Acknowledging = Callable[[int, str, str], Awaitable[object]]
"""(occurrence, person, note). NotDone says why not, in words for people; StateError: not kept, try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What the routes stand on."""

    state: State
    secret: bytes
    clock: Clock
    zone: tzinfo
    view: View
    acknowledge: Acknowledging


def ack_app(*, state: State, secret: bytes, clock: Clock, zone: tzinfo, view: View, acknowledge: Acknowledging) -> FastAPI:
    """``GET`` and ``POST /a/{token}``; everything else is refused in plain words."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    page = _Page(state=state, secret=secret, clock=clock, zone=zone, view=view, acknowledge=acknowledge)
    pace = Pace(clock, per_minute=PER_MINUTE)

    @app.middleware("http")
    async def _guarded(request: Request, proceed: Callable[[Request], Awaitable[HTMLResponse]]) -> HTMLResponse:
        if not pace.allows(request.client.host if request.client else ""):
            return _said(429, _WORDS[429])
        try:
            return await proceed(request)
        except StateError as error:
            log.warning("the page waits for its database: %s", error)
            return _said(503, _WORDS[503])
        except Exception:
            log.exception("the page has a fault of its own")
            return _said(500, _LOST)

    @app.exception_handler(HTTPException)
    async def _refused(_request: Request, error: HTTPException) -> HTMLResponse:
        return _said(error.status_code, _WORDS.get(error.status_code, _WORDS[404]))

    @app.api_route("/a/{token}", methods=["GET", "HEAD"])
    async def _shown(token: str) -> HTMLResponse:
        return await _show(page, token)

    @app.post("/a/{token}")
    async def _pressed(token: str, request: Request) -> HTMLResponse:
        return await _acknowledge(page, token, _note(await _body(request)))

    return app


async def _show(page: _Page, token: str) -> HTMLResponse:
    found = await page.state.read(lambda connection: acklink.look(connection, page.secret, token, page.clock.now()))
    if isinstance(found, Why):
        return _said(_STATUS[found], str(found))
    try:
        alarm = await page.view(found.occurrence)
    except NotDone as error:
        return _said(200, str(error))
    return _answer(200, _alarm(alarm, page.zone) + (_done(alarm) if alarm.row.acked_by else _FORM))


async def _acknowledge(page: _Page, token: str, note: str) -> HTMLResponse:
    """Used first, so that it is used once; given back where the acknowledgement could not be kept."""
    now = page.clock.now()
    found = await page.state.write(lambda connection: acklink.use(connection, page.secret, token, now))
    if not isinstance(found, Link):
        return _said(_STATUS[found], str(found))
    try:
        await page.acknowledge(found.occurrence, found.person, note)
    except NotDone as error:
        return _said(409, str(error))
    except BaseException:
        await page.state.write(partial(acklink.give_back, token=token))
        raise
    return _said(200, f"已确认 acknowledged #{found.occurrence}")


async def _body(request: Request) -> bytes:
    """HTTPException 413 for more than a note needs, 408 for a sender that dawdles (real seconds: it is a socket)."""
    taken = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                taken += piece
                if len(taken) > MOST_BODY:
                    raise HTTPException(413)
    except TimeoutError:
        raise HTTPException(408) from None
    return bytes(taken)


def _note(body: bytes) -> str:
    """What was written in the form, one line; "" where it is none of ours."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=4)
    except ValueError:
        return ""
    line = " ".join("".join(fields.get("note", [])).split())
    return "".join(each for each in line if each.isprintable())[:MOST_NOTE]


# -- what is shown ---------------------------------------------------------------------------------------------------------------

_FORM = (
    '<form method="post"><label>备注 note (可不填 optional)<input name="note" maxlength="200" autocomplete="off"></label>'
    '<button type="submit">确认收到 Acknowledge</button></form>'
)


def _alarm(alarm: AlarmDetail, zone: tzinfo) -> str:
    row, colour = alarm.row, COLOURS[alarm.row.priority]
    when = "" if row.raised_at is None else f"{local(row.raised_at, zone):%m-%d %H:%M} "
    value = "" if row.limit is None or isinstance(row.value, str | None) else f"{row.value:g} / {row.limit:g} {row.unit}".rstrip()
    lines = [f"{row.place_en}: {row.en} ({colour[1]})", f"{when}#{row.number}"]
    lines += [f"值/限 value/limit: {value}"] if value else []
    lines += [f"处置 response: {alarm.response_zh} {alarm.response_en}"] if alarm.response_zh else []
    head = f'<div class="bar p{row.priority}"></div><h1>【{colour[0]}】{escape(row.place_zh)} {escape(row.zh)}</h1>'
    return head + "".join(f"<p>{escape(line)}</p>" for line in lines)


def _done(alarm: AlarmDetail) -> str:
    return f"<p><b>已由 {escape(alarm.row.acked_by)} 确认 acknowledged already</b></p>"


def _said(status: int, words: str) -> HTMLResponse:
    return _answer(status, f"<h1>{escape(words)}</h1>")


def _answer(status: int, inner: str) -> HTMLResponse:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
    head += f"<title>报警确认</title><style>{_STYLE}</style>"
    html = f'<!doctype html><html lang="zh-CN"><head>{head}</head><body>{inner}</body></html>'
    return HTMLResponse(html, status, headers=_HEADERS | ({"Retry-After": "60"} if status in (429, 503) else {}))
