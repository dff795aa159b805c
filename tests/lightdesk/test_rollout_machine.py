"""The stepper of a roll-out: never on after a disagreement, nor without those who are there, whatever edge nodes do and whenever
control restarts; who is away is owed, and served.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from control.lighting.agreement import longest_ms
from control.lighting.places import Places
from control.lighting.rollout import Fact, Goal, Owed, Phase, Rollout, Stage, asked, read, write
from control.lighting.staging import Trial, at_once, stages
from control.lighting.stepper import failed, step, stopped
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


def area_of(*edges: str) -> Rollout:
    """One stage for all of these."""
    goals = tuple(Goal(edge=edge, plan=f"2 {edge}", order=f"r-{edge}") for edge in edges)
    return replace(START, stages=(Stage(zh="片区", en="area", goals=goals),))


ONE_STAGE = area_of(*EDGES)


class Machine(RuleBasedStateMachine):
    """Three edge nodes that obey, refuse, lie, fall silent and come back, and a control that restarts."""

    @initialize(start=st.sampled_from([START, ONE_STAGE]))
    def begin(self, start: Rollout) -> None:
        self.now, self.rollout = 1_000_000, start
        self.plan = dict.fromkeys(EDGES, "1 old")
        self.unlike = dict.fromkeys(EDGES, 0)
        self.alive = dict.fromkeys(EDGES, True)
        self.refused: dict[str, Said] = {}
        self.sent: list[Goal] = []
        self.agreed: dict[Goal, int] = {}  # reckoned here, not there
        self.gone: dict[str, int] = {}
        self.back: dict[str, int] = {}

    @rule(seconds=st.integers(1, 40), known=st.booleans())
    def tick(self, seconds: int, known: bool) -> None:
        self.now += seconds * 1000
        facts = self.facts() if known else {}
        before = self.rollout
        there = {edge for edge in EDGES if facts.get(edge, Fact()).there}
        agree = {goal for goal in asked(before).values() if self.agrees(goal, facts)}
        self.agreed = {goal: self.agreed.get(goal, self.now) for goal in agree}
        self.gone = {edge: self.gone.get(edge, self.now) for edge in EDGES if edge not in there}
        self.back = {edge: self.back.get(edge, self.now) for edge in there}
        self.rollout, goals = step(before, facts, self.now)
        self.goes_on(before, agree, there)
        self.owes(before)
        for goal in goals:
            aside = goal.edge in names(before.owed)
            assert (aside and self.back.get(goal.edge) == self.now) or goal not in self.sent
        self.sent += goals
        if before.phase is Phase.STOPPED:
            assert (self.rollout, goals) == (before, ())
        if before.phase is Phase.DONE:
            assert replace(self.rollout, owed=before.owed, served=before.served) == before

    def goes_on(self, before: Rollout, agree: set[Goal], there: set[str]) -> None:
        """To the next stage or the end: each has agreed for long, or is owed and does not disagree; one at least has agreed."""
        if self.rollout.at == before.at and not (before.phase is Phase.RUNNING and self.rollout.phase is Phase.DONE):
            return
        aside = names(self.rollout.owed)
        for goal in asked(before).values():
            if goal.edge in aside:
                assert goal.edge not in there or goal in agree
            else:
                assert self.now - self.agreed[goal] >= SETTLE
        assert {goal.edge for goal in before.stages[before.at].goals} - aside

    def owes(self, before: Rollout) -> None:
        """Set aside only for being away, for long; served only by agreeing for long."""
        for edge in names(self.rollout.owed) - names(before.owed):
            assert before.asked_at is not None
            assert self.now - self.gone[edge] >= PATIENCE or self.now - before.asked_at >= longest_ms(before)
        for edge in names(before.owed) - names(self.rollout.owed):
            assert self.now - self.agreed[asked(before)[edge]] >= SETTLE

    @rule(ticks=st.integers(2, 12))
    def all_obey_for_a_while(self, ticks: int) -> None:
        """Those who are there: so that a roll-out comes far."""
        for _ in range(ticks):
            for edge in EDGES:
                if self.alive[edge]:
                    self.obey(edge)
            self.tick(10, known=True)

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
    def a_stop_has_a_reason(self) -> None:
        if getattr(self, "rollout", START).phase is Phase.STOPPED:
            assert self.rollout.reason.zh
            assert self.rollout.ended_at is not None

    def facts(self) -> dict[str, Fact]:
        return {
            edge: Fact(there=True, plan=self.plan[edge], unlike=self.unlike[edge], refused=self.refused)
            if self.alive[edge]
            else Fact(refused=self.refused)
            for edge in EDGES
        }

    def agrees(self, goal: Goal, facts: dict[str, Fact]) -> bool:
        known = facts.get(goal.edge)
        return known is not None and known.there and known.plan == goal.plan and known.unlike == 0


def names(owed: tuple[Owed, ...]) -> set[str]:
    return {one.edge for one in owed}


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

SAID = st.sampled_from([None, "", "1 old", "2 trial", "2 e1", "2 e2", "2 e3"])
FACTS = st.fixed_dictionaries(
    {edge: st.builds(Fact, there=st.booleans(), plan=SAID, unlike=st.sampled_from([None, 0, 2])) for edge in EDGES}
)
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


GOOD = {edge: Fact(there=True, plan=f"2 {edge}", unlike=0) for edge in EDGES}


def test_agreement_all_the_way_is_done() -> None:
    """Protects the good case: three stages, each after its settle time, and everyone asked once."""
    obedient = {**GOOD, "e1": Fact(there=True, plan="2 trial", unlike=0)}
    rollout, sent = through(START, obedient, 62)
    assert (rollout.at, sent) == (1, [])  # it had the trial already
    rollout, sent = through(rollout, obedient, 2, 62_000)
    assert [goal.order for goal in sent] == ["r-1"]
    rollout, _ = through(rollout, GOOD, 200, 64_000)
    assert rollout.phase is Phase.DONE


def test_what_stops_it_and_when() -> None:
    """Protects people who read why: a refusal at once, silence and targets unlike after the patience, each in words."""
    waiting = {**GOOD, "e1": Fact(there=True, plan="1 old", unlike=0)}
    begun, _ = through(START, waiting, 5)
    refused = {"e1": Fact(there=True, plan="1 old", unlike=0, refused={"r-trial": Said(zh="坏文件", en="damaged")})}
    cases: list[tuple[dict[str, Fact], int, str]] = [
        (refused, 1, "did not take it: damaged"),
        ({}, 31, "is not heard of"),
        (waiting, 31, "has not confirmed"),
        ({"e1": Fact(there=True, plan="2 trial", unlike=2)}, 31, "2 targets unlike"),
        ({"e1": Fact(there=True, plan="2 trial", unlike=None)}, 31, "has not told"),
    ]
    for facts, seconds, why in cases:
        after, _ = through(begun, facts, seconds, 5_000)
        assert (after.phase, why in after.reason.en) == (Phase.STOPPED, True), why
    agreed, _ = through(begun, {"e1": Fact(there=True, plan="2 trial", unlike=0)}, 10, 5_000)
    gone, _ = through(agreed, {"e1": Fact(there=True, plan="1 old", unlike=0)}, 1, 15_000)
    assert "has gone over to 1 old" in gone.reason.en


def test_a_node_that_agrees_now_and_then_does_not_pass() -> None:
    """Protects from flapping: agreement that never lasts the settle time ends in a stop, not in the next stage."""
    rollout, now = START, 0
    for n in range(40):
        facts = {"e1": Fact(there=True, plan="2 trial", unlike=n % 2)}
        rollout, _ = through(rollout, facts, 20, now)
        now += 20_000
    assert (rollout.phase, rollout.at) == (Phase.STOPPED, 0)


def test_a_control_that_was_down_for_long_goes_on_when_nodes_are_heard_of() -> None:
    """Protects a roll-out over a long stop of control: nobody has been heard of yet, which is no doubt of anybody."""
    begun, _ = through(START, {"e1": Fact(there=True, plan="2 trial", unlike=0)}, 20)
    later, _ = through(begun, {}, 3, 100_000_000)
    assert later.phase is Phase.RUNNING
    after, _ = through(later, {"e1": Fact(there=True, plan="2 trial", unlike=0)}, 62, 100_003_000)
    assert after.at == 1


def test_faults_known_before_can_be_allowed_for() -> None:
    """Protects a county with one broken contactor from never changing its plan, and only as far as a person allowed."""
    one_bad = {"e1": Fact(there=True, plan="2 trial", unlike=1)}
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


def test_who_is_away_is_owed_and_the_others_go_on() -> None:
    """Protects a county from one box without power: done without it after patience and settling, with since when it was away."""
    rollout, sent = through(START, {**GOOD, "e1": Fact(there=True, plan="2 trial", unlike=0)}, 62)
    without = {edge: fact for edge, fact in GOOD.items() if edge != "e2"}
    rollout, sent = through(rollout, without, 200, 62_000)
    assert (rollout.phase, [one.edge for one in rollout.owed], rollout.reason.zh) == (Phase.DONE, ["e2"], "")
    assert rollout.owed[0].since == 63_000
    assert [goal.order for goal in sent] == ["r-2"]  # e1 goes by it already


def test_it_never_begins_with_one_that_is_away_nor_goes_on_with_none() -> None:
    """Protects the trial: a stage in which nobody has agreed stops with the reason, however many are away."""
    for rollout, facts in ((START, {}), (area_of("e1", "e2"), {})):
        after, _ = through(rollout, facts, 40)
        assert (after.phase, after.owed, "is not heard of" in after.reason.en) == (Phase.STOPPED, (), True)
    slow = {"e1": Fact(there=True, plan="1 old", unlike=0)}
    waiting, _ = through(area_of("e1", "e2"), slow, 30)
    assert (waiting.phase, waiting.owed) == (Phase.RUNNING, ())
    after, _ = through(waiting, slow, 10, 30_000)
    assert "e1 has not confirmed it" in after.reason.en


def test_who_is_there_and_disagrees_is_never_set_aside() -> None:
    """Protects from a bad plan hidden behind a box without power: one disagrees, one is away, one agrees."""
    facts = {"e1": GOOD["e1"], "e2": Fact(there=True, plan="2 e2", unlike=1)}
    rollout, _ = through(ONE_STAGE, facts, 40)
    assert (rollout.phase, "1 targets unlike" in rollout.reason.en) == (Phase.STOPPED, True)


def test_the_last_who_agreed_may_not_be_set_aside() -> None:
    """Protects from going on with none left: e2 owed, then e1 away, too."""
    rollout, _ = through(area_of("e1", "e2"), {"e1": GOOD["e1"]}, 40)
    assert names(rollout.owed) == {"e2"}
    rollout, _ = through(rollout, {}, 40, 40_000)
    assert (rollout.phase, rollout.reason.en) == (Phase.STOPPED, "e1 is not heard of")


def test_none_is_set_aside_while_all_others_still_have_to_confirm() -> None:
    """Protects from deciding too early: e2 has been away for its time, e1 has only just been asked and is slow."""
    late = {"e1": Fact(there=True, plan="2 e1", unlike=1)}
    rollout, _ = through(area_of("e1", "e2"), {}, 25)
    rollout, _ = through(rollout, late, 10, 25_000)
    assert (rollout.phase, rollout.owed) == (Phase.RUNNING, ())
    rollout, _ = through(rollout, {"e1": GOOD["e1"]}, 3, 35_000)
    assert names(rollout.owed) == {"e2"}


def owing() -> Rollout:
    """Done at 95 s, e2 owed."""
    rollout, _ = through(area_of("e1", "e2"), {"e1": GOOD["e1"]}, 95)
    assert (rollout.phase, names(rollout.owed)) == (Phase.DONE, {"e2"})
    return rollout


def test_who_comes_back_is_asked_by_the_same_order_and_served_when_it_agrees() -> None:
    """Protects the box that comes back after days: its plan is asked for once each time it is back, and it has to settle."""
    old = {"e1": GOOD["e1"], "e2": Fact(there=True, plan="1 old", unlike=0)}
    rollout, sent = through(owing(), old, 10, 1_000_000)
    assert [goal.order for goal in sent] == ["r-e2"]
    rollout, sent = through(read(write(rollout)), {}, 2, 1_010_000)
    assert (sent, rollout.owed[0].back_at) == ([], None)
    rollout, sent = through(rollout, old, 5, 1_012_000)
    assert [goal.order for goal in sent] == ["r-e2"]
    rollout, sent = through(rollout, GOOD, 59, 1_017_000)
    assert (sent, names(rollout.owed)) == ([], {"e2"})
    rollout, _ = through(rollout, GOOD, 5, 1_076_000)
    assert (rollout.phase, rollout.owed, list(rollout.served)) == (Phase.DONE, (), ["e2"])


def test_who_comes_back_and_does_not_agree_is_told_once_and_stays_owed() -> None:
    """Protects from a plan that failed unseen: refused at once, unlike after the patience, mended later without a word."""
    refused = {"r-e2": Said(zh="坏文件", en="damaged")}
    for fact, seconds, why in (
        (Fact(there=True, plan="1 old", unlike=0, refused=refused), 2, "damaged"),
        (Fact(there=True, plan="2 e2", unlike=3), 32, "3 targets unlike"),
    ):
        rollout, _ = through(owing(), {"e2": fact}, seconds, 1_000_000)
        assert (rollout.phase, why in rollout.owed[0].trouble.en) == (Phase.DONE, True)
        again, _ = through(rollout, {"e2": fact}, 100, 1_100_000)
        assert again.owed[0].trouble == rollout.owed[0].trouble
        mended, _ = through(again, GOOD, 62, 1_200_000)
        assert mended.owed == ()


def test_trouble_with_one_that_came_back_stops_what_still_runs() -> None:
    """Protects the stages to come: nothing goes on while a node that was set aside is back and disagrees."""
    two = replace(area_of("e1", "e2"), stages=(*area_of("e1", "e2").stages, Stage(zh="全县", en="county", goals=STAGES[2].goals)))
    rollout, _ = through(two, {"e1": GOOD["e1"]}, 40)
    assert names(rollout.owed) == {"e2"}
    bad = {"e1": GOOD["e1"], "e2": Fact(there=True, plan="2 e2", unlike=1)}
    on, _ = through(rollout, bad, 25, 75_000)
    assert (on.phase, on.at) == (Phase.RUNNING, 0)
    after, _ = through(on, bad, 10, 100_000)
    assert (after.phase, after.at, "1 targets unlike" in after.reason.en) == (Phase.STOPPED, 0, True)


def test_what_can_not_be_asked_is_trouble() -> None:
    """Protects a roll-out that is done from becoming one that stopped, because a document can not be made any more."""
    why = Said(zh="方案无法生成")
    done = owing()
    after = failed(done, done.stages[0].goals, why, 5)
    assert (after.phase, after.owed[0].trouble) == (Phase.DONE, why)
    assert failed(START, START.stages[0].goals, why, 5).phase is Phase.STOPPED
