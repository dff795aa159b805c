"""A host application's STATE payload: JSON with ``online`` and ``timestamp`` (Sparkplug 3.0)."""

from __future__ import annotations

import json

from lampwell.errors import LampwellError


class BadState(LampwellError):
    """A STATE payload that is not the JSON of Sparkplug 3.0; the message says what it is instead."""


def build(*, online: bool, time: int) -> bytes:
    """The payload."""
    return json.dumps({"online": online, "timestamp": time}).encode()


def parse(payload: bytes) -> tuple[bool, int]:
    """(online, timestamp); raises BadState."""
    if payload in (b"ONLINE", b"OFFLINE"):
        raise BadState(f"STATE is the text {payload.decode()}: the form before Sparkplug 3.0")
    try:
        found = json.loads(payload)
        online, time = found["online"], found["timestamp"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadState(f"STATE payload of {len(payload)} bytes is not JSON with online and timestamp") from None
    if type(online) is not bool or type(time) is not int:
        raise BadState(f"STATE online={online!r:.20} timestamp={time!r:.20}: must be a boolean and an integer")
    return online, time
