"""Feishu's custom bot 飞书自定义机器人: a webhook into one group.

https://open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN (fields, signature, codes). It knows members by Feishu ids, not
by phone numbers, so nobody is called out. Letters go to the group whatever their address is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import quote

from control.messages.channels.http import Codes, Http, json_body, token_of
from control.messages.channels.texts import whole_text
from control.messages.port import Letter, Limits, Outcome, Receipt
from lampwell.clock import Clock

CODES = Codes(
    vendor="飞书 Feishu",
    outcomes={
        "19001": Outcome.BROKEN,  # the token is not valid
        "19007": Outcome.BROKEN,  # the bot is switched off
        "19021": Outcome.BROKEN,  # the signature does not match, or our clock is more than an hour off
        "19022": Outcome.BROKEN,  # our IP is not allowed
        "19024": Outcome.BROKEN,  # no keyword of the bot's security settings in the text
        "19002": Outcome.DEAD,  # a field is not what they expect
        "9499": Outcome.DEAD,  # bad request: so too a body of more than 20 KB
    },
    pauses={"11232": 60.0},  # more than 100 a minute or 5 a second, or busy at :00 and :30
)


def sign(timestamp_s: int, secret: str) -> str:
    """Base64 of HMAC-SHA256 over nothing, keyed with time and secret. Time: whole seconds, within an hour of the vendor's."""
    return base64.b64encode(hmac.new(f"{timestamp_s}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


class Feishu:
    """A group's bot. ``secret`` is the one of 签名校验, "" where the bot checks a keyword or the IP instead."""

    kind = "feishu"

    def __init__(self, name: str, limits: Limits, http: Http, clock: Clock, *, url: str, token: str, secret: str = "") -> None:
        self.name, self.limits = name, limits
        self._http, self._clock, self._secret = http, clock, secret
        self._url = f"{url.rstrip('/')}/{quote(token_of(token), safe='')}"

    async def send(self, letter: Letter) -> Receipt:
        message: dict[str, Any] = {"msg_type": "text", "content": {"text": whole_text(letter, self.limits)}}
        if self._secret:
            now = self._clock.now() // 1000
            message |= {"timestamp": str(now), "sign": sign(now, self._secret)}
        answer = await self._http.post(self._url, json_body(message))
        if isinstance(answer, Receipt):
            return answer
        code = answer.body.get("code", answer.body.get("StatusCode"))  # its older answers hold the second only
        return self._http.receipt(CODES, answer, code, answer.body.get("msg"))

    async def close(self) -> None:
        await self._http.close()
