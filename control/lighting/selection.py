"""What an order is about, as people say it (a lamp, a loop, a cabinet, a road, an area, the county), resolved to targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from control.lighting.places import Places
from control.requests import NotDone
from lampwell.config_words import did_you_mean
from lampwell.lighting.model import Plan, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The union of what is named; ``county``: all of it."""

    lamps: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()
    cabinets: tuple[str, ...] = ()
    roads: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    county: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The targets in the plan's order: loops, and lamps named by themselves; the lamps on a loop go with it and are not named."""

    targets: tuple[Target, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(one.id for one in self.targets)

    @property
    def cabinets(self) -> tuple[str, ...]:
        """Theirs, each once."""
        return tuple(dict.fromkeys(one.cabinet for one in self.targets))

    def by_edge(self, places: Places) -> Mapping[str, tuple[str, ...]]:
        """The targets' names for each edge node that has any."""
        found: dict[str, list[str]] = {}
        for one in self.targets:
            found.setdefault(places.edge_of[one.cabinet], []).append(one.id)
        return {edge: tuple(found[edge]) for edge in places.edges if edge in found}


def resolve(selection: Selection, plan: Plan, places: Places) -> Selected:
    """The targets of a selection; a lamp on a chosen loop is not named again. NotDone: what is not there."""
    if wrong := list(_unknown(selection, plan, places)):
        raise NotDone("；".join(wrong))
    loops = {one.id for one in plan.targets if not one.loop and _chosen(one, selection, places)}
    named = set(selection.lamps)
    found = tuple(one for one in plan.targets if one.id in loops or (one.id in named and one.loop not in loops))
    if not found:
        raise NotDone(
            "没有选中任何灯 nothing is chosen: name a lamp, loop, cabinet, road or area that has lamps, or the whole county"
        )
    return Selected(targets=found)


def whole_loops(selected: Selected) -> Selected:
    """The loops alone: what a crew lock is put on. NotDone where only lamps were named."""
    loops = tuple(one for one in selected.targets if not one.loop)
    if len(loops) < len(selected.targets):
        raise NotDone("挂牌须针对回路 a crew lock is put on whole loops, not on single lamps: the supply must be off")
    return Selected(targets=loops)


def _chosen(loop: Target, selection: Selection, places: Places) -> bool:
    cabinet = loop.cabinet
    roads = places.roads_of.get(loop.id) or {places.road_of[cabinet]}
    return (
        selection.county
        or loop.id in selection.loops
        or cabinet in selection.cabinets
        or places.area_of[cabinet] in selection.areas
        or not roads.isdisjoint(selection.roads)
    )


def _unknown(selection: Selection, plan: Plan, places: Places) -> Iterator[str]:
    loops = [one.id for one in plan.targets if not one.loop]
    lamps = [one.id for one in plan.targets if one.loop]
    known: Sequence[tuple[str, Sequence[str], Iterable[str]]] = (
        ("单灯 lamp that can be spoken to by itself", selection.lamps, lamps),
        ("回路 loop", selection.loops, loops),
        ("控制箱 lamp cabinet", selection.cabinets, places.edge_of),
        ("道路 road with lamps", selection.roads, places.roads),
        ("片区 area with lamp cabinets", selection.areas, set(places.area_of.values())),
    )
    for word, names, there in known:
        choices = sorted(there)
        zh, _, en = word.partition(" ")
        yield from (f"没有{zh} there is no {en} {name!r}{did_you_mean(name, choices)}" for name in names if name not in choices)
