"""What control's database tells of lighting in a period: plans in force, overrides, faults, work orders, a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from control.lighting.figures.faults import Faults
from control.lighting.figures.lit_rate import Loop
from control.lighting.figures.repairs import of_lighting
from control.lighting.figures.should import InForce
from control.lighting.places import places_of
from control.orders.listing import rows
from control.orders.views import OrderRow
from control.store.database import Database
from control.store.lighting import plan_body, plan_versions
from control.store.lighting_past import faults_of, overrides_of, plans_in_force, spoken
from control.store.tables import work_order
from deploy.light_figures import Asked, places
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.documents import PlanRefused, read_document
from lampwell.lighting.level import Timetable
from lampwell.lighting.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the database holds for the period; ``there``: there is one."""

    force: InForce
    faults: Faults
    orders: Sequence[OrderRow]
    baseline: Timetable | None
    there: bool


def past_of(database: Database | None, asked: Asked, baseline: int | None, newest: int) -> Past:
    """Orders are judged at the last time that is known of the county's own clock, which in a drill is not the machine's."""
    where = places_of(asked.county)
    bare = InForce(zone=asked.zone, edge=where.edge_of, place=places(asked.county))
    if database is None:
        if baseline is not None:
            raise _no_version(baseline, "没有控制服务的数据库 there is no database of control")
        return Past(force=bare, faults=Faults(), orders=(), baseline=None, there=False)
    devices = _devices(asked.loops)
    plans = database.read(lambda connection: plans_in_force(connection, asked.start, asked.end))
    made = {edge: [(since, _readable(body)) for since, body in each] for edge, each in plans.items()}
    standing = Standing(database.read(lambda connection: overrides_of(connection, asked.start, asked.end)))
    force = InForce(zone=asked.zone, edge=bare.edge, place=bare.place, plans=made, standing=standing)
    alive = database.read(spoken) or (newest, newest)
    orders = database.read(lambda connection: rows(connection, _orders(asked), max(newest, alive[1])))
    return Past(
        force=force,
        faults=database.read(lambda connection: faults_of(connection, devices, asked.start, asked.end)),
        orders=of_lighting(orders, devices, asked.roads),
        baseline=None if baseline is None else _baseline(database, baseline),
        there=True,
    )


def _orders(asked: Asked) -> Select[Any]:
    return select(work_order).where(work_order.c.created >= asked.start, work_order.c.created < asked.end)


def _table(body: str) -> Timetable:
    return Timetable(read_document(body.encode()).plan)


def _readable(body: str) -> Timetable | None:
    """A document that this program can not read is a plan that is not known, not the one before it."""
    try:
        return _table(body)
    except PlanRefused:
        return None


def _baseline(database: Database, version: int) -> Timetable:
    body = database.read(lambda connection: plan_body(connection, version))
    if body is None:
        known = [str(one.version) for one in database.read(plan_versions)]
        raise _no_version(version, f"已有版本 there are: {', '.join(known) or '无 none'}")
    return _table(body)


def _no_version(version: int, why: str) -> ConfigError:
    return ConfigError([Problem("--baseline", "", f"没有方案版本 there is no version {version} of the plan; {why}")])


def _devices(loops: Sequence[Loop]) -> frozenset[str]:
    """Cabinets, and the concentrators of their lamps."""
    lamps = (one for loop in loops for phase in loop.phases.values() for one in phase)
    return frozenset({*(loop.cabinet for loop in loops), *(one.concentrator for one in lamps if one.concentrator)})
