"""A stand-in for a real channel: a local webhook on this machine, which the demo shows as a phone.

It gets ``{"id", "channel", "address", "title", "text", "priority", "link"}`` as JSON and must answer 2xx with ``{"code": 0}``,
and may add an ``id`` of its own. Code -1 says that the channel does not work until someone mends it, -2 that this address takes
nothing; any other code is a refusal that may work later.
"""

from __future__ import annotations

from control.messages.channels.http import Codes, Http, json_body
from control.messages.channels.texts import text_cut
from control.messages.port import Letter, Limits, Outcome, Receipt

CODES = Codes(vendor="演示手机 stand-in", outcomes={"-1": Outcome.BROKEN, "-2": Outcome.DEAD})


class StandIn:
    """The webhook at ``url``; ``like``: the kind of channel it stands for, "" = none in particular."""

    kind = "stand-in"

    def __init__(self, name: str, limits: Limits, http: Http, *, url: str, like: str = "") -> None:
        self.name, self.limits, self.like = name, limits, like
        self._http, self._url = http, url

    async def send(self, letter: Letter) -> Receipt:
        body = {
            "id": letter.id,
            "channel": self.name,
            "address": letter.address,
            "title": letter.title,
            "text": text_cut(letter.text, self.limits),
            "priority": letter.priority,
            "link": letter.link,
        }
        answer = await self._http.post(self._url, json_body(body))
        if isinstance(answer, Receipt):
            return answer
        return self._http.receipt(CODES, answer, answer.body.get("code"), answer.body.get("message"), answer.body.get("id"))

    async def close(self) -> None:
        await self._http.close()
