"""TALQ 2.7.1 override commands: what they ask, of whom, until when. Kept to the schemas; what is not understood is refused.

A calendar with a word too much can be looked at before it holds. A command is carried out at once, so that here also a property
that TALQ does not name is refused: it may be a slip of the pen for one that it does name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lampwell.config_words import shown
from lampwell.lighting.talq_import_program import Json, read_command
from lampwell.lighting.talq_walk import At, TalqRefused
from lampwell.times import INSTANTS, YEARS

MOST_REF = 64
"""Characters of a ``cmsRefId``: it is told beside the reason."""
RESOURCES = ("devices", "groups")


@dataclass(frozen=True, slots=True)
class Reference:
    """Whom a command is for, as ``devices`` or ``groups`` have it. ``place``: in the document."""

    resource: str
    address: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A level in percent until ``end``. ``start`` 0: at once. Epoch ms and seconds. ``ref``: the sender's own word for it.

    ``lost``: places that are known and of no use here.
    """

    place: str
    about: tuple[Reference, ...]
    level: int
    end: int
    start: int = 0
    ramp_s: int = 0
    ramp_back_s: int = 0
    ref: str = ""
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """An override command without a command: what holds there ends."""

    place: str
    about: tuple[Reference, ...]


def override_from_talq(raw: Json) -> Command | Cancel:
    """An OverrideCommand. TalqRefused, above all without an expiration: a lease has an end."""
    return read_override(At(raw, "OverrideCommand"))


def read_override(top: At) -> Command | Cancel:
    """The same of a place in a document."""
    if not isinstance(top.value, Mapping):
        raise top.refuse(f"must be an object, not {shown(top.value)}")
    if not {"addresses", "targetCommand"} & top.value.keys():
        raise top.refuse("不是限时指令 is no override command: a calendar or program is taken in by lampwell light talq import")
    about = tuple(_reference(each) for each in top.items("addresses"))
    if not about:
        raise top.refuse("addresses is missing or empty; commands by external sensors are not supported")
    # null would mean that a command is absent, which ends a lease: too much for a slip
    made = _command(top, about) if "targetCommand" in top.value else Cancel(place=top.path, about=about)
    if strange := next(top.unread(), ""):
        raise TalqRefused(f"{strange}: is not understood, and a command is carried out as a whole or not at all")
    return made


def _reference(at: At) -> Reference:
    resource = at.get("resource")
    if resource.text() not in RESOURCES:
        raise resource.refuse(f"must be {' or '.join(RESOURCES)}, not {shown(resource.value)}")
    return Reference(resource.text(), at.get("address").text(), at.path)


def _command(top: At, about: tuple[Reference, ...]) -> Command:
    command = top.get("targetCommand")
    level, ramp_s = read_command(command)
    if not command.has("expiration"):
        raise command.refuse("expiration is missing; every override must have an end")
    end = _instant(command.get("expiration"))
    start = _instant(command.get("start")) if command.has("start") else 0
    if end <= start:
        raise command.get("expiration").refuse("must be after the start")
    _check_reason(command)
    return Command(
        place=top.path,
        about=about,
        level=level,
        start=start,
        end=end,
        ramp_s=ramp_s,
        ramp_back_s=round(command.get("rampFromLevelTime").number()) if command.has("rampFromLevelTime") else 0,
        ref=_ref(command),
        lost=(f"{command.path}.refAddress",) if command.has("refAddress") and command.get("refAddress").text() else (),
    )


def _check_reason(command: At) -> None:
    """Sensors and programs decide in a layer of their own here, below leases."""
    if command.has("reason") and command.get("reason").text() not in ("override", "default"):
        raise command.get("reason").refuse(f"must be override or default, not {shown(command.value['reason'])}")


def _ref(command: At) -> str:
    if not command.has("cmsRefId"):
        return ""
    found = command.get("cmsRefId")
    if len(found.text()) > MOST_REF or not (found.text().isprintable()):
        raise found.refuse(f"must be at most {MOST_REF} printable characters, not {shown(found.value)}")
    return found.text().strip()


def _instant(at: At) -> int:
    """RFC 3339, which takes small letters, too."""
    try:
        found = datetime.fromisoformat(at.text().upper())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise at.refuse(f"must be a date and time with its offset, not {shown(at.value)}")
    instant = round(found.timestamp() * 1000)
    if instant not in INSTANTS:
        raise at.refuse(f"must be between {YEARS[0]} and {YEARS[-1]}, not {shown(at.value)}")
    return instant
