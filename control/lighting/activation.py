"""Bringing a version of the plan to the edge nodes: what is refused before it begins, where it begins, and its stages."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex

from control.lighting.asks import Activation
from control.lighting.desk import LightDesk
from control.lighting.rollout import Rollout, Stage, hash_of
from control.lighting.staging import Trial, at_once, stages
from control.requests import NotDone
from lampwell.lighting.documents import plan_hash

LEAST_S = 5


async def prepared(desk: LightDesk, wanted: Activation) -> Rollout:
    """A roll-out of a version to all edge nodes, not begun. NotDone, StateError."""
    if wanted.settle_s < LEAST_S or wanted.patience_s < LEAST_S or wanted.allowed < 0:
        raise NotDone(f"观察与等待至少 {LEAST_S} 秒 settling and patience take {LEAST_S} s at least; not less than 0 unlike")
    await desk.shelf.version(wanted.version)
    name = token_hex(5)
    return Rollout(
        id=name,
        version=wanted.version,
        stages=await _stages(desk, wanted, name),
        settle_ms=wanted.settle_s * 1000,
        patience_ms=wanted.patience_s * 1000,
        allowed=wanted.allowed,
    )


async def _stages(desk: LightDesk, wanted: Activation, name: str) -> tuple[Stage, ...]:
    hashes, revision = await desk.shelf.hashes(wanted.version), await desk.next_revision()
    if not hashes:
        raise NotDone("本县没有路灯控制箱 this county has no lamp cabinet")
    if wanted.at_once:
        return at_once(name, _plans(desk, hashes, revision))
    first = _first(desk, wanted)
    trial = await _trial(desk, wanted.version, first, revision)
    return stages(desk.places, name, _plans(desk, hashes, revision + (trial is not None)), first, trial)


def _plans(desk: LightDesk, hashes: Mapping[str, str], revision: int) -> Mapping[str, str]:
    """What each edge node will confirm; one that has it already keeps the revision under which it does, unless something else was
    asked of it since: that may still be on its way.
    """
    has = {edge: desk.said[edge].plan for edge in hashes}
    kept = {edge for edge, digest in hashes.items() if hash_of(has[edge]) == digest and desk.asked.get(edge) == has[edge]}
    return {edge: has[edge] if edge in kept else f"{revision} {digest}" for edge, digest in hashes.items()}


def _first(desk: LightDesk, wanted: Activation) -> str:
    """Where it begins: the named cabinet, or the smallest at an edge node that is there and reads back what it should."""
    places = desk.places
    if wanted.first and wanted.first not in places.edge_of:
        raise NotDone(f"没有控制箱 there is no lamp cabinet {wanted.first!r}; there are {', '.join(places.edge_of)}")
    why_not = {edge: _why_not(desk, edge, wanted.allowed) for edge in places.edges}
    fit = [wanted.first] if wanted.first else [one for one in places.edge_of if not why_not[places.edge_of[one]]]
    if not fit:
        raise NotDone(
            "没有可试点的网关 no edge node to begin with: " + "；".join(f"{edge} {why}" for edge, why in why_not.items())
        )
    first = min(fit, key=lambda one: sum(lamps for loop, lamps in places.lamps_on.items() if loop.startswith(f"{one}/")))
    if why := why_not[places.edge_of[first]]:
        raise NotDone(f"{first} 所在网关 its edge node {places.edge_of[first]} {why}")
    return first


def _why_not(desk: LightDesk, edge: str, allowed: int) -> str:
    said = desk.said[edge]
    if not said.alive:
        return "不在线 is not there"
    if (said.unlike or 0) > allowed:
        return f"已有 {said.unlike} 个对象不符 has {said.unlike} targets unlike already: mend them, or allow for them"
    return ""


async def _trial(desk: LightDesk, version: int, first: str, revision: int) -> Trial | None:
    """One cabinet alone, where its edge node holds the whole of another version that is known and has more than this cabinet."""
    edge = desk.places.edge_of[first]
    over, goal = desk.holds(edge, desk.said[edge].plan) or (0, None)
    if goal is None or goal.trial or over == version or len(desk.places.cabinets(edge)) == 1:
        return None
    digest = plan_hash(await desk.shelf.trial(version, over, first))
    return Trial(cabinet=first, over=over, plan=f"{revision} {digest}")
