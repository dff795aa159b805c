"""Alarm states as JSON text, for the journal and for restarts. Fields that are as in a fresh state are left out."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec

from control.alarms.model import AlarmState
from lampwell.errors import LampwellError

_FRESH = {field.name: field.default for field in fields(AlarmState)}


class UnreadableState(LampwellError):
    """A kept state that this program can not read; the message says which part."""


def pack(state: AlarmState) -> str:
    """A state as text."""
    kept: dict[str, Any] = {name: getattr(state, name) for name, fresh in _FRESH.items() if getattr(state, name) != fresh}
    return msgspec.json.encode(kept, order="sorted").decode()


def unpack(text: str) -> AlarmState:
    """The state of a text. UnreadableState."""
    try:
        return msgspec.convert(msgspec.json.decode(text), AlarmState, strict=True)
    except msgspec.MsgspecError as error:
        raise UnreadableState(f"an alarm's state can not be read: {error}") from error
