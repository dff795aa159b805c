"""Everything that apprise (2.2 or later) can reach: ntfy, Bark and some 170 more, by one secret URL.

Not for DingTalk, WeCom or Feishu robots: apprise takes their refusals for success (domain alarms 0, item 2). Its own pace of
5.5 s between sends belongs to one object, so every letter gets a fresh one; our pace is the sender's.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

import apprise

from control.messages.channels.http import Cleaner
from control.messages.channels.texts import text_cut
from control.messages.port import Letter, Limits, Outcome, Receipt

_CODE = {
    "SUCCESS": Outcome.SENT,
    "FAILURE": Outcome.RETRY,
    "NOMATCH": Outcome.BROKEN,
    "PARTIAL": Outcome.UNKNOWN,
    "TIMEOUT": Outcome.UNKNOWN,
}
_WORDS = {
    Outcome.RETRY: "未能送出 not delivered",
    Outcome.BROKEN: "没有可用的服务 no service that could take it",
    Outcome.UNKNOWN: "可能只送到一部分 it may have arrived, whole or in part",
}


class AppriseChannel:
    """The service behind ``url``. An address may be put into the URL as ``{address}``."""

    kind = "apprise"

    def __init__(self, name: str, limits: Limits, *, url: str, timeout_s: float) -> None:
        self.name, self.limits = name, limits
        self._url, self._timeout_s = url, timeout_s
        self._clean = Cleaner([url])
        for library in ("apprise", "urllib3"):  # their debug lines hold whole URLs
            logging.getLogger(library).setLevel(logging.CRITICAL)

    async def send(self, letter: Letter) -> Receipt:
        service = apprise.Apprise.instantiate(
            self._url.replace("{address}", quote(letter.address, safe="")), suppress_exceptions=True
        )
        if service is None:
            return Receipt(outcome=Outcome.BROKEN, code="address", reason="地址无法识别 apprise does not know this URL")
        service.socket_read_timeout = 2 * self._timeout_s  # so that an answer too late is told as TIMEOUT, not as a refusal
        desk = apprise.Apprise()
        desk.add(service)
        text = text_cut("\n".join(part for part in (letter.text, letter.link) if part), self.limits)
        result = await desk.async_notify(body=text, title=letter.title, timeout=self._timeout_s)
        outcome = _CODE[result.status.name]
        return Receipt(outcome=outcome, code=result.status.name, reason=_WORDS.get(outcome, ""))

    async def close(self) -> None:
        """Nothing is kept open."""
