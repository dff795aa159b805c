"""What is written and what is not: a state machine of loops that obey, stick, drop out and fall silent; judgements; requests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.lighting.desired import Wanted
from gateway.lighting.driver import Item, OutOfLimits, requests_of
from gateway.lighting.following import Check
from gateway.lighting.limits import HOUR_S, MOST_ONS, SPACING_S, Limits
from gateway.lighting.reconcile import Action, Kind, LampSpec, LoopSpec, Reconciler
from gateway.lighting.seen import LampSeen, LoopSeen, judge_loop
from lampwell.assets import County
from lampwell.lighting import Text
from lampwell.lighting.model import Layer
from lampwell.profiles.model import Space

AT = 1_790_000_000_000
WHY = Text(zh="方案", en="program")
LOOPS = tuple(LoopSpec(id=f"c/loop{n}", cabinet="c", rated_a=10.0) for n in (1, 2, 3))
ON = LoopSeen(heard=0.0, aux=True, amps=9.0, level=100, commanded=True, mode=2, local=False, supplied=True, tripped=False)
OFF = ON._replace(aux=False, amps=0.0, level=0, commanded=False)


def level(value: int, layer: Layer = Layer.CALENDAR) -> Wanted:
    return Wanted(value, WHY, layer)


@pytest.mark.parametrize(
    ("aux", "amps", "wanted", "agrees", "why"),
    [
        (True, 9.0, 100, True, ""),
        (False, 0.0, 0, True, ""),
        (False, 0.2, 0, True, ""),
        (True, 0.0, 100, False, "no current flows"),
        (False, 0.0, 100, False, "does not close"),
        (False, 9.0, 100, False, "feedback open"),
        (True, 9.0, 0, False, "does not open"),
        (True, 0.0, 0, False, "but feedback closed"),
        (False, 9.0, 0, False, "but feedback open"),
        (None, 9.0, 100, None, "not known"),
        (True, None, 0, None, "not known"),
    ],
)
def test_feedback_and_current_must_both_agree(
    aux: bool | None, amps: float | None, wanted: int, agrees: bool | None, why: str
) -> None:
    """One of them alone is a fault with a name of its own; neither known is not known."""
    verdict = judge_loop(ON._replace(aux=aux, amps=amps), wanted, 10.0, dims=True)
    assert verdict.agrees is agrees
    assert why in (verdict.why.en if verdict.why else "")


def test_current_is_held_against_the_lamps_at_their_level() -> None:
    """A dimmed loop draws little and is on; one with no lamp known is on by its feedback."""
    assert judge_loop(ON._replace(amps=0.2, level=20), 20, 10.0, dims=True).agrees
    assert judge_loop(ON._replace(amps=0.2, level=100), 100, 10.0, dims=True).agrees is False
    assert judge_loop(ON._replace(amps=0.0, level=100), 100, 0.0, dims=True).agrees
    assert judge_loop(ON._replace(level=None), 100, 10.0, dims=True).agrees is None
    assert judge_loop(ON._replace(level=None), 100, 10.0, dims=False).agrees


def test_level_comes_before_the_contactor() -> None:
    """No flash to full: a loop comes up at the level that is wanted."""
    made = Reconciler(LOOPS[:1])
    actions, checks = made.round(0.0, {"c/loop1": level(40)}, {"c/loop1": OFF}, {})
    assert actions == [Action("c/loop1", Kind.LEVEL, 40), Action("c/loop1", Kind.SWITCH, 1)]
    assert checks["c/loop1"] == replace(checks["c/loop1"], agrees=False, busy=True, written=True)


@pytest.mark.parametrize(
    ("seen", "wanted", "why"),
    [
        (OFF._replace(tripped=True), 100, "tripped by leakage"),
        (OFF._replace(local=True), 100, "on local"),
        (OFF._replace(mode=0), 100, "on local"),
        (OFF._replace(supplied=False), 100, "no supply"),
        (OFF._replace(mode=1), 100, "not in remote mode"),
        (ON._replace(local=True), 0, "on local"),
    ],
)
def test_what_can_not_be_done_from_here_is_not_tried(seen: LoopSeen, wanted: int, why: str) -> None:
    """Local switches and protections are above us; nothing is written and the reason is told."""
    actions, checks = Reconciler(LOOPS[:1]).round(0.0, {"c/loop1": level(wanted)}, {"c/loop1": seen}, {})
    assert actions == []
    assert checks["c/loop1"].why is not None
    assert why in checks["c/loop1"].why.en


def test_seventh_switch_on_within_the_hour_waits() -> None:
    """A loop that flaps by whatever hand is not hammered; after the hour it goes on."""
    made, now, ons = Reconciler(LOOPS[:1]), 0.0, 0
    for n in range(20):
        now += 10
        seen = (OFF if n % 2 == 0 else ON)._replace(heard=now)
        actions, checks = made.round(now, {"c/loop1": level(100 if n % 2 == 0 else 0)}, {"c/loop1": seen}, {})
        ons += Action("c/loop1", Kind.SWITCH, 1) in actions
        if n == 18:
            assert "six times" in (checks["c/loop1"].why.en if checks["c/loop1"].why else "")
            assert not checks["c/loop1"].busy
    assert ons == MOST_ONS
    actions, _ = made.round(now + HOUR_S, {"c/loop1": level(100)}, {"c/loop1": OFF._replace(heard=now + HOUR_S)}, {})
    assert Action("c/loop1", Kind.SWITCH, 1) in actions


def test_a_new_plan_is_no_way_around_the_limits() -> None:
    """What was tried and moved under the plan before still counts."""
    old = Reconciler(LOOPS)
    for now, loop in ((0.0, "c/loop1"), (5.0, "c/loop2")):
        old.round(now, {one.id: level(100 if one.id == loop else 0) for one in LOOPS}, {one.id: OFF for one in LOOPS}, {})
    new = Reconciler(LOOPS)
    new.keep(old)
    wanted = {one.id: level(100) for one in LOOPS}
    actions, checks = new.round(7.0, wanted, {one.id: OFF._replace(heard=7.0) for one in LOOPS}, {})
    assert actions == []
    assert checks["c/loop3"].why is not None
    assert "its turn" in checks["c/loop3"].why.en


def test_a_restart_is_no_way_around_the_limits() -> None:
    """What the life before had moved is on the disk: a loop's seventh switch-on waits its hour, the cabinet's next one 5 s."""
    old = Limits()
    for n in range(MOST_ONS):
        old.moved("c/loop1", "c", 100.0 * n, on=True)
    kept = old.as_kept(AT, 501.0)
    new = Reconciler(LOOPS)
    new.limits.recall(kept, AT + 1_000, 7.0)
    wanted = {one.id: level(100) for one in LOOPS}
    wrote = {}
    for now in (7.0, 10.0, 10.1):
        actions, checks = new.round(now, wanted, {one.id: OFF._replace(heard=now) for one in LOOPS}, {})
        wrote[now] = [one.target for one in actions if one.kind is Kind.SWITCH]
    assert wrote == {7.0: [], 10.0: ["c/loop2"], 10.1: []}
    assert "six times" in (checks["c/loop1"].why.en if checks["c/loop1"].why else "")
    future = Limits()
    future.recall(kept, AT - HOUR_S * 1000, 7.0)
    assert future.moves["c"] == (7.0,)


def test_a_silent_lamp_is_told_once_and_not_again() -> None:
    """Its node gets what is new; without a read-back nothing is repeated and nothing is called wrong."""
    made, spec = Reconciler(LOOPS[:1], (LampSpec(id="l1", loop="c/loop1"),)), {"l1": LampSeen(0.0, None)}
    wrote = []
    for n in range(30):
        lamps = {key: one._replace(heard=float(n)) for key, one in spec.items()}
        wanted = {"c/loop1": level(100), "l1": level(100 if n < 15 else 60)}
        actions, checks = made.round(float(n), wanted, {"c/loop1": ON._replace(heard=float(n))}, lamps)
        wrote += [(n, one.value) for one in actions]
        assert checks["l1"].agrees is None
    assert wrote == [(0, 100), (15, 60)]


def test_another_hand_on_a_level_is_met_with_patience() -> None:
    """It is set again, but a fight costs one write a minute."""
    made, wrote, seen = Reconciler(LOOPS[:1]), [], ON
    for n in range(0, 300, 2):
        actions, _ = made.round(float(n), {"c/loop1": level(50)}, {"c/loop1": seen._replace(heard=float(n))}, {})
        wrote += [n for one in actions if one.kind is Kind.LEVEL]
        seen = ON._replace(level=50 if actions else 100 if n % 4 else seen.level)
    assert len(wrote) <= 6


class Cabinet(RuleBasedStateMachine):
    """Three loops of one cabinet that obey, stick, drop out by themselves and fall silent, under changing wishes."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Reconciler(LOOPS)
        self.now = 0.0
        self.seen = {one.id: OFF for one in LOOPS}
        self.stuck: set[str] = set()
        self.silent = False
        self.wanted = {one.id: level(0) for one in LOOPS}
        self.moves: list[float] = []
        self.ons: dict[str, list[float]] = {one.id: [] for one in LOOPS}
        self.checks: dict[str, Check] = {}

    @rule(which=st.sampled_from([one.id for one in LOOPS]), value=st.sampled_from([0, 30, 100]))
    def wish(self, which: str, value: int) -> None:
        self.wanted[which] = level(value)

    @rule(which=st.sampled_from([one.id for one in LOOPS]))
    def stick(self, which: str) -> None:
        self.stuck ^= {which}

    @rule(which=st.sampled_from([one.id for one in LOOPS]))
    def drop_out(self, which: str) -> None:
        self.seen[which] = OFF

    @rule()
    def fall_silent(self) -> None:
        self.silent = not self.silent

    @rule(rounds=st.integers(1, 30), step=st.sampled_from([0.3, 1.0, 2.0, 5.0]))
    def rounds(self, rounds: int, step: float) -> None:
        for _ in range(rounds):
            self.now += step
            if not self.silent:
                self.seen = {key: one._replace(heard=self.now) for key, one in self.seen.items()}
            actions, self.checks = self.made.round(self.now, self.wanted, self.seen, {})
            for one in actions:
                self._obey(one)

    def _obey(self, one: Action) -> None:
        seen = self.seen[one.target]
        assert self.checks[one.target].agrees is False, "what is right or not known is left alone"
        assert one.value == 0 or self.wanted[one.target].level > 0
        if one.kind is Kind.LEVEL:
            self.seen[one.target] = seen._replace(level=one.value if seen.aux else 0)
            return
        if seen.commanded is not bool(one.value):
            self.moves.append(self.now)
            if one.value:
                self.ons[one.target].append(self.now)
        closed = bool(one.value) if one.target not in self.stuck else bool(seen.aux)
        self.seen[one.target] = seen._replace(
            commanded=bool(one.value),
            aux=closed,
            amps=9.0 if closed else 0.0,
            level=self.wanted[one.target].level if closed and not seen.aux else seen.level if closed else 0,
        )

    @invariant()
    def contactors_move_five_seconds_apart(self) -> None:
        assert all(b - a >= SPACING_S - 1e-9 for a, b in zip(self.moves, self.moves[1:], strict=False))

    @invariant()
    def no_loop_is_switched_on_more_than_six_times_an_hour(self) -> None:
        for times in self.ons.values():
            assert all(b - a >= HOUR_S - 1e-9 for a, b in zip(times, times[MOST_ONS:], strict=False))

    @precondition(lambda self: not self.silent and not self.stuck)
    @rule()
    def all_comes_right(self) -> None:
        """Left alone, everything is as wanted within its turns, or within the retry of what had failed."""
        for _ in range(700):
            self.rounds(1, 1.0)
        late = [
            key for key, one in self.checks.items() if one.agrees is False and "six times" not in (one.why.en if one.why else "")
        ]
        assert not late, self.checks


TestCabinet = Cabinet.TestCase
TestCabinet.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_neighbouring_registers_share_a_request(taihe: County) -> None:
    """84 lamps are one write; registers go before coils; a loop's levels, four apart, go alone."""
    lamps = next(one for one in taihe.devices if one.id == "concentrator-1").profile.registers
    levels = [one for one in lamps if one.point.path.endswith("/set_level")]
    (request,) = requests_of([Item(one, 60, one.point.path) for one in reversed(levels)])
    assert (request.space, request.address, request.values) == (Space.HOLDING, 100, (60,) * len(levels))
    cabinet = {one.point.path: one for one in next(one for one in taihe.devices if one.id == "cabinet-01").profile.registers}
    items = [
        Item(cabinet[path], value) for path, value in (("loop1/command", 1), ("loop1/set_level", 50), ("loop2/set_level", 50))
    ]
    assert [(one.space, one.values) for one in requests_of(items)] == [
        (Space.HOLDING, (50,)),
        (Space.HOLDING, (50,)),
        (Space.COIL, (1,)),
    ]
    (where,) = requests_of([Item(cabinet["latitude"], 26.7822)])
    assert where.values == (4, 267822 - 4 * 65536)


@pytest.mark.parametrize(("path", "value"), [("loop1/set_level", 101), ("master_timeout", 5), ("loop1/level", 50)])
def test_nothing_is_written_outside_the_profiles_limits(taihe: County, path: str, value: float) -> None:
    """Not even by a mistake of ours."""
    registers = next(one for one in taihe.devices if one.id == "cabinet-01").profile.registers
    with pytest.raises(OutOfLimits):
        requests_of([Item(next(one for one in registers if one.point.path == path), value)])
