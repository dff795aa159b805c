"""What a back-test amounts to: how many alarms a day, how restless, and whether what was labelled was found, and how early."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from statistics import median

from control.backtest.run import Life

DAY_MS, CHATTER_MS, CHATTER = 86_400_000, 60_000, 3
"""Chattering: an alarm that goes from active to clear three times or more within a minute (domain alarms 1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Something that really happened, from ``start`` to ``end`` (epoch ms), which an alarm whose key matches one of ``keys``
    (shell patterns) should tell of. ``lead_ms``: how much earlier than its start an alarm still counts for it.
    """

    name: str
    keys: tuple[str, ...]
    start: int
    end: int
    lead_ms: int = 3_600_000

    def means(self, key: str) -> bool:
        """Whether an alarm speaks of it."""
        return any(fnmatchcase(key, pattern) for pattern in self.keys)

    def told_by(self, life: Life) -> bool:
        """Whether an announcement counts for it: made in its time, or not longer before than the lead."""
        at = life.announced_at
        return at is not None and self.means(life.key) and self.start - self.lead_ms <= at <= self.end

    def stood_in(self, life: Life) -> bool:
        """Whether people had been told too early for it, but the alarm still stood when it began."""
        at = life.announced_at
        over = life.cleared_at
        return at is not None and self.means(life.key) and at < self.start - self.lead_ms and (over is None or over >= self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """One rule over the whole time. ``raised`` and ``announced`` count what began in it; ``active_s`` is summed over its alarms,
    those that stood at the start included.
    """

    rule: str
    priority: int
    raised: int
    announced: int
    per_day: float
    chattering: int
    active_s: float
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A labelled event: found by which alarm, and how many seconds before its start it was told (negative: after). ``lead_s``
    None: missed, or, where found, the alarm had stood for longer than the lead and tells nothing of this event.
    """

    name: str
    found: bool
    key: str = ""
    lead_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole back-test of ``days``. ``standing``: alarms that were active at its start already. ``false_alarms``: announced
    occurrences of alarms that labels speak of, outside every label; None and ``detections`` empty where nothing was labelled.
    """

    days: float
    announced: int
    per_day: float
    chattering: int
    standing: int
    rules: tuple[RuleFigures, ...]
    detections: tuple[Detection, ...] = ()
    false_alarms: int | None = None
    median_lead_s: float | None = None


def report(lives: Sequence[Life], start: int, end: int, labels: Sequence[Label] = ()) -> Report:
    """The figures of a back-test over [start, end)."""
    days = (end - start) / DAY_MS
    by_rule: dict[str, list[Life]] = defaultdict(list)
    for life in lives:
        by_rule[life.rule].append(life)
    rules = tuple(sorted((_rule(each, start, end) for each in by_rule.values()), key=lambda one: (-one.announced, one.rule)))
    announced = sum(one.announced for one in rules)
    detections = tuple(_detect(label, lives) for label in labels)
    leads = [one.lead_s for one in detections if one.lead_s is not None]
    return Report(
        days=days,
        announced=announced,
        per_day=announced / days if days else 0.0,
        chattering=sum(one.chattering for one in rules),
        standing=sum(life.raised_at < start for life in lives),
        rules=rules,
        detections=detections,
        false_alarms=_false(_told(lives, start), labels) if labels else None,
        median_lead_s=median(leads) if leads else None,
    )


def chattering(lives: Iterable[Life]) -> int:
    """How many alarms chattered at least once."""
    clears: dict[str, list[int]] = defaultdict(list)
    for life in lives:
        if life.cleared_at is not None:
            clears[life.key].append(life.cleared_at)
    return sum(
        any(times[n + CHATTER - 1] - times[n] <= CHATTER_MS for n in range(len(times) - CHATTER + 1))
        for times in map(sorted, clears.values())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two rule sets over the same time: occurrences that only one of them announces, as (alarm key, how many)."""

    only_now: tuple[tuple[str, int], ...]
    only_then: tuple[tuple[str, int], ...]


def difference(now: Sequence[Life], then: Sequence[Life], start: int) -> Difference:
    """What the rules ``then`` would change against those of ``now`` from ``start`` on, counted by alarm key."""
    before, after = (Counter(life.key for life in _told(lives, start)) for lives in (now, then))
    return Difference(
        only_now=tuple(sorted((before - after).items())),
        only_then=tuple(sorted((after - before).items())),
    )


def _told(lives: Iterable[Life], start: int) -> list[Life]:
    """Those that people were told of from ``start`` on."""
    return [life for life in lives if life.announced_at is not None and life.announced_at >= start]


def _rule(lives: Sequence[Life], start: int, end: int) -> RuleFigures:
    announced, days = len(_told(lives, start)), (end - start) / DAY_MS
    active = [life.active_ms(start, end) / 1000 for life in lives]
    return RuleFigures(
        rule=lives[0].rule,
        priority=lives[0].priority,
        raised=sum(life.raised_at >= start for life in lives),
        announced=announced,
        per_day=announced / days if days else 0.0,
        chattering=chattering(lives),
        active_s=sum(active),
        longest_s=max(active),
    )


def _detect(label: Label, lives: Sequence[Life]) -> Detection:
    told = [(life.announced_at, life.key) for life in lives if life.announced_at is not None and label.told_by(life)]
    if told:
        at, key = min(told)
        return Detection(name=label.name, found=True, key=key, lead_s=(label.start - at) / 1000)
    stood = [life.key for life in lives if label.stood_in(life)]
    return Detection(name=label.name, found=bool(stood), key=stood[0] if stood else "")


def _false(told: Sequence[Life], labels: Sequence[Label]) -> int:
    spoken = [life for life in told if any(label.means(life.key) for label in labels)]
    return sum(not any(label.told_by(life) for label in labels) for life in spoken)
