"""What a message says. Pure: facts in, text out; Chinese first.

An SMS has 60 Chinese characters and always says how urgent, where, what, the value against its limit, when, and the number
(domain alarms 2.2, rule 11). The number makes a repeat harmless.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import msgspec

from control.alarms.occurrences import Occurrence
from lampwell.times import local

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
    "lights": ("照明 ", "lights: "),
    "figures": ("指标 ", "figures: "),
}
FIRST = 5
_VALUE_CHARS = 24
_ROOM = 14
"""Fewer characters than this for place and matter, and a digest names fewer numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a message is about, as it was when it was decided. ``number`` 0: not about an occurrence. ``time`` epoch ms.
    ``value`` is already written out with its limit (``0.31/0.25 m``), "" where there is none. ``because``: what the readings
    say; ``cause``: what usually is behind it; ``why``: what was unusual about whom it is told to.
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
    because_zh: str = ""
    because_en: str = ""
    cause_zh: str = ""
    cause_en: str = ""


def facts(
    kind: str,
    one: Occurrence,
    time: int,
    *,
    response: tuple[str, str] = ("", ""),
    cause: tuple[str, str] = ("", ""),
    why: str = "",
) -> Facts:
    """The facts of an occurrence at a time. ``response`` and ``cause``: zh, en of its rule."""
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
        because_zh=one.why.zh,
        because_en=one.why.en,
        cause_zh=cause[0],
        cause_en=cause[1],
    )


def value_text(one: Occurrence) -> str:
    """``0.31/0.25 m``: what raised it against its limit; "" where it is no number against a limit."""
    if one.limit is None or isinstance(one.value, bool | str) or one.value is None or not math.isfinite(one.value):
        return ""
    return f"{_number(one.value)}/{_number(one.limit)}{' ' + one.unit if one.unit else ''}"


def pack(about: Facts) -> str:
    """Facts as JSON text."""
    return msgspec.json.encode(about).decode()


def unpack(text: str) -> Facts:
    """The facts of JSON text. msgspec.MsgspecError."""
    return msgspec.json.decode(text, type=Facts)


# -- SMS -----------------------------------------------------------------------------------------------------------------------


def sms(about: Sequence[Facts], zone: tzinfo, link: str = "") -> str:
    """At most 60 characters for one fact or several. The link goes first where there is no room, then the matter and the place
    are shortened; colour, value against limit, time and number are never dropped, nor cut within a number.
    """
    text = _short(about[0], zone) if len(about) == 1 else _many(about, zone)
    return f"{text} {link}" if link and len(text) + 1 + len(link) <= SMS_CHARS else text


def _short(one: Facts, zone: tzinfo) -> str:
    tail = f"{_value(one)} {_clock(one.time, zone)}{_numbers([one])}"
    return _between(f"【{COLOURS[one.priority][0]}】{KINDS[one.kind][0]}", one, tail)


def _many(about: Sequence[Facts], zone: tzinfo) -> str:
    """Counts, the worst one, and as many of the first five numbers as have room."""
    ordered = _ordered(about)
    worst = ordered[0]
    text, first = "", f"【{COLOURS[worst.priority][0]}】"
    for counts, most in (("colours", 5), ("colours", 3), ("colours", 1), ("kinds", 5), ("kinds", 3), ("kinds", 1), ("", 1)):
        head = f"{first}{_counted(about, counts)} "
        tail = f"{_value(worst)} {_clock(worst.time, zone)}{_numbers(ordered[:most])}"
        text = _between(head, worst, tail)
        if SMS_CHARS - len(head) - len(tail) >= _ROOM:
            break
    return text


def _between(head: str, one: Facts, tail: str) -> str:
    """Place and matter in what room is left; the matter has half of it where both are long."""
    room = SMS_CHARS - len(head) - len(tail)
    what = _cut(one.zh, max(room // 2, room - 1 - len(one.place_zh)))
    return f"{head}{_cut(one.place_zh, room - 1 - len(what))} {what}{tail}"


def _value(one: Facts) -> str:
    """With its unit where that is short; digits are never cut off."""
    whole = one.value.replace(" ", "")
    if len(whole) > _VALUE_CHARS:
        whole = one.value.partition(" ")[0]
    return f" {_cut(whole, _VALUE_CHARS)}" if whole else ""


def _numbers(about: Sequence[Facts]) -> str:
    found = ",".join(f"#{one.number}" for one in about if one.number)
    return f" {found}" if found else ""


def _counted(about: Sequence[Facts], by: str) -> str:
    """``5条报警红2橙3``, ``3条解除``, or both; ``8条`` where nothing is told apart."""
    if not by:
        return f"{len(about)}条"
    cleared = sum(one.kind == "clear" for one in about)
    standing = len(about) - cleared
    parts = [f"{standing}条报警{_colours(about) if by == 'colours' else ''}"] if standing else []
    return ",".join([*parts, *([f"{cleared}条解除"] if cleared else [])])


def _colours(about: Sequence[Facts], between: str = "") -> str:
    """How many of each colour still stand."""
    standing = [one.priority for one in about if one.kind != "clear"]
    gap = " " if between else ""
    return between.join(f"{zh}{gap}{standing.count(n)}" for n, (zh, _) in COLOURS.items() if n in standing)


# -- longer forms --------------------------------------------------------------------------------------------------------------


def title(about: Sequence[Facts]) -> str:
    """One line for mail and push."""
    worst = _ordered(about)[0]
    what = f"{KINDS[worst.kind][0]}{worst.place_zh} {worst.zh}"
    return f"【{COLOURS[worst.priority][0]}】{what}" + (f" 等{len(about)}条" if len(about) > 1 else "")


def long(about: Sequence[Facts], zone: tzinfo, told: Sequence[str] = ()) -> str:
    """For group chats and mail: one fact in full, or counts and the first five of several. ``told``: who else hears of it."""
    if len(about) == 1:
        return "\n".join(_lines(about[0], zone, told))
    cleared = sum(one.kind == "clear" for one in about)
    counts = [f"{len(about) - cleared} 条报警 alarms: {_colours(about, ', ')}"] if cleared < len(about) else []
    lines = ["; ".join([*counts, *([f"{cleared} 条解除 cleared"] if cleared else [])])]
    lines += [_line(one, zone) for one in _ordered(about)[:FIRST]]
    if len(about) > FIRST:
        lines.append(f"另有 {len(about) - FIRST} 条 more")
    return "\n".join(lines)


def _lines(one: Facts, zone: tzinfo, told: Sequence[str]) -> list[str]:
    english = ": ".join(part for part in (one.place_en, one.en) if part)
    lines = [_line(one, zone), f"{COLOURS[one.priority][1]}: {KINDS[one.kind][1]}{english}"]
    if one.why:
        lines.append(one.why)
    if one.kind != "clear":
        lines += _both("依据", "because", one.because_zh, one.because_en)
        lines += _both("原因", "cause", one.cause_zh, one.cause_en)
        lines += _both("处置", "response", one.response_zh, one.response_en)
    return [*lines, *([f"已通知 told: {'、'.join(told)}"] if told else [])]


def _both(zh_title: str, en_title: str, zh: str, en: str) -> list[str]:
    return [f"{head}: {text}" for head, text in ((zh_title, zh), (en_title, en)) if text]


def _line(one: Facts, zone: tzinfo) -> str:
    value = f" {one.value}" if one.value else ""
    clock = _clock(one.time, zone)
    return f"【{COLOURS[one.priority][0]}】{KINDS[one.kind][0]}{one.place_zh} {one.zh}{value} {clock}{_numbers([one])}"


def template(about: Sequence[Facts], zone: tzinfo) -> tuple[tuple[str, str], ...]:
    """The values of an approved SMS template, by name."""
    worst = _ordered(about)[0]
    value, _, limit = worst.value.partition("/")
    more = f"等{len(about)}条" if len(about) > 1 else ""
    return (
        ("priority", COLOURS[worst.priority][0]),
        ("place", worst.place_zh),
        ("what", f"{KINDS[worst.kind][0]}{worst.zh}{more}"),
        ("value", value or "-"),
        ("limit", limit or "-"),
        ("time", _clock(worst.time, zone)),
        ("number", str(worst.number or "-")),
    )


# -- the pieces ----------------------------------------------------------------------------------------------------------------


def _ordered(about: Sequence[Facts]) -> list[Facts]:
    """What still stands first, then the most urgent, then the oldest."""
    return sorted(about, key=lambda one: (one.kind == "clear", one.priority, one.time))


def _number(value: float) -> str:
    """At most eleven characters, four digits that count; whole numbers up to a thousand million in full."""
    short = f"{value:.4g}"
    return f"{value:.0f}" if "e+" in short and abs(value) < 1e9 else short


def _clock(time: int, zone: tzinfo) -> str:
    return f"{local(time, zone):%H:%M}"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(1, room - 1)] + ("…" if room > 1 else "")
