"""What an HTTP store's answer means for the batch it was given."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from lampwell.errors import StoreAction, StoreError

_SET_UP_WRONG = ("database is required", "database not found", "bucket", "organization", "org not", "retention policy not found")
"""A 400 with one of these is about the settings, not about a row: nothing is thrown away for it."""


def refused(status: int, body: str, headers: Mapping[str, str], *, many: bool, now: int) -> StoreError | None:
    """None for success; else the error with its action. ``many``: more than one reading was in the batch.

    * 400, 422, 413: some rows (or the size) are not taken. Many -> SPLIT to find them, one -> DROP it.
    * 401, 403, 404: the settings are wrong: keep everything, WAIT, be loud.
    * 429, 5xx: WAIT as long as Retry-After says. 408 and 500: RETRY.
    """
    if 200 <= status < 300:
        return None
    said = " ".join(body.split())[:300] or "no text"
    message = f"write: {status} {said}"
    after = retry_after(headers, now)
    if status in (400, 413, 422) and not (status == 400 and any(hint in said.lower() for hint in _SET_UP_WRONG)):
        return StoreError(message, StoreAction.SPLIT if many else StoreAction.DROP)
    if status in (408, 500):
        return StoreError(message, StoreAction.RETRY, after)
    return StoreError(message, StoreAction.WAIT, after)


def retry_after(headers: Mapping[str, str], now: int) -> float | None:
    """The seconds a Retry-After header asks for (given as seconds or as a date), or None."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now / 1000)
    except ValueError:
        return None
