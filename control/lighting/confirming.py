"""The second word for what changes much: the first answer has a token and nothing is done; said again with it, it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex

from control.requests import NotDone

CONFIRM_MS = 300_000
"""So long the second word may take; a restart forgets the first."""


@dataclass(slots=True)
class Confirming:
    """Remembers what was asked, by token, and what was shown of it."""

    _waiting: dict[str, tuple[object, object, int]] = field(default_factory=dict)

    def first_word(self, asked: object, shown: object, token: str, now: int) -> str:
        """A token if this is the first word, "" if it is the second and for this. NotDone where it is for something else."""
        if not token:
            return self.ask(asked, shown, now)
        self.confirmed(asked, token, now)
        return ""

    def ask(self, asked: object, shown: object, now: int) -> str:
        """A token for the second word. ``asked``: all that must be the same then."""
        self._waiting = {token: kept for token, kept in self._waiting.items() if now <= kept[2]}
        token = token_hex(4)
        self._waiting[token] = asked, shown, now + CONFIRM_MS
        return token

    def confirmed(self, asked: object, token: str, now: int) -> object:
        """What was shown with this token, which counts once. NotDone where it is not for this."""
        kept, shown, until = self._waiting.pop(token, (None, None, 0))
        if kept != asked or now > until:
            raise NotDone(
                "确认码无效、已用、已过期或内容有变 this confirmation is for something else, used or too old: ask again"
            )
        return shown
