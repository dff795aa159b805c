"""The figures: against a slow reference, moved in time, cut in two, and on the edges of their definitions."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Sequence
from statistics import median_low

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.kpi.counting import floods, quantile
from control.kpi.facts import Delivery, Job, Journal, Letter, Life, Mark
from control.kpi.figures import figures
from control.kpi.measures import GROUPS
from control.kpi.model import Figures
from control.kpi.verdict import Verdict, judge
from control.orders.sla import Times

from .conftest import DAY, HOUR, MINUTE, SECOND, T0, a_life, some_lives

PERIODS = st.tuples(st.integers(0, 60), st.integers(1, 96)).map(lambda p: (T0 + p[0] * HOUR, T0 + (p[0] + p[1]) * HOUR))


def journal(lives: Sequence[Life], **more: object) -> Journal:
    return Journal(since=T0 - 9 * DAY, until=T0 + 99 * DAY, lives=lives, **more)  # type: ignore[arg-type]


def found(lives: Sequence[Life], start: int, end: int) -> Figures:
    got = figures(journal(lives), start, end)
    assert got is not None
    return got


# -- the slow reference --------------------------------------------------------------------------------------------------------


def slow_floods(times: list[int]) -> list[tuple[int, int]]:
    """Look at every instant at which something comes or leaves."""
    waves, began = [], None
    for at in sorted({*times, *(each + 10 * MINUTE for each in times)}):
        count = sum(at - 10 * MINUTE < each <= at for each in times)
        if began is None and count > 10:
            began = at
        elif began is not None and count < 5:
            waves.append((began, at))
            began = None
    return waves


def slow_counts(times: list[int], start: int, end: int, width: int) -> list[int]:
    edges = range(start, end, width)
    return [sum(edge <= at < min(edge + width, end) for at in times) for edge in edges]


def slow_stale(lives: list[Life], start: int, end: int) -> int:
    """On each day: the alarms that are stale at some second of it (everything here happens on whole seconds)."""
    most = 0
    for day in range(start, end, DAY):
        last = min(day + DAY, end)
        stale = 0
        for one in lives:
            begin = max(one.raised_at + DAY, one.announced_at, day)
            over = last if one.cleared_at is None else min(one.cleared_at, last)
            stale += begin < over
        most = max(most, stale)
    return most


def slow_chattering(lives: list[Life], start: int, end: int) -> tuple[str, ...]:
    keys = set()
    for one in lives:
        if one.cleared_at is None or not start <= one.cleared_at < end:
            continue
        before = [
            each
            for each in lives
            if each.key == one.key
            and each.cleared_at is not None
            and one.cleared_at - 60 * SECOND <= each.cleared_at <= one.cleared_at
        ]
        if len(before) >= 3:
            keys.add(one.key)
    return tuple(sorted(keys))


@settings(max_examples=150, deadline=None)
@given(some_lives(), PERIODS)
def test_they_agree_with_a_slow_reference(lives: list[Life], period: tuple[int, int]) -> None:
    """Protects every figure of load and nuisance: a second, plain reading of the definitions gives the same."""
    start, end = period
    got = found(lives, start, end)
    lives = [one for one in lives if one.announced_at < end]
    mine = [one for one in lives if one.announced_at >= start]
    times = [one.announced_at for one in lives]
    hours, tens = slow_counts(times, start, end, HOUR), slow_counts(times, start, end, 10 * MINUTE)
    waves = slow_floods(times)
    load, bad = got.load, got.nuisance
    assert load.alarms == len(mine) == sum(hours)
    assert load.per_hour == pytest.approx(len(mine) / ((end - start) / HOUR))
    assert (load.most_day, load.most_hour) == (max(slow_counts(times, start, end, DAY)), max(hours))
    assert load.busy_hours == pytest.approx(sum(count > 30 for count in hours) / len(hours))
    assert load.busy_tens == pytest.approx(sum(count > 10 for count in tens) / len(tens))
    assert load.most_ten == max((sum(at - 10 * MINUTE < each <= at for each in times) for at in times if at >= start), default=0)
    assert load.floods == sum(start <= begin < end for begin, _ in waves)
    assert load.flood_s == pytest.approx(sum(max(0, min(over, end) - max(begin, start)) for begin, over in waves) / 1000)
    counts = sorted((sum(one.key == key for one in mine) for key in {one.key for one in mine}), reverse=True)
    assert [count for _, count in bad.top] == counts[:10]
    assert bad.top_share == (pytest.approx(sum(counts[:10]) / len(mine)) if mine else None)
    assert bad.chattering == slow_chattering(lives, start, end)
    assert bad.stale_day == slow_stale(lives, start, end)
    short = [one for one in mine if one.cleared_at is not None and one.cleared_at - one.raised_at < MINUTE]
    assert bad.fleeting == sum(one.key not in bad.chattering for one in short)
    waits = [one.acked_at - one.announced_at for one in mine if one.acked_at is not None]
    assert got.acks[0].median_s == (median_low(waits) / 1000 if waits else None)
    assert sum(got.acks[priority].announced for priority in (1, 2, 3, 4)) == got.acks[0].announced == len(mine)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=60))
def test_floods_agree_with_a_slow_reference(times: list[int]) -> None:
    """Protects flood periods: more than 10 in 10 min begin one, fewer than 5 end it, at the very second."""
    at = sorted(each * SECOND for each in times)
    assert floods(at) == slow_floods(at)


@settings(max_examples=80, deadline=None)
@given(some_lives(), PERIODS, st.integers(-(10**12), 10**12))
def test_they_do_not_depend_on_when_it_was(lives: list[Life], period: tuple[int, int], shift: int) -> None:
    """Protects against hidden calendars: the same story at another time gives the same figures."""
    moved = [
        dataclasses.replace(
            one,
            **{
                name: None if (at := getattr(one, name)) is None else at + shift
                for name in ("raised_at", "announced_at", "acked_at", "cleared_at", "closed_at")
            },
        )
        for one in lives
    ]
    start, end = period
    later = figures(Journal(since=T0 - 9 * DAY + shift, until=T0 + 99 * DAY + shift, lives=moved), start + shift, end + shift)
    assert later is not None
    assert dataclasses.replace(later, start=start, end=end) == found(lives, start, end)


def tally(one: Figures) -> list[int]:
    """What must add up."""
    acks, repairs, messages = one.acks[0], one.repairs, one.messages
    return [
        one.load.alarms, one.load.floods, one.marks["shelved"], acks.announced, acks.acked, acks.decided, messages.deliveries,
        messages.letters, messages.duplicates, repairs.orders, repairs.decided,
    ]  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(some_lives(), st.lists(st.integers(0, 96 * 60), max_size=20), st.integers(1, 95))
def test_two_halves_make_a_whole(lives: list[Life], minutes: list[int], cut: int) -> None:
    """Protects monthly reports: counts and time in flood of parts add up to the whole, extremes are the greater part's."""
    extra = {
        "marks": [Mark(at=T0 + each * MINUTE, kind="shelved") for each in minutes],
        "deliveries": [Delivery(created=T0 + each * MINUTE, kind="raise", priority=1, state="sent") for each in minutes],
        "letters": [Letter(at=T0 + each * MINUTE, same=str(each % 5), taken=each % 3 > 0) for each in minutes],
        "jobs": [Job(created=T0 + each * MINUTE, due=T0 + HOUR, sla="ordinary", times=Times()) for each in minutes],
    }
    told = journal(lives, **extra)
    whole, first, second = (figures(told, T0 + a * HOUR, T0 + b * HOUR) for a, b in ((0, 96), (0, cut), (cut, 96)))
    assert whole is not None
    assert first is not None
    assert second is not None
    assert tally(whole) == [a + b for a, b in zip(tally(first), tally(second), strict=True)]
    assert whole.load.flood_s == pytest.approx(first.load.flood_s + second.load.flood_s)
    assert whole.load.most_hour == max(first.load.most_hour, second.load.most_hour)
    assert whole.load.most_ten == max(first.load.most_ten, second.load.most_ten)
    assert whole.standing == second.standing


def test_nothing_is_no_data() -> None:
    """Protects the reader from an empty journal that looks like a perfect month."""
    assert figures(Journal(since=T0, until=T0 + DAY), T0 + DAY, T0 + 2 * DAY) is None
    assert figures(Journal(since=T0, until=T0 + DAY), T0 - DAY, T0) is None
    assert {judge(each, None)[1] for _, _, group in GROUPS for each in group} == {Verdict.NO_DATA}
    quiet = figures(Journal(since=T0, until=T0 + DAY), T0 - DAY, T0 + 9 * DAY)
    assert quiet is not None
    assert (quiet.days, quiet.load.per_day, quiet.nuisance.top_share, quiet.split) == (1.0, 0.0, None, {})
    told = {each.id: judge(each, quiet)[1] for _, _, group in GROUPS for each in group}
    assert told["per_day"] is Verdict.ACCEPTABLE
    for name in ("top_share", "high", "ack_median_1", "sent", "per_alarm", "in_sla", "shelved_end", "accepted_p99_1"):
        assert told[name] is Verdict.NO_DATA


@pytest.mark.parametrize(
    ("per_day", "verdict"), [(150, Verdict.ACCEPTABLE), (151, Verdict.MANAGEABLE), (300, Verdict.MANAGEABLE), (301, Verdict.OVER)]
)
def test_verdicts_at_the_limits(per_day: int, verdict: Verdict) -> None:
    """Protects the limits of the standards as domain alarms 1.2 gives them."""
    lives = [a_life(n, T0 + n * (DAY // 400)) for n in range(per_day)]
    got = figures(Journal(since=T0, until=T0 + DAY, lives=lives), T0, T0 + DAY)
    measures = {each.id: each for _, _, group in GROUPS for each in group}
    assert judge(measures["per_day"], got) == (per_day, verdict)
    assert judge(measures["top_share"], got)[1] is (Verdict.FEW if per_day < 200 else Verdict.OVER)


def test_below_means_below() -> None:
    """Protects "less than 5": five stale alarms on a day are over, four are not."""
    measures = {each.id: each for _, _, group in GROUPS for each in group}
    for many, verdict in ((4, Verdict.ACCEPTABLE), (5, Verdict.OVER)):
        got = found([a_life(n, T0) for n in range(many)], T0, T0 + 2 * DAY)
        assert judge(measures["stale_day"], got) == (many, verdict)


@pytest.mark.parametrize(
    ("life", "decided", "in_time"),
    [
        (a_life(1, T0, acked_at=T0 + HOUR), 1, 1.0),
        (a_life(1, T0, acked_at=T0 + HOUR + 1), 1, 0.0),
        (a_life(1, T0), 1, 0.0),
        (a_life(1, T0, cleared_at=T0 + HOUR), 0, None),  # gone by itself before anyone had to act
        (a_life(1, T0, cleared_at=T0 + HOUR + 1), 1, 0.0),
        (a_life(1, T0, respond_ms=999 * DAY), 0, None),  # there is time yet
    ],
)
def test_who_answered_in_time(life: Life, decided: int, in_time: float | None) -> None:
    """Protects the response share from those that could not be judged."""
    acks = found([life], T0, T0 + DAY).acks[3]
    assert (acks.decided, acks.in_time) == (decided, in_time)


def test_messages_and_repairs() -> None:
    """Protects delivery and repair figures: first messages by priority, repeats of what may have arrived, no undecided orders."""
    deliveries = [
        Delivery(created=T0, kind="raise", priority=1, state="sent", accepted_at=T0 + n * SECOND) for n in range(1, 101)
    ]
    deliveries += [
        Delivery(created=T0, kind="escalate", priority=1, state="dead"),
        Delivery(created=T0, kind="clear", priority=2, state="unknown"),
    ]
    handed = [("a", True), ("a", True), ("b", False), ("b", True), ("c", True)]
    letters = [Letter(at=T0 + n, same=same, taken=taken) for n, (same, taken) in enumerate(handed)]
    jobs = [
        Job(created=T0, due=T0 + HOUR, sla="ordinary", times=Times(responded_at=T0 + MINUTE, repaired_at=T0 + HOUR)),
        Job(created=T0, due=T0 + HOUR, sla="ordinary", times=Times(responded_at=T0 + 3 * MINUTE, reopened=1)),
        Job(created=T0, due=T0 + 999 * DAY, sla="serious", times=Times()),
        Job(created=T0, due=T0, sla="ordinary", times=Times(cancelled=True, ended_at=T0)),
    ]
    got = figures(journal([a_life(1, T0), a_life(2, T0)], deliveries=deliveries, letters=letters, jobs=jobs), T0, T0 + DAY)
    assert got is not None
    assert got.messages.states == {"dead": 1, "sent": 100, "unknown": 1}
    assert (got.messages.letters, got.messages.duplicates, got.messages.per_alarm) == (4, 1, 2.0)
    latency = got.messages.latency[1]
    assert (latency.count, latency.p50_s, latency.p95_s, latency.p99_s) == (100, 50, 95, 99)
    repairs = got.repairs
    assert (repairs.orders, repairs.decided, repairs.in_time, repairs.reopened, repairs.cancelled) == (4, 2, 0.5, 1, 1)
    assert (repairs.response_s, repairs.repair_s) == (60, 3600)


@given(st.lists(st.integers(-5, 5)), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_quantiles(values: list[int], share: float) -> None:
    """Protects medians and 90 %: the smallest value that enough of the values do not exceed."""
    got = quantile(values, share)
    if not values:
        assert got is None
        return
    ordered = sorted(values)
    assert got in values
    assert sum(each <= got for each in ordered) >= share * len(values)
    assert bisect_left(ordered, got) < share * len(values)
