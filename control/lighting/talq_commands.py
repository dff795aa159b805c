"""TALQ override commands as commands of this county: addresses become loops, lamps, cabinets, roads, areas or all of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from control.lighting.commands import CancelCommand, Commands, LeaseCommand
from control.lighting.places import Places
from control.lighting.selection import Selection
from lampwell.config_words import did_you_mean, shown
from lampwell.lighting.model import Plan
from lampwell.lighting.talq_files import items_of
from lampwell.lighting.talq_import_override import Cancel, Command, Reference, read_override
from lampwell.lighting.talq_walk import TalqRefused
from lampwell.lighting.wire import Said

MOST_WORD = 100
"""So much of an address is compared with what there is, to guess what was meant."""


@dataclass(slots=True, kw_only=True)
class Read:
    """What stands in documents, before it is known whom it is for."""

    commands: list[Command | Cancel] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def read(documents: Mapping[str, Any]) -> Read:
    """``documents``: override commands or lists of them, by the name of their file."""
    made = Read(refused=[f"{name}: 没有指令 holds no command" for name, each in documents.items() if each == []])
    for place in items_of(documents):
        try:
            made.commands.append(read_override(place))
        except TalqRefused as error:
            made.refused.append(str(error))
    return made


# -- whom they are for ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What may be addressed: the part of a ``Selection`` and the name there, by address; of ``doubtful`` ones there are two."""

    devices: Mapping[str, tuple[str, str]]
    groups: Mapping[str, tuple[str, str]]
    doubtful: frozenset[str]


def known(plan: Plan, places: Places, county: str) -> Known:
    """Of a county, by its id. A group is ``area/newtown``, ``road/g319``, ``county/taihe``, or the bare name where it is one."""
    devices = {one.id: ("lamps" if one.loop else "loops", one.id) for one in plan.targets}
    devices |= {cabinet: ("cabinets", cabinet) for cabinet in places.edge_of}
    words = (
        ("area", "areas", set(places.area_of.values())),
        ("road", "roads", places.roads - {""}),
        ("county", "county", {county}),
    )
    groups: dict[str, tuple[str, str]] = {}
    bare: dict[str, list[tuple[str, str]]] = {}
    for word, part, names in words:
        for name in sorted(names):
            groups[f"{word}/{name}"] = part, name
            bare.setdefault(name, []).append((part, name))
    groups |= {name: parts[0] for name, parts in bare.items() if len(parts) == 1}
    return Known(devices, groups, frozenset(name for name, parts in bare.items() if len(parts) > 1))


def commands_of(made: Iterable[Command | Cancel], there: Known, reason: str) -> tuple[Commands, list[str]]:
    """As control takes them, and what is refused with its place. ``reason``: of whoever gives them; the sender's reference is
    told beside it.
    """
    leases: list[LeaseCommand] = []
    cancels: list[CancelCommand] = []
    refused: list[str] = []
    for one in made:
        selection = _selection(one.about, there, refused)
        if isinstance(one, Cancel):
            cancels.append(CancelCommand(place=one.place, selection=selection, reason=Said(zh=reason)))
        else:
            leases.append(_lease(one, selection, f"{reason}（TALQ {one.ref}）" if one.ref and reason.strip() else reason))
    return Commands(leases=tuple(leases), cancels=tuple(cancels)), refused


def _lease(one: Command, selection: Selection, reason: str) -> LeaseCommand:
    return LeaseCommand(
        place=one.place,
        selection=selection,
        level=one.level,
        start=one.start,
        end=one.end,
        ramp_s=one.ramp_s,
        ramp_back_s=one.ramp_back_s,
        reason=Said(zh=reason),
    )


def _selection(about: Iterable[Reference], there: Known, refused: list[str]) -> Selection:
    parts: dict[str, list[str]] = {}
    for one in about:
        part, name = (there.devices if one.resource == "devices" else there.groups).get(one.address, ("", ""))
        if part:
            parts.setdefault(part, []).append(name)
        else:
            refused.append(f"{one.place}.address: {_strange(one, there)}")
    county = bool(parts.pop("county", ()))
    return Selection(**{part: tuple(dict.fromkeys(names)) for part, names in parts.items()}, county=county)


def _strange(one: Reference, there: Known) -> str:
    word = one.address[:MOST_WORD]
    if one.resource == "devices":
        nothing = "没有该回路、控制箱或可单独控制的灯 there is no loop, lamp cabinet or lamp that can be spoken to by itself"
        return f"{nothing} {shown(one.address)}{did_you_mean(word, there.devices)}"
    if word in there.doubtful:
        either = "、".join(name for name in there.groups if name.endswith(f"/{word}"))
        return f"不止一个 there is more than one group {shown(one.address)}: say one of {either}"
    nothing = "没有该片区、道路或县 there is no area, road or county"
    return f"{nothing} {shown(one.address)}{did_you_mean(word, there.groups)}"


def lost_of(made: Iterable[Command | Cancel]) -> Iterator[str]:
    """Places that say something for which there is no use here."""
    for one in made:
        if isinstance(one, Command):
            yield from one.lost
