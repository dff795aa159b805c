"""How messages leave: the sender with its channels, links, care and watcher, wherever it runs (inside control, or alone)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from control.links import linker
from control.messages.care import Care, keepers_of
from control.messages.channels.http import Http
from control.messages.port import Channel
from control.messages.pulse import Pulse
from control.messages.reach import Reach
from control.messages.sender import Sender
from control.messages.settings import ChannelSettings
from control.messages.state import State
from control.people.roster import Roster
from lampwell.clock import Clock

WATCHER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """``channels`` are opened, and closed by who opened them. ``test_at``: minute of the county's day of each channel's test."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    test_at: Mapping[str, int] = field(default_factory=dict)
    reach: Reach = field(default_factory=Reach)


def times_of_tests(settings: tuple[ChannelSettings, ...]) -> Mapping[str, int]:
    """When each channel is tested."""
    return {one.id: one.test_at for one in settings if one.test_at is not None}


def build_sender(
    state: State, out: Outgoing, clock: Clock, zone: ZoneInfo, *, roster: Callable[[], Roster], served_at: str, secret: bytes
) -> tuple[Sender, Pulse | None]:
    """The sender, and the pulse to be closed behind it. ``served_at``: where this machine serves the page to acknowledge on."""
    url = out.reach.watcher
    pulse = Pulse(url, Http(timeout_s=WATCHER_S, secrets=[url])) if url else None
    sender = Sender(
        state,
        out.channels,
        clock,
        zone,
        links=linker(out.reach, served_at, secret),
        names=lambda person: roster().name(person),
        care=Care(keepers=lambda: keepers_of(roster()), test_at=out.test_at, beat=pulse.beat if pulse else None),
    )
    return sender, pulse
