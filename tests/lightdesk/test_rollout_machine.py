"""The stepper of a roll-out: never on after a disagreement or silence, whatever edge nodes do and whenever control restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from control.lighting.places import Places
from control.lighting.rollout import Fact, Goal, Phase, Rollout, Stage, asked, read, step, stopped, write
from control.lighting.staging import Trial, at_once, stages
from lampwell.lighting.wire import Said

SETTLE, PATIENCE = 60_000, 30_000
EDGES = ("e1", "e2", "e3")
STAGES = tuple(
    Stage(zh=name, en=name, goals=tuple(goals))
    for name, goals in (
        ("cabinet", [Goal(edge="e1", plan="2 trial", order="r-trial", trial="c1", over=1)]),
        ("area", [Goal(edge="e1", plan="2 e1", order="r-1"), Goal(edge="e2", plan="2 e2", order="r-2")]),
        ("all", [Goal(edge="e3", plan="2 e3", order="r-3")]),
    )
)
START = Rollout(id="r", version=2, stages=STAGES, settle_ms=SETTLE, patience_ms=PATIENCE)


class Machine(RuleBasedStateMachine):
    """Three edge nodes that obey, refuse, lie, fall silent and come back, and a control that restarts."""

    @initialize()
    def begin(self) -> None:
        self.now, self.rollout = 1_000_000, START
        self.plan = dict.fromkeys(EDGES, "1 old")
        self.unlike = dict.fromkeys(EDGES, 0)
        self.alive = dict.fromkeys(EDGES, True)
        self.refused: dict[str, Said] = {}
        self.sent: list[Goal] = []
        self.agreed_since: int | None = None  # reckoned here, not there

    @rule(seconds=st.integers(1, 40), known=st.booleans())
    def tick(self, seconds: int, known: bool) -> None:
        self.now += seconds * 1000
        facts = self.facts() if known else {}
        before = self.rollout
        agree = bool(asked(before)) and all(self.agrees(goal, facts) for goal in asked(before).values())
        self.agreed_since = (self.agreed_since or self.now) if agree else None
        self.rollout, goals = step(before, facts, self.now)
        self.sent += goals
        if self.rollout.at > before.at or (self.rollout.phase is Phase.DONE and before.phase is Phase.RUNNING):
            assert self.agreed_since is not None
            assert self.now - self.agreed_since >= SETTLE
        if self.rollout.at > before.at:
            self.agreed_since = None
        if before.phase is not Phase.RUNNING:
            assert (self.rollout, goals) == (before, ())

    @rule()
    def restart(self) -> None:
        """What is known of nodes is lost for a moment, what was decided is not."""
        self.rollout = read(write(self.rollout))
        self.tick(1, known=False)

    @rule(edge=st.sampled_from(EDGES))
    def obey(self, edge: str) -> None:
        for goal in self.sent:
            if goal.edge == edge and goal.order not in self.refused:
                self.plan[edge] = goal.plan

    @rule(edge=st.sampled_from(EDGES))
    def refuse(self, edge: str) -> None:
        self.refused.update(
            {goal.order: Said(zh="不要") for goal in self.sent if goal.edge == edge and self.plan[edge] != goal.plan}
        )

    @rule(edge=st.sampled_from(EDGES), count=st.integers(0, 3))
    def read_back(self, edge: str, count: int) -> None:
        self.unlike[edge] = count

    @rule(edge=st.sampled_from(EDGES))
    def go_or_come(self, edge: str) -> None:
        self.alive[edge] = not self.alive[edge]

    @rule(edge=st.sampled_from(EDGES))
    def lose_the_plan(self, edge: str) -> None:
        self.plan[edge] = ""

    @precondition(lambda self: self.rollout.phase is Phase.RUNNING)
    @rule()
    def stop(self) -> None:
        self.rollout = stopped(self.rollout, Said(zh="人工"), self.now)

    @invariant()
    def each_goal_once(self) -> None:
        orders = [goal.order for goal in getattr(self, "sent", [])]
        assert len(orders) == len(set(orders))

    @invariant()
    def a_stop_has_a_reason(self) -> None:
        if getattr(self, "rollout", START).phase is Phase.STOPPED:
            assert self.rollout.reason.zh
            assert self.rollout.ended_at is not None

    def facts(self) -> dict[str, Fact]:
        return {
            edge: Fact(plan=self.plan[edge], unlike=self.unlike[edge], refused=self.refused)
            if self.alive[edge]
            else Fact(refused=self.refused)
            for edge in EDGES
        }

    def agrees(self, goal: Goal, facts: dict[str, Fact]) -> bool:
        known = facts.get(goal.edge)
        return known is not None and known.plan == goal.plan and known.unlike == 0


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

SAID = st.sampled_from([None, "", "1 old", "2 trial", "2 e1", "2 e2", "2 e3"])
FACTS = st.fixed_dictionaries({edge: st.builds(Fact, plan=SAID, unlike=st.sampled_from([None, 0, 2])) for edge in EDGES})
HISTORY = st.lists(st.tuples(st.integers(1, 90_000), FACTS), max_size=30)


@given(HISTORY)
def test_a_restart_anywhere_is_a_no_op(history: list[tuple[int, dict[str, Fact]]]) -> None:
    """Protects from a control that forgets or repeats: written and read between any two steps, all goes as without."""
    now, one, other = 0, START, START
    for wait, facts in history:
        now += wait
        one, goals = step(one, facts, now)
        other, again = step(read(write(other)), facts, now)
        assert (one, goals) == (other, again)


def through(rollout: Rollout, facts: dict[str, Fact], seconds: int, start: int = 0) -> tuple[Rollout, list[Goal]]:
    sent: list[Goal] = []
    for now in range(start, start + seconds * 1000, 1000):
        rollout, goals = step(rollout, facts, now)
        sent += goals
    return rollout, sent


GOOD = {edge: Fact(plan=f"2 {edge}", unlike=0) for edge in EDGES}


def test_agreement_all_the_way_is_done() -> None:
    """Protects the good case: three stages, each after its settle time, and everyone asked once."""
    obedient = {**GOOD, "e1": Fact(plan="2 trial", unlike=0)}
    rollout, sent = through(START, obedient, 62)
    assert (rollout.at, sent) == (1, [])  # it had the trial already
    rollout, sent = through(rollout, obedient, 2, 62_000)
    assert [goal.order for goal in sent] == ["r-1"]
    rollout, _ = through(rollout, GOOD, 200, 64_000)
    assert rollout.phase is Phase.DONE


def test_what_stops_it_and_when() -> None:
    """Protects people who read why: a refusal at once, silence and targets unlike after the patience, each in words."""
    waiting = {**GOOD, "e1": Fact(plan="1 old", unlike=0)}
    begun, _ = through(START, waiting, 5)
    refused = {"e1": Fact(plan="1 old", unlike=0, refused={"r-trial": Said(zh="坏文件", en="damaged")})}
    cases: list[tuple[dict[str, Fact], int, str]] = [
        (refused, 1, "did not take it: damaged"),
        ({}, 31, "is not heard of"),
        (waiting, 31, "has not confirmed"),
        ({"e1": Fact(plan="2 trial", unlike=2)}, 31, "2 targets unlike"),
        ({"e1": Fact(plan="2 trial", unlike=None)}, 31, "has not told"),
    ]
    for facts, seconds, why in cases:
        after, _ = through(begun, facts, seconds, 5_000)
        assert (after.phase, why in after.reason.en) == (Phase.STOPPED, True), why
    agreed, _ = through(begun, {"e1": Fact(plan="2 trial", unlike=0)}, 10, 5_000)
    gone, _ = through(agreed, {"e1": Fact(plan="1 old", unlike=0)}, 1, 15_000)
    assert "has gone over to 1 old" in gone.reason.en


def test_a_node_that_agrees_now_and_then_does_not_pass() -> None:
    """Protects from flapping: agreement that never lasts the settle time ends in a stop, not in the next stage."""
    rollout, now = START, 0
    for n in range(40):
        facts = {"e1": Fact(plan="2 trial", unlike=n % 2)}
        rollout, _ = through(rollout, facts, 20, now)
        now += 20_000
    assert (rollout.phase, rollout.at) == (Phase.STOPPED, 0)


def test_faults_known_before_can_be_allowed_for() -> None:
    """Protects a county with one broken contactor from never changing its plan, and only as far as a person allowed."""
    one_bad = {"e1": Fact(plan="2 trial", unlike=1)}
    assert through(replace(START, allowed=1), one_bad, 62)[0].at == 1
    assert through(START, one_bad, 62)[0].phase is Phase.STOPPED


def test_stages_of_a_county(places: Places) -> None:
    """Protects the order: one cabinet, its area, all; every edge node asked once for its whole plan."""
    wanted = {edge: f"2 {edge}" for edge in places.edges}
    trial = stages(places, "r", wanted, "cabinet-08", Trial(cabinet="cabinet-08", over=1, plan="2 t"))
    shown: list[Any] = [[(goal.edge, goal.trial) for goal in stage.goals] for stage in trial]
    assert shown == [[("edge-newtown", "cabinet-08")], [("edge-newtown", "")], [("edge-oldtown", ""), ("edge-g319", "")]]
    whole = stages(places, "r", wanted, "cabinet-08", None)
    assert [[goal.edge for goal in stage.goals] for stage in whole] == [["edge-newtown"], ["edge-oldtown", "edge-g319"]]
    assert len({goal.order for stage in (*trial, *at_once("r", wanted)) for goal in stage.goals}) == 4
