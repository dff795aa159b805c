"""What people read: SMS that fit and never lose what matters, long forms, digests."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.alarms.model import Text
from control.alarms.occurrences import Occurrence
from control.messages import compose
from control.messages.compose import COLOURS, KINDS, Facts

from .conftest import T0, ZONE, about

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=60)
NUMBERS = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12)
UNITS = st.sampled_from(["", "m", "mm/10min", "m³/h", "kWh", "一个很长很长很长很长的单位"])


def an_occurrence(value: object, limit: float | None, unit: str = "m", **more: object) -> Occurrence:
    said = {
        "number": 7,
        "key": "red@well-1",
        "rule": "red",
        "priority": 1,
        "area": "oldtown",
        "road": "",
        "edge": "edge-1",
        "device": "well-1",
        "component": "",
        "text": Text(zh="积水达封路水深", en="Deep water"),
        "place": Text(zh="人民路下穿", en="Renmin underpass"),
        "first_out": "",
        "source_time": T0,
        "raised_at": T0,
        "why": Text(zh="水深 0.31 m 已 2 分钟", en="0.31 m for 2 min"),
    }
    return Occurrence(**(said | more), value=value, limit=limit, unit=unit)  # type: ignore[arg-type]


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    occurrence = an_occurrence(draw(NUMBERS), draw(NUMBERS), draw(UNITS))
    return about(
        draw(st.integers(1, 999_999_999)),
        draw(st.integers(1, 4)),
        draw(st.sampled_from(sorted(KINDS))),
        place_zh=draw(WORDS),
        zh=draw(WORDS),
        value=compose.value_text(occurrence),
    )


@settings(max_examples=400, deadline=None)
@given(any_facts(), st.sampled_from(["", "https://a.cn/a/x", f"https://county.example/a/{'x' * 32}"]))
def test_an_sms_always_fits_and_never_loses_what_matters(one: Facts, link: str) -> None:
    """At most 60 characters; colour, part of the place and the matter, both numbers whole, time and number in every one."""
    text = compose.sms([one], ZONE, link)
    assert len(text) <= 60
    assert text.startswith(f"【{COLOURS[one.priority][0]}】{KINDS[one.kind][0]}{one.place_zh[0]}")
    assert one.zh[0] in text
    assert f" {one.value.partition(' ')[0]}" in text
    assert re.search(rf" 04:26 #{one.number}( |$)", text)
    assert not link or link in text or len(text) + 1 + len(link) > 60


@settings(max_examples=300, deadline=None)
@given(st.lists(any_facts(), min_size=2, max_size=60))
def test_a_digest_by_sms_fits_as_well(many: list[Facts]) -> None:
    """Whatever is merged: the worst one's colour, place, value whole, time and number, and how many there are."""
    text = compose.sms(many, ZONE)
    worst = min(many, key=lambda one: (one.kind == "clear", one.priority, one.time))
    assert len(text) <= 60
    assert text.startswith(f"【{COLOURS[worst.priority][0]}】")
    assert worst.place_zh[0] in text
    assert f" {worst.value.partition(' ')[0]}" in text
    assert f" 04:26 #{worst.number}" in text
    cleared = sum(one.kind == "clear" for one in many)
    assert str(len(many)) in text or (str(len(many) - cleared) in text and str(cleared) in text)


def test_a_repeat_carries_the_same_number() -> None:
    """Whoever gets it twice knows that it is the same: escalated, repeated and cleared texts all name #7."""
    texts = {kind: compose.sms([about(7, 1, kind)], ZONE) for kind in ("raise", "escalate", "realarm", "clear")}
    assert all(text.endswith("#7") for text in texts.values())
    assert len(set(texts.values())) == 4


@pytest.mark.parametrize("kind", ["gap", "test", "channel"])
def test_what_is_about_no_alarm_names_no_number(kind: str) -> None:
    """``#0`` would send people looking for an alarm that is not there, alone or in a digest."""
    one = about(0, 2, kind, value="")
    texts = (compose.sms([one], ZONE), compose.sms([one, one], ZONE), compose.long([one], ZONE), compose.long([one, one], ZONE))
    assert all("#" not in text for text in texts)
    assert dict(compose.template([one], ZONE))["number"] == "-"


def test_a_link_goes_along_where_there_is_room() -> None:
    """The link is the first thing that gives way."""
    assert compose.sms([about()], ZONE, "https://a.cn/x").endswith("#7 https://a.cn/x")
    assert compose.sms([about(place_zh="很长的地名" * 5)], ZONE, "https://a.cn/x").endswith("#7")


@pytest.mark.parametrize(
    ("value", "limit", "said"),
    [
        (0.31, 0.25, "0.31/0.25 m"),
        (12_345.6, 12_000.0, "12346/12000 m"),
        (123_456_789.0, 1.0, "123456789/1 m"),
        (-0.5, 0.0, "-0.5/0 m"),
        (float("nan"), 1.0, ""),
        (True, 1.0, ""),
        (None, 1.0, ""),
        (3.0, None, ""),
    ],
)
def test_numbers_are_written_as_people_read_them(value: object, limit: float | None, said: str) -> None:
    """No exponents where a number can be written out, and nothing where there is no number."""
    assert compose.value_text(an_occurrence(value, limit)) == said


def test_the_long_form_tells_the_whole_story() -> None:
    """Group chats and mail: both languages, the evidence, cause, what to do, and who has been told."""
    one = compose.facts(
        "escalate", an_occurrence(0.31, 0.25), T0, response=("封路", "Close the road"), cause=("泵停", "Pump off"), why="无人值班"
    )
    assert compose.long([one], ZONE, ["王建国", "值班群"]).splitlines() == [
        "【红】无人应答 人民路下穿 积水达封路水深 0.31/0.25 m 04:26 #7",
        "red: unanswered: Renmin underpass: Deep water",
        "无人值班",
        "依据: 水深 0.31 m 已 2 分钟",
        "because: 0.31 m for 2 min",
        "原因: 泵停",
        "cause: Pump off",
        "处置: 封路",
        "response: Close the road",
        "已通知 told: 王建国、值班群",
    ]


def test_a_digest_counts_and_names_the_first_five() -> None:
    """Fifty alarms and two that ended: counts by colour, the five worst, how many more; what ended never counts as alarm."""
    many = [about(n, 1 + n % 3) for n in range(1, 51)] + [about(n, 1, "clear") for n in (98, 99)]
    lines = compose.long(many, ZONE).splitlines()
    assert lines[0] == "50 条报警 alarms: 红 16, 橙 17, 黄 17; 2 条解除 cleared"
    assert [line[:3] for line in lines[1:6]] == ["【红】"] * 5
    assert lines[6:] == ["另有 47 条 more"]
    assert compose.sms(many[-2:], ZONE).startswith("【红】2条解除 ")


def test_facts_of_an_older_version_can_be_read() -> None:
    """What was put before an upgrade is still sent after it."""
    old = '{"kind":"raise","number":7,"priority":1,"place_zh":"a","place_en":"","zh":"b","en":"","value":"","time":1}'
    assert compose.unpack(old).zh == "b"
    assert compose.unpack(compose.pack(about())) == about()
