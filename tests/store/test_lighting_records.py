"""Lighting in the database, on both of them: versions, roll-outs, orders and answers, each with its audit row."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from control.lighting.following import Followed, OrderState, answered, overdue, sent
from control.lighting.heard import EdgeSaid
from control.lighting.rollout import Goal, Phase, Rollout, Stage
from control.lighting.views import Version
from control.store import lighting as store
from control.store import lighting_orders as orders
from control.store.audit import verify
from control.store.database import Database
from control.store.tables import audit
from lampwell.lighting.wire import Lease, Order, Outcome, Said, Seen, Stands, State, TakePlan

V1 = Version(version=1, at=10, who="工程师", reason="初版", hash="sha256:1")
ROLLOUT = Rollout(id="r1", version=1, stages=(Stage(zh="全县", en="all", goals=(Goal(edge="e", plan="1 x", order="r1-1"),)),))
LEASE = Lease(targets=("c/loop1",), level=30, lasts_s=60, reason=Said(zh="试"))


def an_order(name: str, issued: int = 100, do: Lease | TakePlan = LEASE) -> Followed:
    return Followed(order=Order(id=name, who="王", issued=issued, expires=issued + 60_000, do=do), edge="e", request=name[:2])


def actions(database: Database) -> list[str]:
    return [row.action for row in database.read(lambda c: c.execute(select(audit.c.action).order_by(audit.c.id)).all())]


def test_versions_and_rollouts(database: Database) -> None:
    """Protects who changed the lights, when and why; a roll-out is as it was after a restart."""
    assert database.read(store.next_version) == 1
    database.write(lambda c: store.save_plan(c, V1, "document"))
    assert database.read(store.plan_versions) == [V1]
    assert database.read(lambda c: store.plan_body(c, 1)) == "document"
    assert database.read(lambda c: store.plan_body(c, 2)) is None
    database.write(lambda c: store.begin_rollout(c, ROLLOUT, at=20, who="工程师", reason="上线"))
    begun = replace(ROLLOUT, asked_at=21, doubtful={"e": 21})
    database.write(lambda c: store.keep_rollout(c, begun, at=21))
    (one,) = database.read(store.past_rollouts)
    assert (one.rollout, one.who, one.reason) == (begun, "工程师", "上线")
    assert database.read(store.versions_done) == []
    database.write(lambda c: store.keep_rollout(c, replace(begun, phase=Phase.DONE, ended_at=30), at=30))
    assert database.read(store.versions_done) == [1]
    assert actions(database) == ["lighting.plan", "lighting.activate", "lighting.rollout"]
    assert database.read(verify) is None


def test_orders_and_what_was_said_of_them(database: Database) -> None:
    """Protects the record of an order: what was sent, every answer once, its end; control's own verdict can be corrected."""
    one = an_order("aa-1")
    database.write(lambda c: orders.put_order(c, one, "30%", "试"))
    one = sent(one, 101)
    database.write(lambda c: orders.keep_order(c, one, at=101))
    said = Outcome(id="aa-1", state=State.ACCEPTED, at=102, reason=Said(zh="好"), targets={"c/loop1": Seen(wanted=30)})
    for _ in range(3):
        database.write(lambda c: orders.put_answer(c, said, heard_at=103))
    database.write(lambda c: orders.put_answer(c, replaced(said), heard_at=103))
    assert database.read(lambda c: orders.answers(c, "aa-1")) == [said]
    one = answered(one, said, 103)
    database.write(lambda c: orders.keep_order(c, one, at=103))
    assert database.read(lambda c: orders.open_orders(c, 0)) == [one]
    lost = overdue(sent(an_order("bb-1"), 100), 60_100)
    database.write(lambda c: orders.put_order(c, lost, "30%", "试"))
    assert [each.order.id for each in database.read(lambda c: orders.open_orders(c, 0))] == ["aa-1", "bb-1"]
    assert [each.order.id for each in database.read(lambda c: orders.open_orders(c, 200))] == ["aa-1"]
    done = answered(one, Outcome(id="aa-1", state=State.VERIFIED, at=110, reason=Said(zh="一致")), 111)
    database.write(lambda c: orders.keep_order(c, done, at=111))
    (kept,) = database.read(lambda c: orders.find_orders(c, "aa"))
    assert (kept, kept.state) == (done, OrderState.VERIFIED)
    assert actions(database)[-1] == "lighting.verified"
    assert database.read(verify) is None


def replaced(said: Outcome) -> Outcome:
    """Of an order that is not ours."""
    return Outcome(id="zz", state=said.state, at=said.at, reason=said.reason)


def test_plans_are_left_out_of_the_list_and_names_are_taken_as_they_are(database: Database) -> None:
    """Protects the list from documents of 0.4 MB, and a search from wildcards."""
    database.write(lambda c: orders.put_order(c, an_order("aa-1"), "", ""))
    database.write(lambda c: orders.put_order(c, an_order("r1-1", 200, TakePlan(document="{}")), "", ""))
    assert [one.order.id for one in database.read(lambda c: orders.past_orders(c, 0, 10))] == ["aa-1"]
    assert [one.order.id for one in database.read(lambda c: orders.past_orders(c, 0, 10, plans=True))] == ["r1-1", "aa-1"]
    assert database.read(lambda c: orders.find_orders(c, "%")) == []


def test_what_edge_nodes_said(database: Database) -> None:
    """Protects the view after a restart: what was asked and what was said, each kept without the other."""
    lease = Stands(id="aa-1", layer="lease", targets=("c/loop1",), level=30, start=1, end=9, who="王", reason=Said(zh="试"))
    said = EdgeSaid(plan="1 x", plan_at=5, unlike=0, unlike_at=6, overrides=(lease,), overrides_at=7)
    database.write(lambda c: store.keep_asked(c, "e", "1 x"))
    database.write(lambda c: store.keep_edge(c, "e", said))
    database.write(lambda c: store.keep_edge(c, "f", replace(said, alive=True)))
    database.write(lambda c: store.keep_asked(c, "e", "2 y"))
    assert database.read(store.load_edges) == {"e": ("2 y", said), "f": ("", said)}


def test_an_order_is_given_again_under_its_id(database: Database) -> None:
    """Protects an edge node that was away: one row, begun anew with the new time, and both givings in the audit."""
    first = overdue(sent(an_order("r1-1", 200, TakePlan(document="{}")), 201), 60_200)
    database.write(lambda c: orders.put_order(c, first, "version 1", ""))
    again = an_order("r1-1", 900_000, TakePlan(document="{}"))
    database.write(lambda c: orders.put_order(c, again, "version 1", ""))
    assert database.read(lambda c: orders.find_orders(c, "r1-1")) == [again]
    assert actions(database) == ["lighting.plan", "lighting.plan"]
