"""The stages of a roll-out: one cabinet, its area, all; an edge node first where a cabinet can not be tried. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from control.lighting.places import Places
from control.lighting.rollout import Goal, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One cabinet by the new version, its edge node's others on version ``over``; ``plan``: what the node will confirm."""

    cabinet: str
    over: int
    plan: str


def stages(places: Places, rollout: str, wanted: Mapping[str, str], first: str, trial: Trial | None) -> tuple[Stage, ...]:
    """``wanted``: what each edge node will confirm in the end; ``first``: the cabinet to begin with. At least one stage.

    Every edge node of ``wanted`` is asked for its whole plan once, the first cabinet's perhaps for a trial before.
    """
    edge = places.edge_of[first]
    area = places.area_of_edge[edge]
    of_area = [name for name in wanted if places.area_of_edge[name] == area]
    rows: list[tuple[str, str, list[Goal]]] = []
    if trial is not None:
        goal = Goal(edge=edge, plan=trial.plan, order=f"{rollout}-trial", trial=trial.cabinet, over=trial.over)
        rows.append((f"控制箱 {first}", f"cabinet {first}", [goal]))
    else:
        rows.append((f"网关 {edge}", f"edge node {edge}", list(_goals(rollout, wanted, [edge]))))
        of_area.remove(edge)
    rows.append((f"片区 {area}", f"area {area}", list(_goals(rollout, wanted, of_area))))
    others = [name for name in wanted if places.area_of_edge[name] != area]
    rows.append(("全县", "the whole county", list(_goals(rollout, wanted, others))))
    return tuple(Stage(zh=zh, en=en, goals=tuple(goals)) for zh, en, goals in rows if goals)


def at_once(rollout: str, wanted: Mapping[str, str]) -> tuple[Stage, ...]:
    """One stage for all."""
    return (Stage(zh="全县", en="the whole county", goals=tuple(_goals(rollout, wanted, wanted))),)


def _goals(rollout: str, wanted: Mapping[str, str], edges: Iterable[str]) -> Iterator[Goal]:
    numbers = {name: n for n, name in enumerate(wanted, 1)}
    for name in edges:
        yield Goal(edge=name, plan=wanted[name], order=f"{rollout}-{numbers[name]}")
