"""Who must have been told by now."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.people.escalation import Call, Told, due, next_due, policy_of
from control.people.roster import Contact, Crew, Person, Policy, Roster, Season, Shift, Step, Swap

from .conftest import DAY, MINUTE, OFFICE, PEOPLE, RED, ROSTER, ZONE, at

NOON = at("2026-01-01T12:00")
TOLD = Told(priority=1, area="x", kind="ponding", announced_at=NOON)
YELLOW = Policy(
    id="yellow",
    zh="黄",
    priorities=(3,),
    steps=(Step(after_s=0, targets=("person:a",)), Step(after_s=600, targets=("person:b",))),
    quiet=("22:00", "07:00"),
)


def people(calls: tuple[Call, ...]) -> list[str]:
    return [call.person for call in calls]


def called(minutes: float, roster: Roster = ROSTER, told: Told = TOLD) -> list[str]:
    return people(due(roster, told, told.announced_at + round(minutes * MINUTE), ZONE))


def test_the_steps_come_one_after_the_other_until_someone_answers() -> None:
    """Protects escalation: duty at once, deputy at 3 min, leader at 8 min, three rounds; an answer ends it."""
    assert called(0) == ["a"]
    assert called(2.99) == ["a"]
    assert called(3) == ["a", "b"]
    assert called(8) == ["a", "b", "boss"]
    assert called(600) == ["a", "b", "boss"] * 3
    assert [call.step for call in due(ROSTER, TOLD, NOON + DAY, ZONE)] == [f"{n}.{m}" for n in range(3) for m in range(3)]
    assert next_due(ROSTER, TOLD, NOON, ZONE) == NOON + 3 * MINUTE
    assert next_due(ROSTER, TOLD, NOON + 38 * MINUTE - 1, ZONE) == NOON + 38 * MINUTE
    assert next_due(ROSTER, TOLD, NOON + 38 * MINUTE, ZONE) is None


@pytest.mark.parametrize("field", ["acked_at", "closed_at"])
def test_an_answer_or_the_end_stops_it(field: str) -> None:
    """Protects sleep: from that moment on nobody else is called, however late one asks."""
    for minutes, who in ((2, ["a"]), (3, ["a"]), (4, ["a", "b"])):
        told = replace(TOLD, **{field: NOON + minutes * MINUTE})
        assert called(600, told=told) == who
        assert next_due(ROSTER, told, NOON, ZONE) is None


def test_no_policy_means_no_call() -> None:
    """Protects the caller: an alarm that no policy is for is told to nobody, and never wakes anything."""
    told = replace(TOLD, priority=2)
    assert (due(ROSTER, told, NOON + DAY, ZONE), next_due(ROSTER, told, NOON, ZONE)) == ((), None)


def test_nobody_on_shift_goes_to_the_last_target_at_once() -> None:
    """Protects the alarm that meets an empty chair: the leader hears of it now, and why, also where a group is told as well."""
    empty = Shift(rota="office", start="2026-01-01T08:00", end="2026-01-01T20:00", persons=())
    beside = replace(RED, steps=(Step(after_s=0, targets=("duty:office", "person:c")), *RED.steps[1:]))
    roster = replace(ROSTER, shifts=(empty,), policies=(beside,))
    boss, other = due(roster, TOLD, NOON, ZONE)
    assert (boss.person, other.person, other.why) == ("boss", "c", "")
    assert "nobody on shift" in boss.why
    assert called(8, roster) == ["boss", "c", "b", "boss"]


def test_one_who_can_not_be_reached_gives_way_to_the_next() -> None:
    """Protects against a lost telephone: without a way that fits, the next target is called now, and why is said."""
    no_way = tuple(one for one in ROSTER.contacts if one.person != "a")
    red_only = (*no_way, Contact(person="a", channel="sms", address="19900000000", min_priority=1))
    (call,) = due(replace(ROSTER, contacts=no_way), TOLD, NOON, ZONE)
    assert (call.step, call.person) == ("0.0", "b")
    assert call.why.endswith("no way to reach a")
    assert called(0, replace(ROSTER, contacts=red_only)) == ["a"]
    orange = replace(ROSTER, contacts=red_only, policies=(replace(RED, priorities=(2,)),))
    assert called(0, orange, replace(TOLD, priority=2)) == ["b"]


def test_in_the_end_a_leader_is_told() -> None:
    """Protects the alarm whose whole policy leads nowhere; and with no leader either, it is nobody, not an error."""
    policy = replace(RED, steps=(Step(after_s=0, targets=("crew",)),))
    (call,) = due(replace(ROSTER, policies=(policy,)), TOLD, NOON, ZONE)
    assert (call.person, "no crew on shift" in call.why) == ("boss", True)
    nobody = replace(ROSTER, policies=(policy,), persons=PEOPLE[:3])
    assert called(600, nobody) == []


def test_further_ways_to_a_person_are_the_fallback_in_order() -> None:
    """Protects the message when a channel is broken: first way first, the others behind it, only those that fit."""
    ways = (
        Contact(person="a", channel="mail", address="a@x.example", order=3),
        Contact(person="a", channel="sms", address="19900000001", order=1),
        Contact(person="a", channel="ntfy", address="topic", order=2, min_priority=2),
    )
    (red,) = due(replace(ROSTER, contacts=ways), TOLD, NOON, ZONE)
    assert (red.channel, red.fallback) == ("sms", (("ntfy", "topic"), ("mail", "a@x.example")))
    by_mail = replace(RED, priorities=(1,), steps=(Step(after_s=0, targets=("duty:office",), channels=("mail", "ntfy")),))
    (call,) = due(replace(ROSTER, contacts=ways, policies=(by_mail,)), TOLD, NOON, ZONE)
    assert (call.channel, call.fallback) == ("ntfy", (("mail", "a@x.example"),))


@pytest.mark.parametrize(
    ("raised", "first", "second"),
    [
        ("2026-01-01T21:59", "2026-01-01T21:59", "2026-01-02T07:00"),  # falls asleep between the steps
        ("2026-01-01T22:00", "2026-01-02T07:00", "2026-01-02T07:10"),
        ("2026-01-01T23:30", "2026-01-02T07:00", "2026-01-02T07:10"),
        ("2026-01-02T06:59", "2026-01-02T07:00", "2026-01-02T07:10"),
        ("2026-01-02T07:00", "2026-01-02T07:00", "2026-01-02T07:10"),
    ],
)
def test_quiet_hours_hold_back_yellow_until_the_morning(raised: str, first: str, second: str) -> None:
    """Protects sleep, and the first person's time to answer in the morning: the steps stay apart behind the quiet hours."""
    roster = replace(ROSTER, policies=(YELLOW,))
    told = Told(priority=3, area="x", kind="well", announced_at=at(raised))
    assert [call.at for call in due(roster, told, at("2026-01-03T00:00"), ZONE)] == [at(first), at(second)]
    assert due(roster, told, at(first) - 1, ZONE) == ()
    assert next_due(roster, told, at(raised) - 1, ZONE) == at(first)


def test_red_and_orange_know_no_quiet_hours() -> None:
    """Protects against a policy that would let a flood wait for the morning."""
    roster = replace(ROSTER, policies=(replace(YELLOW, priorities=(1, 2)),))
    for priority in (1, 2):
        told = Told(priority=priority, area="x", kind="well", announced_at=at("2026-01-01T23:30"))
        assert called(0, roster, told) == ["a"]


def test_the_flood_season_switches_policies() -> None:
    """Protects the season's own steps, by the calendar and by hand; a policy for the very kind comes before both."""
    always, flood = replace(RED, id="always"), replace(RED, id="flood", season="flood")
    wells = replace(RED, id="wells", kinds=("well",))

    def chosen(day: str, kind: str = "ponding", mode: str = "auto") -> str:
        roster = replace(ROSTER, policies=(always, flood, wells), season=Season(mode=mode))
        found = policy_of(roster, Told(priority=1, area="x", kind=kind, announced_at=at(day)), ZONE)
        assert found is not None
        return found.id

    assert [chosen(day) for day in ("2026-03-31T23:59", "2026-04-01T00:00", "2026-09-30T23:59", "2026-10-01T00:00")] == [
        "always",
        "flood",
        "flood",
        "always",
    ]
    assert [chosen("2026-01-01", mode="on"), chosen("2026-07-01", mode="off"), chosen("2026-07-01", "well")] == [
        "flood",
        "always",
        "wells",
    ]


@pytest.mark.parametrize(
    ("kind", "who"), [("cabinet", ["a"]), ("concentrator", ["a"]), ("well", ["b"]), ("rain", ["b"]), ("", ["a", "b"])]
)
def test_the_crew_fits_the_kind_of_device(kind: str, who: list[str]) -> None:
    """Protects the right trade: lighting goes to cabinets, drainage to wells, both to an edge node that serves both."""
    crews = (
        Crew(id="light", zh="路灯班", members=("a",)),
        Crew(id="drain", zh="排水班", skill="drainage", members=("b",)),
        Crew(id="elsewhere", zh="别处", areas=("y",), members=("c",)),
    )
    roster = replace(ROSTER, crews=crews, policies=(replace(RED, steps=(Step(after_s=0, targets=("crew",)),)),))
    assert called(0, roster, replace(TOLD, kind=kind)) == who


def test_each_person_is_called_once_a_step() -> None:
    """Protects the telephone: whoever fills two places of a step hears of it once."""
    policy = replace(RED, steps=(Step(after_s=0, targets=("duty:office", "person:a", "leader", "person:boss")),))
    assert called(0, replace(ROSTER, policies=(policy,))) == ["a", "boss"]


targets = st.sampled_from(["duty:office", "deputy:office", "crew", "person:a", "person:gone", "leader"])
steps = st.lists(
    st.builds(
        Step,
        after_s=st.sampled_from([0.0, 60.0, 180.0, 480.0]),
        targets=st.lists(targets, min_size=1, max_size=3).map(tuple),
        channels=st.sampled_from([(), ("sms",), ("mail",)]),
    ),
    min_size=1,
    max_size=4,
).map(lambda found: tuple(sorted(found, key=lambda one: one.after_s)))
policies = st.builds(
    Policy,
    id=st.just("p"),
    zh=st.just("p"),
    priorities=st.just((1, 2, 3, 4)),
    steps=steps,
    rounds=st.integers(1, 3),
    every_s=st.sampled_from([600.0, 900.0]),
    quiet=st.sampled_from([None, ("22:00", "07:00"), ("12:10", "13:00")]),
)
contacts = st.lists(
    st.builds(
        Contact,
        person=st.sampled_from(["a", "b", "c", "boss"]),
        channel=st.sampled_from(["sms", "mail"]),
        address=st.just("-"),
        min_priority=st.integers(1, 4),
    ),
    max_size=6,
).map(tuple)
rosters = st.builds(
    lambda policy, ways, swapped: Roster(
        persons=PEOPLE,
        contacts=ways,
        rotas=(OFFICE,),
        policies=(policy,),
        swaps=swapped,
        crews=(Crew(id="k", zh="k", members=("c",)),),
    ),
    policies,
    contacts,
    st.sampled_from([(), (Swap(rota="office", start="2026-01-01T08:00", out="a", replaced_by="c"),)]),
)
occurrences = st.builds(
    Told,
    priority=st.integers(1, 4),
    area=st.just("x"),
    kind=st.sampled_from(["cabinet", "well", ""]),
    announced_at=st.integers(0, DAY).map(lambda ms: NOON - DAY // 2 + ms),
)
ages = st.integers(0, DAY)


@settings(max_examples=150, deadline=None)
@given(rosters, occurrences, st.lists(ages, min_size=2, max_size=5).map(sorted))
def test_what_is_due_only_grows_and_keeps_its_names(roster: Roster, told: Told, times: list[int]) -> None:
    """Protects restarts: asked at any times, earlier calls come again exactly as they were, none is taken back."""
    before: tuple[Call, ...] = ()
    for ms in times:
        now = due(roster, told, told.announced_at + ms, ZONE)
        assert now[: len(before)] == before
        before = now
    assert all(told.announced_at <= call.at <= told.announced_at + times[-1] for call in before)
    assert len({(call.step, call.person) for call in before}) == len(before)


@settings(max_examples=150, deadline=None)
@given(rosters, occurrences, ages, ages)
def test_nothing_is_due_from_the_answer_on(roster: Roster, told: Told, answer: int, later: int) -> None:
    """Protects whoever answered: what is due afterwards is what was due just before, whenever one asks."""
    acked = replace(told, acked_at=told.announced_at + answer)
    just_before = due(roster, told, told.announced_at + answer - 1, ZONE)
    assert due(roster, acked, told.announced_at + answer + later, ZONE) == just_before


@settings(max_examples=150, deadline=None)
@given(rosters, occurrences)
def test_waking_only_at_the_next_due_misses_nothing(roster: Roster, told: Told) -> None:
    """Protects the one who sleeps between: woken at each next_due, every call is seen at the moment it falls due."""
    now: int | None = told.announced_at - 1
    seen: dict[tuple[str, str], int] = {}
    while (now := next_due(roster, told, now, ZONE)) is not None:
        for call in due(roster, told, now, ZONE):
            seen.setdefault((call.step, call.person), now)
    every = due(roster, told, told.announced_at + 3 * DAY, ZONE)
    assert seen == {(call.step, call.person): call.at for call in every}


@settings(max_examples=100, deadline=None)
@given(rosters, occurrences)
def test_a_leader_who_can_be_reached_leaves_no_step_silent(roster: Roster, told: Told) -> None:
    """Protects every alarm: whatever is missing in the roster, each step of each round reaches someone."""
    always = replace(roster, contacts=(*roster.contacts, Contact(person="boss", channel="bell", address="-")))
    calls = due(always, told, told.announced_at + 3 * DAY, ZONE)
    policy = always.policies[0]
    assert {call.step for call in calls} == {f"{turn}.{n}" for turn in range(policy.rounds) for n in range(len(policy.steps))}


def test_a_person_on_shift_who_is_no_longer_in_the_roster_is_no_error() -> None:
    """Protects an old roster document: a name that nobody bears is one that can not be reached."""
    roster = replace(ROSTER, persons=(Person(id="boss", zh="boss", role="leader"),), contacts=ROSTER.contacts[3:])
    assert called(0, roster) == ["boss"]
