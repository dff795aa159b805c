"""A plan as one JSON document with a version and a hash: what control sends and an edge node stores and confirms.

Canonical: keys sorted, no spaces, UTF-8, so that equal plans have equal bytes and equal hashes wherever they are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from lampwell.errors import LampwellError
from lampwell.lighting.model import Plan

FORMAT = 1
"""Of the document; an edge node refuses one that it does not know."""


class PlanRefused(LampwellError):
    """The document is damaged, of an unknown format, or contradicts itself; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A plan with its number among the plans of the county. ``made`` is epoch ms."""

    version: int
    hash: str
    made: int
    who: str
    plan: Plan


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format: int
    version: int
    hash: str
    made: int
    who: str
    plan: msgspec.Raw


_ENCODER = msgspec.json.Encoder(order="sorted")


def plan_hash(plan: Plan) -> str:
    """``sha256:`` and the hash of the canonical plan: equal where all that decides levels is equal."""
    return _hash(_ENCODER.encode(plan))


def write_document(plan: Plan, *, version: int, made: int, who: str) -> bytes:
    """The document of a plan. PlanRefused where the plan contradicts itself."""
    _refuse(plan)
    body = _ENCODER.encode(plan)
    return _ENCODER.encode(
        _Envelope(format=FORMAT, version=version, hash=_hash(body), made=made, who=who, plan=msgspec.Raw(body))
    )


def read_document(raw: bytes) -> Document:
    """The document again. PlanRefused."""
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
        body = bytes(envelope.plan)
        if envelope.format != FORMAT:
            raise PlanRefused(f"lighting plan of format {envelope.format}; this program knows {FORMAT}")
        if _hash(body) != envelope.hash:
            raise PlanRefused(f"lighting plan {envelope.version}: the hash does not fit, it is damaged")
        plan = msgspec.json.decode(body, type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlanRefused(f"no lighting plan: {error}") from error
    _refuse(plan)
    return Document(version=envelope.version, hash=envelope.hash, made=envelope.made, who=envelope.who, plan=plan)


def contradictions(plan: Plan) -> Iterator[str]:
    """What would break a timetable: names of nothing, groups a map does not have."""
    try:
        ZoneInfo(plan.time_zone)
    except (ValueError, OSError, KeyError):
        yield f"there is no time zone {plan.time_zone!r}"
    lux = {"", *(one.id for one in plan.lux)}
    yield from (f"program {one.id!r}: there is no lux rule {one.lux!r}" for one in plan.programs if one.lux not in lux)
    programs = {"", *(one.id for one in plan.programs)}
    for calendar in plan.calendars:
        named = dict.fromkeys((*(rule.program for rule in calendar.rules), calendar.default))
        yield from (f"calendar {calendar.id!r}: there is no program {name!r}" for name in named if name not in programs)
    yield from _of_targets(plan)


def _of_targets(plan: Plan) -> Iterator[str]:
    calendars = {"", *(one.id for one in plan.calendars)}
    loops = {"", *(one.id for one in plan.targets if not one.loop)}
    groups = {one.id: one.groups for one in plan.loop_maps}
    for one in plan.targets:
        for name in (one.calendar, one.festivals):
            if name not in calendars:
                yield f"target {one.id!r}: there is no calendar {name!r}"
        if one.loop not in loops:
            yield f"target {one.id!r}: there is no loop {one.loop!r}"
        if one.loop_map and one.group not in groups.get(one.loop_map, ()):
            yield f"target {one.id!r}: loop map {one.loop_map!r} has no group {one.group!r}"


def _refuse(plan: Plan) -> None:
    if wrong := list(contradictions(plan)):
        raise PlanRefused("lighting plan: " + "; ".join(wrong))


def _hash(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
