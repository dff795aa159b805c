"""Photos of a repair: which are taken, by their first bytes and size. They are kept as they came; nothing here decodes them."""

from __future__ import annotations

from control.orders.model import Why

MOST_BYTES = 2 * 1024 * 1024


def photo_kind(data: bytes) -> str | Why:
    """The media type of a photo, or why it is refused. What it claims to be by name counts for nothing."""
    if len(data) > MOST_BYTES:
        return Why.PHOTO_TOO_BIG
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return Why.PHOTO_KIND
