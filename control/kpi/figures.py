"""From plain event lists to the figures of one position over one period. Pure.

Definitions: domain alarms 1.2 (ISA-18.2 / IEC 62682, EEMUA 191). Days, hours and ten minutes are counted from the start of the
period: one that starts at county midnight has county days.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from control.kpi.counting import TEN_MS, buckets, bursts, floods, fullest, overlap, quantile, share_above
from control.kpi.facts import Delivery, Job, Journal, Letter, Life
from control.kpi.model import Acks, Figures, Latency, Load, Messages, Nuisance, Repairs, Standing
from control.orders.sla import in_time

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BUSY_HOUR, BUSY_TEN = 30, 10
CHATTER, CHATTER_MS = 3, 60_000
"""Chattering: three times from active to clear within a minute (domain alarms 1.2 [S])."""
FLEETING_MS = 60_000
"""Fleeting: over within a minute, without chattering. The minute is this project's, unverified."""
STALE_MS = DAY_MS
"""Stale: active without a break for more than 24 h (domain alarms 1.2 [S])."""
MARKS = ("announced-again", "shelved", "suppressed", "out-of-service")
PRIORITIES = (1, 2, 3, 4)


def figures(journal: Journal, start: int, end: int) -> Figures | None:
    """The figures of [start, end), as far as the journal speaks of it; None = it says nothing of that time."""
    start, end = max(start, journal.since), min(end, journal.until)
    if end <= start:
        return None
    lives = [one for one in journal.lives if one.announced_at < end]
    mine = [one for one in lives if one.announced_at >= start]
    marks = Counter(one.kind for one in journal.marks if start <= one.at < end)
    return Figures(
        start=start,
        end=end,
        days=(end - start) / DAY_MS,
        load=_load(sorted(one.announced_at for one in lives), start, end),
        nuisance=_nuisance(lives, mine, start, end),
        split={priority: sum(one.priority == priority for one in mine) / len(mine) for priority in PRIORITIES if mine},
        acks={priority: _acks(mine, priority, journal.until) for priority in (0, *PRIORITIES)},
        standing=_standing(lives, end),
        marks={kind: marks[kind] for kind in MARKS},
        held=journal.held,
        messages=_messages(journal.deliveries, journal.letters, len(mine), start, end),
        repairs=_repairs([one for one in journal.jobs if start <= one.created < end], journal.until),
    )


# -- alarms --------------------------------------------------------------------------------------------------------------------


def _load(times: Sequence[int], start: int, end: int) -> Load:
    count = sum(start <= at for at in times)
    tens = (end - start) / TEN_MS
    waves = floods(times)
    flood_ms = sum(overlap(one, (start, end)) for one in waves)
    return Load(
        alarms=count,
        per_day=count / tens * 144,
        per_hour=count / tens * 6,
        per_ten=count / tens,
        most_day=max(buckets(times, start, end, DAY_MS).values(), default=0),
        most_hour=max(buckets(times, start, end, HOUR_MS).values(), default=0),
        most_ten=fullest(times, start, end),
        busy_hours=share_above(times, start, end, HOUR_MS, BUSY_HOUR),
        busy_tens=share_above(times, start, end, TEN_MS, BUSY_TEN),
        floods=sum(start <= begin < end for begin, _ in waves),
        flood_s=flood_ms / 1000,
        flood_share=flood_ms / (end - start),
    )


def _nuisance(lives: Sequence[Life], mine: Sequence[Life], start: int, end: int) -> Nuisance:
    counted = sorted(Counter(one.key for one in mine).items(), key=lambda each: (-each[1], each[0]))[:10]
    restless = _chattering(lives, start, end)
    stale = [span for one in lives if (span := _stale(one, end)) is not None]
    return Nuisance(
        top=tuple(counted),
        top_share=sum(count for _, count in counted) / len(mine) if mine else None,
        chattering=restless,
        fleeting=sum(_is_fleeting(one) and one.key not in restless for one in mine),
        stale_day=_most_on_a_day(stale, start, end),
        stale_end=sum(last >= end for _, last in stale),
    )


def _chattering(lives: Iterable[Life], start: int, end: int) -> tuple[str, ...]:
    clears: dict[str, list[int]] = defaultdict(list)
    for one in lives:
        if one.cleared_at is not None:
            clears[one.key].append(one.cleared_at)
    found = ((key, bursts(sorted(times), CHATTER, CHATTER_MS)) for key, times in clears.items())
    return tuple(sorted(key for key, times in found if any(start <= at < end for at in times)))


def _is_fleeting(one: Life) -> bool:
    return one.cleared_at is not None and one.cleared_at - one.raised_at < FLEETING_MS


def _stale(one: Life, end: int) -> tuple[int, int] | None:
    """From when to when it was stale and announced, until ``end`` at the most; None = it was not."""
    begin = max(one.raised_at + STALE_MS, one.announced_at)
    last = end if one.cleared_at is None else min(one.cleared_at, end)
    return (begin, last) if begin < last else None


def _most_on_a_day(spans: Iterable[tuple[int, int]], start: int, end: int) -> int:
    days: Counter[int] = Counter()
    for begin, last in spans:
        if min(last, end) > max(begin, start):
            days.update(range((max(begin, start) - start) // DAY_MS, (min(last, end) - 1 - start) // DAY_MS + 1))
    return max(days.values(), default=0)


def _acks(mine: Sequence[Life], priority: int, until: int) -> Acks:
    """``priority`` 0 = all."""
    asked = [one for one in mine if priority in (0, one.priority)]
    waits = [(one.acked_at - one.announced_at) / 1000 for one in asked if one.acked_at is not None]
    kept = [_answered(one, until) for one in asked]
    decided = [one for one in kept if one is not None]
    return Acks(
        announced=len(asked),
        acked=len(waits),
        median_s=quantile(waits, 0.5),
        p90_s=quantile(waits, 0.9),
        decided=len(decided),
        in_time=sum(decided) / len(decided) if decided else None,
    )


def _answered(one: Life, until: int) -> bool | None:
    """Whether it was acknowledged within its time to respond; None = it cleared before, or that time is not over."""
    deadline = one.announced_at + one.respond_ms
    if one.acked_at is not None:
        return one.acked_at <= deadline
    over = until if one.cleared_at is None else min(one.cleared_at, until)
    return False if deadline < over else None


def _standing(lives: Iterable[Life], end: int) -> Standing:
    standing = [one for one in lives if one.closed_at is None or one.closed_at >= end]
    return Standing(
        open=len(standing),
        active=sum(one.cleared_at is None or one.cleared_at >= end for one in standing),
        unanswered=sum(one.acked_at is None or one.acked_at >= end for one in standing),
    )


# -- messages and repairs ------------------------------------------------------------------------------------------------------


def _messages(deliveries: Iterable[Delivery], letters: Iterable[Letter], alarms: int, start: int, end: int) -> Messages:
    mine = [one for one in deliveries if start <= one.created < end]
    taken, again, seen = 0, 0, set[str]()
    for one in sorted(letters, key=lambda each: each.at):
        if one.taken and one.at < end:
            taken += one.at >= start
            again += one.at >= start and one.same in seen
            seen.add(one.same)
    return Messages(
        deliveries=len(mine),
        states=dict(sorted(Counter(one.state for one in mine).items())),
        letters=taken,
        per_alarm=taken / alarms if alarms else None,
        duplicates=again,
        latency={priority: found for priority in PRIORITIES if (found := _latency(mine, priority)) is not None},
    )


def _latency(deliveries: Iterable[Delivery], priority: int) -> Latency | None:
    waits = sorted(
        (one.accepted_at - one.created) / 1000
        for one in deliveries
        if one.kind == "raise" and one.priority == priority and one.accepted_at is not None
    )
    p50, p95, p99 = (quantile(waits, share) for share in (0.5, 0.95, 0.99))
    if p50 is None or p95 is None or p99 is None:
        return None
    return Latency(count=len(waits), p50_s=p50, p95_s=p95, p99_s=p99)


def _repairs(jobs: Sequence[Job], until: int) -> Repairs:
    kept = [in_time(one.sla, one.due, one.times, until) for one in jobs]
    decided = [one for one in kept if one is not None]
    return Repairs(
        orders=len(jobs),
        repaired=sum(one.times.repaired_at is not None for one in jobs),
        reopened=sum(one.times.reopened > 0 for one in jobs),
        cancelled=sum(one.times.cancelled for one in jobs),
        response_s=quantile(_waits((one.created, one.times.responded_at) for one in jobs), 0.5),
        repair_s=quantile(_waits((one.created, one.times.repaired_at) for one in jobs), 0.5),
        decided=len(decided),
        in_time=sum(decided) / len(decided) if decided else None,
    )


def _waits(pairs: Iterable[tuple[int, int | None]]) -> list[float]:
    return [(end - start) / 1000 for start, end in pairs if end is not None]
