"""What a message says. Pure: facts in, text out; Chinese first.

An SMS has 60 Chinese characters and always says how urgent, where, what, the value against its limit, when, and the number
(domain alarms 2.2, rule 11). The number makes a repeat harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import msgspec

from control.alarms.occurrences import Occurrence

SMS_CHARS = 60
COLOURS = {1: ("红", "red"), 2: ("橙", "orange"), 3: ("黄", "yellow"), 4: ("蓝", "blue")}
KINDS = {
    "raise": ("", ""),
    "escalate": ("无人应答 ", "unanswered: "),
    "realarm": ("仍未处理 ", "still there: "),
    "clear": ("解除 ", "cleared: "),
    "gap": ("排班 ", "shifts: "),
    "test": ("测试 ", "test: "),
    "channel": ("通道故障 ", "channel broken: "),
}
FIRST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a message is about, as it was when it was decided. ``number`` 0: not about an occurrence. ``time`` epoch ms.
    ``value`` is already written out with its limit (``0.31/0.25 m``), "" where there is none.
    """

    kind: str
    number: int
    priority: int
    place_zh: str
    place_en: str
    zh: str
    en: str
    value: str
    time: int
    response_zh: str = ""
    response_en: str = ""
    why: str = ""


def facts(kind: str, one: Occurrence, time: int, *, response: tuple[str, str] = ("", ""), why: str = "") -> Facts:
    """The facts of an occurrence at a time."""
    return Facts(
        kind=kind,
        number=one.number,
        priority=one.priority,
        place_zh=one.place.zh,
        place_en=one.place.en,
        zh=one.text.zh,
        en=one.text.en,
        value=value_text(one),
        time=time,
        response_zh=response[0],
        response_en=response[1],
        why=why,
    )


def value_text(one: Occurrence) -> str:
    """``0.31/0.25 m``: what raised it against its limit; "" where it is no number against a limit."""
    if one.limit is None or isinstance(one.value, bool | str) or one.value is None:
        return ""
    return f"{one.value:.4g}/{one.limit:.4g}{' ' + one.unit if one.unit else ''}"


def pack(about: Facts) -> str:
    """Facts as JSON text."""
    return msgspec.json.encode(about).decode()


def unpack(text: str) -> Facts:
    """The facts of JSON text."""
    return msgspec.json.decode(text, type=Facts)


def sms(about: Sequence[Facts], zone: tzinfo) -> str:
    """At most 60 characters for one fact or several; the place is shortened first, then what it is."""
    if len(about) == 1:
        return _short(about[0], zone)
    worst = min(about, key=lambda one: (one.priority, one.time))
    head = f"【{COLOURS[worst.priority][0]}】{len(about)}条报警 "
    tail = f" 等 {_clock(worst.time, zone)} " + ",".join(f"#{one.number}" for one in about[:3])
    room = SMS_CHARS - len(head) - len(tail)
    return head + _cut(f"{worst.place_zh} {worst.zh}", room) + tail


def _short(one: Facts, zone: tzinfo) -> str:
    head = f"【{COLOURS[one.priority][0]}】{KINDS[one.kind][0]}"
    value = f" {one.value.replace(' ', '')}" if one.value else ""
    number = f" #{one.number}" if one.number else ""
    tail = f"{value[:16]} {_clock(one.time, zone)}{number}"
    room = SMS_CHARS - len(head) - len(tail)
    what = _cut(one.zh, max(4, room // 2))
    place = _cut(one.place_zh, max(2, room - len(what) - 1))
    return f"{head}{place} {what}{tail}"[:SMS_CHARS]


def title(about: Sequence[Facts]) -> str:
    """One line for mail and push."""
    worst = min(about, key=lambda one: (one.priority, one.time))
    what = f"{KINDS[worst.kind][0]}{worst.place_zh} {worst.zh}"
    return f"【{COLOURS[worst.priority][0]}】{what}" + (f" 等{len(about)}条" if len(about) > 1 else "")


def long(about: Sequence[Facts], zone: tzinfo, links: Sequence[str] = ()) -> str:
    """For group chats and mail: one fact in full, or counts and the first five of several."""
    if len(about) == 1:
        return "\n".join(_lines(about[0], zone, links[0] if links else ""))
    counts = ", ".join(
        f"{zh} {count}" for number, (zh, _) in COLOURS.items() if (count := sum(one.priority == number for one in about))
    )
    ordered = sorted(about, key=lambda one: (one.priority, one.time))
    lines = [f"{len(about)} 条报警 alarms: {counts}"]
    lines += [_line(one, zone) for one in ordered[:FIRST]]
    if len(about) > FIRST:
        lines.append(f"另有 {len(about) - FIRST} 条 more")
    return "\n".join([*lines, *links[:1]])


def _lines(one: Facts, zone: tzinfo, link: str) -> list[str]:
    lines = [_line(one, zone), f"{COLOURS[one.priority][1]}: {KINDS[one.kind][1]}{one.place_en}: {one.en}".strip()]
    if one.why:
        lines.append(one.why)
    if one.response_zh and one.kind != "clear":
        lines += [f"处置: {one.response_zh}", f"response: {one.response_en}".rstrip()]
    return [*lines, *([f"确认 acknowledge: {link}"] if link else [])]


def _line(one: Facts, zone: tzinfo) -> str:
    value = f" {one.value}" if one.value else ""
    number = f" #{one.number}" if one.number else ""
    return f"【{COLOURS[one.priority][0]}】{KINDS[one.kind][0]}{one.place_zh} {one.zh}{value} {_clock(one.time, zone)}{number}"


def template(about: Sequence[Facts], zone: tzinfo) -> tuple[tuple[str, str], ...]:
    """The values of an approved SMS template, by name."""
    worst = min(about, key=lambda one: (one.priority, one.time))
    value, _, limit = worst.value.partition("/")
    more = f"等{len(about)}条" if len(about) > 1 else ""
    return (
        ("priority", COLOURS[worst.priority][0]),
        ("place", worst.place_zh),
        ("what", f"{KINDS[worst.kind][0]}{worst.zh}{more}"),
        ("value", value or "-"),
        ("limit", limit or "-"),
        ("time", _clock(worst.time, zone)),
        ("number", str(worst.number)),
    )


def _clock(time: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(time / 1000, zone):%H:%M}"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(1, room - 1)] + "…"
