"""WeCom's group robot 企业微信群机器人: a webhook into one group.

https://developer.work.weixin.qq.com/document/path/91770 (fields; a text of at most 2,048 bytes; @ works in text only, not in
markdown), .../path/90313 (codes). Letters go to the group whatever their address is.
"""

from __future__ import annotations

from control.messages.channels.http import Codes, Http, json_body, token_of
from control.messages.channels.texts import whole_text
from control.messages.port import Letter, Limits, Outcome, Receipt

CODES = Codes(
    vendor="企业微信 WeCom",
    outcomes={
        "93000": Outcome.BROKEN,  # invalid webhook url: the robot is gone or the key is wrong
        "93004": Outcome.BROKEN,  # the robot is switched off
        "93008": Outcome.BROKEN,  # the robot is not in the group
        "40008": Outcome.DEAD,  # no such kind of message
        "40058": Outcome.DEAD,  # a field is not what they expect
        "44004": Outcome.DEAD,  # empty text
        "45002": Outcome.DEAD,  # text too long
    },
    pauses={"45009": 60.0},  # more than 20 in a minute
)


class WeCom:
    """A group's robot."""

    kind = "wecom"

    def __init__(self, name: str, limits: Limits, http: Http, *, url: str, token: str) -> None:
        self.name, self.limits = name, limits
        self._http, self._url, self._key = http, url, token_of(token, "key")

    async def send(self, letter: Letter) -> Receipt:
        text = {"content": whole_text(letter, self.limits), "mentioned_mobile_list": list(letter.mention)}
        answer = await self._http.post(self._url, json_body({"msgtype": "text", "text": text}), params={"key": self._key})
        if isinstance(answer, Receipt):
            return answer
        return self._http.receipt(CODES, answer, answer.body.get("errcode"), answer.body.get("errmsg"))

    async def close(self) -> None:
        await self._http.close()
