"""Why a loop or lamp should be as it is, by the plan that its edge node has confirmed."""

from __future__ import annotations

from control.lighting.desk import LightDesk
from control.lighting.viewing import LAYER_WORDS
from control.lighting.views import Explained
from control.requests import NotDone
from lampwell.lighting.level import NoTarget, Timetable
from lampwell.lighting.model import Plan
from lampwell.lighting.wire import Said


async def explained(desk: LightDesk, target: str, at: int, newest: Plan, running: int) -> Explained:
    """``newest``, the plan of version ``running``, counts where the edge node has confirmed none of ours. NotDone."""
    one = next((each for each in newest.targets if each.id == target), None)
    if one is None:
        raise NotDone(f"没有该回路或灯 there is no loop or lamp {target!r}; write for example {newest.targets[0].id}")
    said = desk.said[edge := desk.places.edge_of[one.cabinet]]
    held = desk.holds(edge, said.plan)
    table = await desk.shelf.timetable(*held) if held else Timetable(newest)
    try:
        found = table.level_at(target, at, desk.standing)
    except NoTarget:
        raise NotDone(f"{edge} 的方案中没有该对象 the plan of {edge} does not have {target!r} yet") from None
    return Explained(
        target=target,
        zh=one.zh,
        en=one.en,
        at=at,
        level=found.level,
        why=Said(zh=found.why.zh, en=found.why.en),
        layer=LAYER_WORDS[found.layer],
        plan=said.plan if held else "",
        version=held[0] if held else running,
        alive=said.alive,
    )
