"""What became of every message of a run: the outbox as its database has it, against what the vendor received."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.alarm_rig import asked
from control.messages.standin import Received

ENDED = ("sent", "cancelled", "unknown", "expired")
"""States in which a delivery rests, in good order. Expired ones are counted as lost nevertheless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """``sent``: deliveries that the outbox calls sent. ``lost``: of these, not with the vendor, or not ended well. ``untold``:
    occurrences without a message of their rise or of their end. ``twice``: letters that the vendor received once more than once.
    ``doubtful``: deliveries that may have arrived and were left at that.
    """

    sent: int
    lost: int
    untold: int
    twice: int
    doubtful: int


def told(folder: Path, received: Sequence[Received]) -> Told:
    """The comparison. A letter is known by its deliveries, so a repeat has the same id."""
    rows = asked(folder, "SELECT id, channel, letter, state FROM delivery ORDER BY id")
    states = Counter(state for _, _, _, state in rows)
    letters: dict[tuple[str, str], list[int]] = {}
    for number, channel, letter, state in rows:
        if state == "sent":
            letters.setdefault((channel, letter), []).append(number)
    arrived = Counter(one.id for one in received)
    missing = sum(len(numbers) for (channel, _), numbers in letters.items() if letter_id(channel, numbers) not in arrived)
    unended = sum(count for state, count in states.items() if state not in ENDED) + states["expired"]
    return Told(
        sent=states["sent"],
        lost=missing + unended,
        untold=_untold(folder),
        twice=sum(count - 1 for count in arrived.values()),
        doubtful=states["unknown"],
    )


def letter_id(channel: str, deliveries: Sequence[int]) -> str:
    """As ``control.messages.leasing`` names a bundle."""
    return hashlib.sha256(f"{channel}:{sorted(deliveries)}".encode()).hexdigest()[:16]


def _untold(folder: Path) -> int:
    """Alarms whose rise or end is in no message."""
    query = """
        SELECT count(*) FROM occurrence AS o, (SELECT 'raise' AS kind UNION SELECT 'clear') AS k
        WHERE o.key LIKE 'high-%' AND NOT EXISTS
            (SELECT 1 FROM notification AS n WHERE n.occurrence = o.number AND n.kind = k.kind)
    """
    return int(asked(folder, query)[0][0])
