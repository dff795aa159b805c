"""DingTalk's custom robot 钉钉自定义机器人: a webhook into one group.

https://open.dingtalk.com/document/orgapp/custom-robot-access (fields, signature), .../custom-robots-send-group-messages (codes).
Letters go to the group whatever their address is; ``mention`` calls members out by their phone numbers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from control.messages.channels.http import Codes, Http, json_body, token_of
from control.messages.channels.texts import text_cut, whole_text
from control.messages.port import Letter, Limits, Outcome, Receipt
from lampwell.clock import Clock

CODES = Codes(
    vendor="钉钉 DingTalk",
    outcomes={
        "300001": Outcome.BROKEN,  # token is not exist
        "300005": Outcome.BROKEN,  # the same, as the service answers today
        "310000": Outcome.BROKEN,  # signature, time, keyword or IP does not pass the robot's security settings
        "400013": Outcome.BROKEN,  # the group was dissolved
        "400101": Outcome.BROKEN,  # no such access_token
        "400102": Outcome.BROKEN,  # the robot is switched off
        "400106": Outcome.BROKEN,  # no such robot
        "40035": Outcome.DEAD,  # the message is not what they expect
        "400105": Outcome.DEAD,  # no such kind of message
        "430101": Outcome.DEAD,  # unsafe link
        "430102": Outcome.DEAD,  # unsuitable text
        "430103": Outcome.DEAD,  # unsuitable picture
        "430104": Outcome.DEAD,  # unsuitable text and picture
        "460101": Outcome.DEAD,  # message too long
    },
    pauses={"130101": 600.0, "410100": 600.0, "660026": 600.0},  # throttled: ten minutes of silence
)


def sign(timestamp_ms: int, secret: str) -> str:
    """Base64 of HMAC-SHA256 over time and secret, keyed with the secret. Time: ms, within an hour of the vendor's."""
    digest = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class DingTalk:
    """A group's robot. ``secret`` is the one of 加签, "" where the robot checks a keyword or the IP instead."""

    kind = "dingtalk"

    def __init__(
        self,
        name: str,
        limits: Limits,
        http: Http,
        clock: Clock,
        *,
        url: str,
        token: str,
        secret: str = "",
        markdown: bool = False,
    ) -> None:
        self.name, self.limits = name, limits
        self._http, self._clock = http, clock
        self._url, self._token, self._secret = url, token_of(token, "access_token"), secret
        self._markdown = markdown

    async def send(self, letter: Letter) -> Receipt:
        params = {"access_token": self._token}
        if self._secret:
            now = self._clock.now()
            params |= {"timestamp": str(now), "sign": sign(now, self._secret)}
        answer = await self._http.post(self._url, json_body(self._message(letter)), params=params)
        if isinstance(answer, Receipt):
            return answer
        return self._http.receipt(CODES, answer, answer.body.get("errcode"), answer.body.get("errmsg"))

    async def close(self) -> None:
        await self._http.close()

    def _message(self, letter: Letter) -> dict[str, Any]:
        """The numbers stand in the text too: only then the group shows whom it calls."""
        calls = " ".join(f"@{number}" for number in letter.mention)
        text = whole_text(letter, self.limits, calls)
        message: dict[str, Any] = {"at": {"atMobiles": list(letter.mention), "isAtAll": False}}
        if not self._markdown:
            return message | {"msgtype": "text", "text": {"content": text}}
        lines = text_cut(text.replace("\n", "  \n"), self.limits)  # two spaces keep a line's end in markdown
        return message | {"msgtype": "markdown", "markdown": {"title": letter.title or letter.text[:20], "text": lines}}
