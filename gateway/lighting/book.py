"""The memory of an edge node's lighting at work: orders go in, outcomes come out, what is kept goes to the disk in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from gateway.clockwatch import EARLIEST_MS
from gateway.lighting import words
from gateway.lighting.following import Now, follow
from gateway.lighting.hazards import Hazard
from gateway.lighting.kept import Kept, Moves, shifted, text, without_past
from gateway.lighting.orders import Here, take
from gateway.lighting.steady import Reckoned
from gateway.lighting.store import LightingStore
from lampwell.lighting import Override
from lampwell.lighting.model import OFF, Layer
from lampwell.lighting.wire import BadOrder, Outcome, State, read_order

log = logging.getLogger(__name__)

BEAT_S = 60.0
"""How far behind the saved time may be: a lease goes on from there where the clock is lost with the power."""
IDLE_BEAT_S = 3600.0
"""The same where nothing runs out: only that time does not go back over a restart."""


class Book:
    """``kept`` is the present state. Times are epoch ms of the node's steady time; ``now`` is monotonic seconds."""

    def __init__(self, store: LightingStore) -> None:
        self.kept = Kept()
        self._store = store
        self._saved = Kept()
        self._saved_at = float("-inf")
        self._untold: list[Outcome] = []
        self._senders = (0, 0.0)
        self._firm: frozenset[str] = frozenset()

    @property
    def damaged(self) -> bool:
        """There was a state once and it can not be read any more."""
        return self._store.damaged

    async def load(self) -> None:
        """What an earlier life left."""
        self.kept = self._saved = await asyncio.to_thread(self._store.load)
        self._firm = frozenset(one.id for one in self.kept.overrides if one.start >= EARLIEST_MS)

    def move(self, time: Reckoned) -> None:
        """The node's time was set. Leases of an earlier life keep the ends they were given by a time that was known then: how
        long the node was away is no part of them.
        """
        if time.moved:
            self.kept = shifted(self.kept, time.moved, self._firm)
        if time.known and not time.margin_ms:
            self._firm = frozenset()

    def note(self, moves: Moves) -> None:
        """Contactors are to move."""
        self.kept = replace(self.kept, moves=moves)

    def take(self, text: str, here: Here, now: float) -> bool:
        """An order came. True where another plan is in force since."""
        try:
            order = read_order(text)
        except BadOrder as error:
            self._untold += _unreadable(text, error, here.at)
            return False
        before = self.kept.plan_text
        self.kept, said = take(self.kept, order, here)
        self._untold += said
        if order.issued > self.not_before(now):
            self._senders = order.issued, now
        return self.kept.plan_text != before

    def not_before(self, now: float) -> int:
        """What the clocks of those who send orders show at least; 0 where none was heard yet."""
        issued, since = self._senders
        return issued + round((now - since) * 1000) if issued else 0

    def follow(self, now: Now) -> None:
        """See what has become of the orders."""
        self.kept, said = follow(self.kept, now)
        self._untold += said

    def lock_unsafe(self, hazards: Iterable[Hazard], at: int, edge: str) -> None:
        """What is unsafe is locked here too, until a named person releases it."""
        for hazard in hazards:
            free = tuple(one for one in hazard.targets if not self._interlocked(one))
            if not free:
                continue
            log.warning("%s: %s: locked until it is released", words.named(free), hazard.reason.en)
            lock = Override(
                id=f"{hazard.name}-{at}"[-64:],
                layer=Layer.INTERLOCK,
                targets=free,
                level=OFF,
                issued=at,
                start=at,
                who=edge,
                reason=text(hazard.reason),
            )
            self.kept = replace(self.kept, overrides=(*self.kept.overrides, lock))

    def _interlocked(self, target: str) -> bool:
        return any(one.layer is Layer.INTERLOCK for one in self.kept.locks(target))

    def forget(self, at: int, loop_of: Mapping[str, str]) -> None:
        """What is over and done. ``loop_of``: the loops of lamps."""
        self.kept = without_past(self.kept, at, loop_of)

    async def save(self, time: Reckoned, now: float) -> None:
        """At once where something is not to be forgotten; else every minute while a lease runs, every hour otherwise."""
        beat = BEAT_S if any(one.end is not None for one in self.kept.overrides) else IDLE_BEAT_S
        kept = replace(self.kept, saved=time.at if time.known or self.kept.overrides else self.kept.saved)
        if replace(kept, saved=0) == replace(self._saved, saved=0) and now - self._saved_at < beat:
            return
        self._saved_at, self._saved = now, kept
        await asyncio.to_thread(self._store.save, kept)

    def untold(self) -> list[Outcome]:
        """The outcomes since the last time, to be told now."""
        told, self._untold = self._untold, []
        return told


def _unreadable(text: str, error: BadOrder, at: int) -> list[Outcome]:
    """Whoever sent something with an id hears that it is no order."""
    log.warning("%s", error)
    try:
        name = msgspec.json.decode(text, type=dict[str, object]).get("id")
    except msgspec.MsgspecError:
        return []
    if not isinstance(name, str) or not 1 <= len(name) <= 64:
        return []
    return [Outcome(id=name, state=State.REFUSED, at=at, reason=words.bad_order(str(error)))]
