"""The lights of the demo: the county's plan goes to its edge nodes as soon as they are there, and a key gives a lease."""

from __future__ import annotations

import asyncio
import logging

from control.app import Control
from control.lighting.activation import LEAST_S
from control.lighting.asks import Activation, Wish
from control.lighting.selection import Selection
from control.lighting.views import LightStatus, OverrideRow
from control.requests import NotDone
from deploy.view import Lights
from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.errors import LampwellError
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.wire import Said

log = logging.getLogger(__name__)

LEASE_S, PATIENCE_S, LOOK_S = 600, 600, 2.0
LOW, FULL = 30, 100
WHY = Said(zh="演示", en="demo")


async def light_up(control: Control, county: County, clock: Clock) -> None:
    """Bring the county's lighting to every edge node that goes by no plan yet. What is wrong with it is logged, and the cabinets
    go on by their own tables.
    """
    await control.ready()
    lighting = control.front.lighting
    if not lighting.desk.places.edges:
        return
    try:
        plan = await asyncio.to_thread(lambda: build_plan(county, load_lighting(county.folder, county)))
        version = await lighting.take(plan, "demo", "lighting/ of the county")
        while not all(said.alive for said in lighting.desk.said.values()):
            await clock.sleep(LOOK_S)
        if (await lighting.status()).running != version.version:
            wanted = Activation(version=version.version, settle_s=LEAST_S, patience_s=PATIENCE_S, at_once=True, allowed=1_000)
            asked = await lighting.activate(wanted, "demo", "演示 demo")
            await lighting.activate(wanted, "demo", "演示 demo", asked.token)
    except LampwellError as error:
        log.warning("the county's lighting is not brought out: %s", error)


async def give_lease(control: Control, who: str) -> str:
    """Ten county minutes for the first cabinet: on where it is dark, low where it is lit; what was done, in words."""
    lighting = control.front.lighting
    cabinet = next(iter(lighting.desk.places.edge_of), "")
    if not cabinet:
        raise NotDone("本县没有路灯控制箱 this county has no lamp cabinet")
    loop = next(one for one in lighting.desk.places.lamps_on if one.startswith(f"{cabinet}/"))
    level = LOW if (await lighting.explain(loop)).level else FULL
    given = await lighting.override(Selection(cabinets=(cabinet,)), Wish(level=level, lasts_s=LEASE_S, reason=WHY), who)
    return f"限时指令 lease: {cabinet} {level} % {LEASE_S // 60} min" + (" (?)" if given.token else "")


def lights_of(status: LightStatus) -> Lights:
    """What the screen shows of plans and overrides."""
    agree = [edge.agrees for edge in status.edges]
    leases = tuple(_override(one) for edge in status.edges for one in edge.overrides)
    unlike = [edge.unlike for edge in status.edges if edge.unlike is not None]
    return Lights(
        version=status.running,
        following=sum(bool(each) for each in agree),
        edges=len(agree),
        unlike=sum(unlike) if unlike else None,
        overrides=leases,
    )


def _override(one: OverrideRow) -> str:
    more = f" +{len(one.targets) - 1}" if len(one.targets) > 1 else ""
    return f"{one.layer} {one.targets[0]}{more} {one.level} % {_left(one.left_s)}".rstrip()


def _left(seconds: int | None) -> str:
    return "" if seconds is None else f"{seconds // 60}:{seconds % 60:02}"
