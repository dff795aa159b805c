"""The duty desk's part of the demo's screen: the alarm list, the phones of the crews, and one alarm opened. Pure, as the rest.

Priority is colour, shape and number at once (domain alarms 5.1); what is not acknowledged is bold, and
who acknowledged stands beside what is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from control.alarms.model import WAITING
from control.rows import AlarmDetail, AlarmRow
from deploy.view import DutyView, Limit
from lampwell.times import local

LIMITS = {1: Limit.RED, 2: Limit.ORANGE, 3: Limit.YELLOW, 4: Limit.BLUE}


@dataclass(frozen=True, slots=True)
class Span:
    """A line of one style: plain words for the screen to colour."""

    text: str
    limit: Limit = Limit.NONE
    strong: bool = False
    mark: bool = False
    chosen: bool = False


HELP = "↑↓ 选择 select · a 确认 acknowledge · s 搁置十分钟 shelve 10 min · e 依据 evidence · l 限时指令 lease · q 退出 quit"


def alarm_lines(view: DutyView, rows: int, zone: tzinfo) -> Iterator[Span]:
    """The list, as many as there is room for, the selected one always among them."""
    waiting = sum(row.state in WAITING for row in view.alarms)
    yield Span(f"报警 alarms {len(view.alarms)}  未确认 unacknowledged {waiting}", strong=bool(waiting))
    if not view.alarms:
        yield Span("没有报警 no alarms")
        return
    room = max(1, rows - 1)
    first = max(0, min(view.selected - room + 1, len(view.alarms) - room))
    for position, row in enumerate(view.alarms[first : first + room], first):
        yield Span(alarm_text(row, zone), LIMITS[row.priority], row.state in WAITING, mark=True, chosen=position == view.selected)


def alarm_text(row: AlarmRow, zone: tzinfo) -> str:
    """One alarm on one line: number, time, place, what, value against limit, and what people did."""
    did = ""
    if row.acked_by:
        did = f"  ✓{row.acked_by}"
    elif row.state in "DE":
        did = "  已恢复 returned"
    elif not row.known:
        did = "  数据未知 data unknown"
    if row.first:
        did += "  首出 first"
    value = value_text(row)
    return f"#{row.number} {clock(row.raised_at, zone)} {row.place_zh} {row.zh}{' ' + value if value else ''}{did}"


def value_text(row: AlarmRow) -> str:
    """``0.31/0.25 m``: the value that raised it against its limit; "" where it has none."""
    if row.limit is None or not isinstance(row.value, int | float):
        return ""
    return f"{row.value:.2f}/{row.limit:.2f} {row.unit}".rstrip()


def phone_lines(view: DutyView, rows: int, zone: tzinfo) -> Iterator[Span]:
    """The newest messages, newest first."""
    yield Span(f"短信与群消息 messages {len(view.phones)}")
    for phone in view.phones[: max(1, rows - 1)]:
        yield Span(f"{clock(phone.time, zone)} {phone.to}: {phone.text}", LIMITS.get(phone.priority, Limit.NONE), mark=True)


def detail_lines(detail: AlarmDetail, zone: tzinfo) -> Iterator[Span]:
    """One alarm opened: why, from which readings, what to do, and what has happened."""
    row = detail.row
    yield Span(f"#{row.number} {row.place_zh} {row.zh} · {row.place_en}: {row.en}", LIMITS[row.priority], strong=True, mark=True)
    if row.why_zh:
        yield Span(f"依据 why: {row.why_zh} · {row.why_en}")
    for each in detail.evidence:
        yield Span(f"  {clock(each.time, zone)} {each.point} = {each.value}" + (f" (flags {each.flags})" if each.flags else ""))
    for zh, en, text in (
        ("原因", "cause", (detail.cause_zh, detail.cause_en)),
        ("后果", "consequence", (detail.consequence_zh, detail.consequence_en)),
        ("处置", "response", (detail.response_zh, detail.response_en)),
    ):
        if text[0]:
            yield Span(f"{zh} {en}: {text[0]} · {text[1]}")
    yield Span(f"限时 respond within {detail.respond_s / 60:.0f} min   阈值来源 source: {detail.source}")
    for time, kinds, who, note in detail.history:
        yield Span(f"  {clock(time, zone)} {kinds} {who} {note}".rstrip())


def clock(time: int | None, zone: tzinfo) -> str:
    """County time of day."""
    return "--:--:--" if time is None else f"{local(time, zone):%H:%M:%S}"


def chosen(alarms: Sequence[AlarmRow], key: str, before: int) -> int:
    """Where the selection is now that the list has changed: on the same alarm if it is still there."""
    for position, row in enumerate(alarms):
        if row.key == key:
            return position
    return max(0, min(before, len(alarms) - 1))
