"""Fitting a text into what a channel takes."""

from __future__ import annotations

from dataclasses import replace

from control.messages.port import Letter, Limits

ELLIPSIS = "…"


def text_cut(text: str, limits: Limits) -> str:
    """``text`` within the channel's characters and UTF-8 bytes, cut between characters, with an ellipsis where it was cut.

    Where not even the ellipsis has room, the result is as much of the text as fits.
    """
    if _fits(text, limits):
        return text
    room = _without(limits, ELLIPSIS)
    if room is None:
        return _head(text, limits)
    return _head(text, room).rstrip() + ELLIPSIS


def whole_text(letter: Letter, limits: Limits, extra: str = "") -> str:
    """Title, text, link and ``extra`` (mentions), a line each, within the limits; where it is too long the text gives way."""
    tail = "\n".join(part for part in (letter.link, extra) if part)
    room = _without(limits, f"{letter.title}\n\n{tail}")
    text = text_cut(letter.text, room) if room else ""
    return text_cut("\n".join(part for part in (letter.title, text, tail) if part), limits)


def _fits(text: str, limits: Limits) -> bool:
    return (not limits.text_chars or len(text) <= limits.text_chars) and (
        not limits.text_bytes or len(_encoded(text)) <= limits.text_bytes
    )


def _without(limits: Limits, taken: str) -> Limits | None:
    """What is left beside ``taken``, None when nothing is."""
    chars = limits.text_chars - len(taken) if limits.text_chars else 0
    octets = limits.text_bytes - len(_encoded(taken)) if limits.text_bytes else 0
    if (limits.text_chars and chars <= 0) or (limits.text_bytes and octets <= 0):
        return None
    return replace(limits, text_chars=chars, text_bytes=octets)


def _head(text: str, limits: Limits) -> str:
    if limits.text_chars:
        text = text[: limits.text_chars]
    if limits.text_bytes:
        text = _encoded(text)[: limits.text_bytes].decode("utf-8", "ignore")
    return text


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
