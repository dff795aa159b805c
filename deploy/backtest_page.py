"""A back-test as people read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from control.alarms.words import span
from control.backtest.figures import Detection, Difference, Report
from control.backtest.run import Life
from lampwell.assets import County
from lampwell.columns import table
from lampwell.times import shown

COLOURS = {1: "红1", 2: "橙2", 3: "黄3", 4: "蓝4"}
TOP, MOST_KEYS = 5, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A whole back-test of ``county`` over [start, end) (epoch ms): of the rules running ``now`` and, where one was given, of a
    ``trial`` set with the ``difference``. ``asked_start``: where it should have begun. ``alarms``: how many alarms the running
    rules make; ``changed``: how many limits and delays were changed away from the files. ``labels_outside``: labelled events that
    begin outside the span. ``occurrences``: those of the trial set, of the running one where there is none.
    """

    county: str
    start: int
    end: int
    asked_start: int
    readings: int
    seconds: float
    alarms: int
    now: Report
    trial: Report | None
    difference: Difference | None
    labels_outside: int
    occurrences: tuple[Life, ...]
    changed: int = 0


def page(done: Outcome, county: County, zone: ZoneInfo) -> Iterator[str]:
    """All of it as lines."""
    yield f"回测 back-test · {county.zh} {county.en}"
    yield (
        f"{shown(done.start, zone)} .. {shown(done.end, zone)} · {_long(done.now.days)}"
        f" · {done.readings:,} 读数 readings · {done.alarms:,} 报警 alarms · 用时 took {done.seconds:.1f} s"
    )
    if done.start > done.asked_start:
        yield f"要求从 {shown(done.asked_start, zone)} 起，但历史较晚开始 asked from there on, but the history begins later"
    if done.changed:
        yield f"含运行中修改的 {done.changed} 项限值或延时 with {done.changed} limits and delays changed while running"
    yield from ("", *_totals(done))
    yield from _found(done.now, "现行 now" if done.trial else "")
    if done.trial is not None:
        yield from _found(done.trial, "试行 trial")
    if done.labels_outside:
        yield f"{done.labels_outside} 个标注事件不在该时段 labelled events begin outside this time and are not judged"
    yield from _rules(done.now, "现行规则 rules now running")
    if done.trial is not None:
        yield from _rules(done.trial, "试行规则 rules on trial")
    yield from _busiest(done.occurrences, done.start)
    if done.difference is not None:
        yield from _difference(done.difference)


def _long(days: float) -> str:
    return f"{days:.1f} 天 days" if days >= 2 else f"{24 * days:.1f} 小时 hours"


def _totals(done: Outcome) -> Iterator[str]:
    columns = [("", "现行 now", done.now), *([("", "试行 trial", done.trial)] if done.trial else [])]
    rows = [
        ("", *(title for _, title, _ in columns)),
        ("每天报警 alarms a day", *(f"{one.per_day:.1f}" for _, _, one in columns)),
        ("报警总数 alarms told", *(str(one.announced) for _, _, one in columns)),
        ("开始时已在报警 standing at the start", *(str(one.standing) for _, _, one in columns)),
        ("抖动的报警 chattering", *(str(one.chattering) for _, _, one in columns)),
    ]
    yield from table(rows)


def _found(one: Report, title: str) -> Iterator[str]:
    if not one.detections:
        return
    found = sum(each.found for each in one.detections)
    median = "" if one.median_lead_s is None else f"，提前量中位数 median lead {_lead(one.median_lead_s)}"
    yield ""
    yield (
        f"标注事件 labelled events{' · ' + title if title else ''}: {found}/{len(one.detections)} 发现 found{median}"
        f"，误报 false alarms {one.false_alarms}"
    )
    yield from table([(f"  {each.name}", _verdict(each), each.key) for each in one.detections])


def _verdict(one: Detection) -> str:
    if not one.found:
        return "漏报 missed"
    return "早已在报警 standing" if one.lead_s is None else _lead(one.lead_s)


def _lead(seconds: float) -> str:
    long = span(abs(seconds))
    return f"提前 {long.zh} {long.en} before" if seconds > 0 else f"之后 {long.zh} {long.en} after"


def _rules(one: Report, title: str) -> Iterator[str]:
    yield from ("", title)
    if not one.rules:
        yield "  没有任何报警 nothing was raised"
        return
    head = ("  规则 rule", "级", "发出 told", "每天 a day", "产生 raised", "抖动 chatter", "时长 in alarm", "最长 longest")
    rows = [
        (
            f"  {each.rule}",
            COLOURS[each.priority],
            str(each.announced),
            f"{each.per_day:.1f}",
            str(each.raised),
            str(each.chattering),
            span(each.active_s).en,
            span(each.longest_s).en,
        )
        for each in one.rules
    ]
    yield from table([head, *rows])


def _busiest(lives: Sequence[Life], start: int) -> Iterator[str]:
    counts = Counter(life.key for life in lives if life.announced_at is not None and life.announced_at >= start)
    if not counts:
        return
    yield from ("", "最频繁 most frequent")
    yield from table([(f"  {key}", f"{count}×") for key, count in counts.most_common(TOP)])


def _difference(one: Difference) -> Iterator[str]:
    yield ""
    if not one.only_now and not one.only_then:
        yield "两套规则发出的报警相同 both rule sets tell the same alarms"
        return
    for title, rows in (
        ("只有现行规则发出 told by the running rules only", one.only_now),
        ("只有试行规则发出 told by the trial only", one.only_then),
    ):
        if rows:
            yield f"{title}: {sum(count for _, count in rows)}"
            yield from table([(f"  {key}", f"{count}×") for key, count in rows[:MOST_KEYS]])
        if len(rows) > MOST_KEYS:
            yield f"  … 还有 {len(rows) - MOST_KEYS} 个，见 --json and {len(rows) - MOST_KEYS} more alarms, see --json"
