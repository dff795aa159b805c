"""What every request of a person has: who asks and why, and a refusal in words for them."""

from __future__ import annotations

from lampwell.errors import LampwellError


class NotDone(LampwellError):
    """A person's request was refused; the message says why, in words for them."""


def named(who: str) -> str:
    """Whoever does something, as kept. NotDone without a name."""
    if not who.strip():
        raise NotDone("请注明是谁 say who you are")
    return who.strip()


def signed(who: str, reason: str) -> tuple[str, str]:
    """Who and why, as kept. NotDone without either."""
    if not who.strip() or not reason.strip():
        raise NotDone("请注明是谁、为什么 say who you are and why")
    return who.strip(), reason.strip()
