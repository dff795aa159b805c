"""Alarms about the alarms' own messages: a silent sender, a broken channel (domain alarms 2.2, rules 3 and 10)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection

from control.alarms.derived import Messages
from control.ear import Ear
from control.messages.channel_notes import channel_notes
from control.messages.sender import SILENT_MS, silent_for
from control.store.errors import StateError
from control.store.writer import Writer
from lampwell.clock import Clock

log = logging.getLogger(__name__)

LOOK_S = 15.0


class Postbox:
    """Looks at what the sender, wherever it runs, has left in the database. Silence counts from this one's own start at most."""

    def __init__(self, ear: Ear, writer: Writer, clock: Clock) -> None:
        self._ear, self._writer, self._clock = ear, writer, clock

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        started = self._clock.now()
        while True:
            await self._clock.sleep(LOOK_S)
            now = self._clock.now()
            try:
                silent_ms, broken = await self._writer.read(partial(_seen, now=now))
            except StateError as error:
                log.debug("nothing is known of the sender: %s", error)
                self._ear.tell(self._ear.watch.messages(None, now))
                continue
            here_ms = now - started
            silent_ms = here_ms if silent_ms is None else min(silent_ms, here_ms)
            known = Messages(silent_s=silent_ms / 1000, most_s=SILENT_MS / 1000, broken=broken)
            self._ear.tell(self._ear.watch.messages(known, now))


def _seen(connection: Connection, now: int) -> tuple[int | None, Mapping[str, str]]:
    """How long no sender has shown itself (ms, None = none ever has), and why channels are broken."""
    notes = channel_notes(connection)
    return silent_for(connection, now), {name: one.reason for name, one in notes.items() if one.broken_since is not None}
