"""Plans, overrides and faults of the past, from the database of control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert

from control.lighting.rollout import Goal, Owed, Phase, Rollout, Stage
from control.lighting.rollout import write as write_rollout
from control.store.lighting_past import faults_of, overrides_of, plans_in_force
from control.store.tables import (
    lighting_answer,
    lighting_edge,
    lighting_order,
    lighting_plan,
    lighting_rollout,
    meta,
    metadata,
    occurrence,
    transition,
)
from lampwell.lighting.model import Layer
from lampwell.lighting.standing import Standing
from lampwell.lighting.wire import Do, Lease, Lock, Order, Outcome, Release, Said, State, TakePlan, write

HOUR, DAY = 3_600_000, 86_400_000
WHY = Said(zh="因", en="why")


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def give(connection: Connection, name: str, issued: int, do: Do, *answers: tuple[State, int], edge: str = "edge-1") -> None:
    """An order to an edge node and what it said of it."""
    order = Order(id=name, who="x", issued=issued, expires=issued + HOUR, do=do)
    kind = do.__struct_config__.tag
    row: dict[str, Any] = {
        "request": name,
        "edge": edge,
        "who": "x",
        "kind": kind,
        "issued": issued,
        "expires": 0,
        "state": "",
    }
    connection.execute(insert(lighting_order).values(id=name, body=write(order), **row))
    for state, at in answers:
        outcome = Outcome(id=name, state=state, at=at, reason=WHY)
        said = {"order": name, "at": at, "heard_at": at, "state": state.value}
        connection.execute(insert(lighting_answer).values(body=write(outcome), **said))


def test_a_plan_is_in_force_from_the_edge_nodes_own_word_on(connection: Connection) -> None:
    """Protects the denominator from plans that were sent and refused, or not yet taken; the one before the period counts."""
    for n, answers in enumerate(
        [[(State.VERIFIED, HOUR)], [(State.EXECUTED, 2 * HOUR), (State.VERIFIED, 3 * HOUR)], [(State.REFUSED, 5 * HOUR)], []]
    ):
        give(connection, f"o{n}", n * HOUR, TakePlan(document=f"doc {n}"), *answers)
    give(connection, "o9", 8 * HOUR, TakePlan(document="doc 9"), (State.VERIFIED, 9 * HOUR))
    assert plans_in_force(connection, 4 * HOUR, 20 * HOUR) == {"edge-1": [(2 * HOUR, "doc 1"), (9 * HOUR, "doc 9")]}
    assert plans_in_force(connection, 4 * HOUR, 9 * HOUR) == {"edge-1": [(2 * HOUR, "doc 1")]}
    assert plans_in_force(connection, 0, HOUR) == {}


def test_a_roll_out_that_ended_well_tells_of_plans_whose_read_back_failed(connection: Connection) -> None:
    """Protects against a plan that holds being taken for unknown because one lamp of hundreds was unlike."""
    for name, edge in (("o1", "edge-1"), ("o2", "edge-2"), ("o3", "edge-3")):
        give(connection, name, 0, TakePlan(document=f"doc {name}"), (State.ACCEPTED, HOUR), (State.FAILED, HOUR), edge=edge)
    goals = [Goal(edge=f"edge-{n}", plan=f"{n} hash", order=f"o{n}") for n in (1, 2, 3)]
    stages = [Stage(zh="", en="", goals=(goal,)) for goal in goals]
    done = Rollout(id="r1", version=1, stages=(stages[0],), phase=Phase.DONE, ended_at=2 * HOUR)
    stopped = Rollout(id="r2", version=1, stages=tuple(stages[1:]), phase=Phase.STOPPED, ended_at=3 * HOUR)
    connection.execute(insert(lighting_plan).values(version=1, at=0, who="x", reason="", hash="h", body=""))
    for one in (done, stopped):
        row: dict[str, Any] = {
            "id": one.id,
            "version": 1,
            "at": 0,
            "who": "x",
            "reason": "",
            "revision": 1,
            "state": one.phase.value,
        }
        connection.execute(insert(lighting_rollout).values(body=write_rollout(one), **row))
    connection.execute(insert(lighting_edge).values(edge="edge-2", confirmed="2 hash", confirmed_at=4 * HOUR))
    assert plans_in_force(connection, 5 * HOUR, DAY) == {"edge-1": [(2 * HOUR, "doc o1")], "edge-2": [(4 * HOUR, "doc o2")]}


def test_a_node_that_was_owed_the_plan_has_it_from_when_it_was_served(connection: Connection) -> None:
    """Protects the figures of a box that was away: not by the end of a roll-out that went on without it."""
    for n in (1, 2, 3):
        give(connection, f"o{n}", 0, TakePlan(document=f"doc {n}"), (State.ACCEPTED, HOUR), edge=f"edge-{n}")
    goals = tuple(Goal(edge=f"edge-{n}", plan=f"{n} hash", order=f"o{n}") for n in (1, 2, 3))
    one = Rollout(
        id="r1",
        version=1,
        stages=(Stage(zh="", en="", goals=goals),),
        phase=Phase.DONE,
        ended_at=2 * HOUR,
        owed=(Owed(edge="edge-2", since=HOUR),),
        served={"edge-3": 4 * HOUR},
    )
    connection.execute(insert(lighting_plan).values(version=1, at=0, who="x", reason="", hash="h", body=""))
    row: dict[str, Any] = {"id": "r1", "version": 1, "at": 0, "who": "x", "reason": "", "revision": 1, "state": "done"}
    connection.execute(insert(lighting_rollout).values(body=write_rollout(one), **row))
    assert plans_in_force(connection, 5 * HOUR, DAY) == {"edge-1": [(2 * HOUR, "doc 1")], "edge-3": [(4 * HOUR, "doc 3")]}


def test_overrides_end_by_themselves_or_when_released(connection: Connection) -> None:
    """Protects leases and locks of the past: from the node's word on, to the end or the release, refused ones never."""
    lease = Lease(targets=("cab/loop1",), level=30, lasts_s=7200, reason=WHY)
    give(connection, "a", 0, lease, (State.VERIFIED, HOUR))
    give(connection, "b", 0, lease, (State.EXECUTED, HOUR))
    give(connection, "c", 0, lease, (State.REFUSED, HOUR))
    give(connection, "d", 0, Lock(targets=("cab/loop2",), reason=WHY), (State.VERIFIED, HOUR))
    give(connection, "r", HOUR, Release(order="b", reason=WHY), (State.VERIFIED, 2 * HOUR))
    found = {one.id: one for one in overrides_of(connection, HOUR, DAY)}
    assert {name: (one.start, one.end) for name, one in found.items()} == {
        "a": (HOUR, 3 * HOUR),
        "b": (HOUR, 2 * HOUR),
        "d": (HOUR, None),
    }
    assert (found["d"].layer, found["d"].level) == (Layer.CREW_LOCK, 0)
    assert {one.id for one in overrides_of(connection, 4 * HOUR, DAY) if one.end is None or one.end > 4 * HOUR} == {"d"}


def test_a_lease_that_was_replaced_before_the_period_does_not_come_back_in_it(connection: Connection) -> None:
    """Protects the figures of a period that begins by night: what took the place of a long lease was over by then."""
    long, short = (Lease(targets=("cab/loop1",), level=30, lasts_s=lasts, reason=WHY) for lasts in (10 * 3600, 600))
    give(connection, "long", HOUR, long, (State.VERIFIED, HOUR))
    give(connection, "short", 2 * HOUR, short, (State.VERIFIED, 2 * HOUR))
    for start in (HOUR, 4 * HOUR):
        assert Standing(overrides_of(connection, start, DAY)).winner(("cab/loop1",), 5 * HOUR) is None


def test_faults_stand_from_raised_to_cleared(connection: Connection) -> None:
    """Protects facilities: each life of an alarm in its time, an acknowledged or replaced one as well; another device's not."""
    words = dict.fromkeys(("zh", "en", "place_zh", "place_en", "key"), "")
    for number, (device, raised, cleared, closed) in enumerate(
        [("cab", 1, 3, 9), ("cab", 5, None, None), ("cab", 6, None, 8), ("other", 1, None, None), ("cab", 0, 1, 1)]
    ):
        row: dict[str, Any] = {
            "raised_at": raised * HOUR,
            "source_time": 0,
            "priority": 3,
            "area": "a",
            "superseded": number == 2,
        }
        over = {"cleared_at": cleared and cleared * HOUR, "closed_at": closed and closed * HOUR}
        connection.execute(
            insert(occurrence).values(number=number, rule=f"r{number}", device=device, component="loop1", **row, **over, **words)
        )
    connection.execute(insert(transition).values(at=HOUR, key="k", kinds="raised", state="{}"))
    connection.execute(insert(meta).values(key="alive_at", value=str(9 * HOUR)))
    found = faults_of(connection, {"cab"}, 2 * HOUR, 10 * HOUR)
    stands = {f"r{n}": [h for h in range(10) if found.stands("cab", "loop1", h * HOUR, frozenset({f"r{n}"}))] for n in range(5)}
    assert stands == {"r0": [1, 2], "r1": [5, 6, 7, 8, 9], "r2": [6, 7], "r3": [], "r4": []}
    assert [found.known(h * HOUR) for h in (0, 1, 9, 10)] == [False, True, True, False]
