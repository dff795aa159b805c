"""The outer dead-man's switch: an address outside is called while the sender works, and shouts when the calls stop.

Any service of the kind "call me every minute" will do: a second machine, a relay, healthchecks (domain alarms 2.2, rule 10).
"""

from __future__ import annotations

import logging

from control.messages.channels.http import Http, json_body

log = logging.getLogger(__name__)


class Pulse:
    """``url`` may hold a token: it is never logged."""

    def __init__(self, url: str, http: Http) -> None:
        self._url, self._http = url, http
        self._fine = True

    async def beat(self) -> None:
        """Call once. A first failure in a row is logged, nothing is raised."""
        answer = await self._http.post(self._url, json_body({"service": "lampwell sender"}))
        status = getattr(answer, "status", 0)
        fine = 200 <= status < 300
        if self._fine and not fine:
            reason = f"answers {status}" if status else getattr(answer, "reason", "")
            log.warning("the watcher outside is not reached and will raise its alarm: %s", reason)
        elif fine and not self._fine:
            log.info("the watcher outside is reached again")
        self._fine = fine

    async def close(self) -> None:
        """Release the connection."""
        await self._http.close()
