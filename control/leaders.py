"""How those who lead are told of what is no alarm: each once, by all their ways, together with what goes under the same key."""

from __future__ import annotations

from sqlalchemy import Connection

from control.messages import outbox
from control.messages.compose import Facts
from control.messages.group import EXPIRES_MS
from control.messages.outbox import Notice, To
from control.people.roster import Roster

WAYS_OF = 2
"""Leaders are told by the ways that an alarm of this priority would take, whatever it is about."""


def leaders(roster: Roster) -> list[To]:
    """Those who lead, each with all ways."""
    found = []
    for one in roster.persons:
        if one.role == "leader" and (ways := roster.ways(one.id, WAYS_OF)):
            more = tuple((each.channel, each.address) for each in ways[1:])
            found.append(To(person=one.id, channel=ways[0].channel, address=ways[0].address, fallback=more))
    return found


def notice_of(about: Facts, *, step: str, key: str, now: int, release: int) -> Notice:
    """A notice of no occurrence: it may leave at ``release`` and is of use as long as one of its priority is."""
    expires = release + EXPIRES_MS[about.priority]
    return Notice(occurrence=None, step=step, group_key=key, created=now, release=release, expires=expires, facts=about)


def tell_leaders(connection: Connection, roster: Roster, about: Facts, *, step: str, key: str) -> None:
    """Put it into the outbox for all who lead, to leave at once (``about.time`` is now); a ``step`` that was put before, and a
    roster in which no leader can be reached, change nothing.
    """
    if to := leaders(roster):
        outbox.put(connection, notice_of(about, step=step, key=key, now=about.time, release=about.time), to)
