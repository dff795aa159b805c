"""The duty desk on the demo's screen: what a line says, where the selection stays, what a key means."""

from __future__ import annotations

from datetime import UTC

import pytest
from rich.console import Console

from control.rows import AlarmDetail, AlarmRow
from deploy.duty_view import alarm_lines, alarm_text, chosen, detail_lines, phone_lines
from deploy.keys import key_of
from deploy.screen import Size, render
from deploy.view import Count, DutyView, Flow, Lights, Limit, Phone, Rain, View

ROW = AlarmRow(
    key="ponding-red@ponding-1",
    number=7,
    state="B",
    priority=1,
    zh="积水达红色水位",
    en="Water on the road: red",
    place_zh="老城区中山路口",
    place_en="Zhongshan Road",
    area="oldtown",
    device="ponding-1",
    known=True,
    value=0.45,
    limit=0.4,
    unit="m",
    raised_at=1_780_000_000_000,
)


def rows(count: int) -> tuple[AlarmRow, ...]:
    fields = {name: getattr(ROW, name) for name in AlarmRow.__dataclass_fields__}
    return tuple(AlarmRow(**(fields | {"number": n, "key": f"k{n}"})) for n in range(count))


def test_a_line_says_where_what_and_the_value_against_its_limit() -> None:
    """Protects the crew on a wet road: number, time, place, what, 0.45 against 0.40."""
    assert alarm_text(ROW, UTC) == "#7 20:26:40 老城区中山路口 积水达红色水位 0.45/0.40 m"


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [({"acked_by": "王值班"}, "✓王值班"), ({"state": "D"}, "已恢复"), ({"known": False}, "数据未知"), ({"first": True}, "首出")],
)
def test_what_people_and_data_did_stands_beside_it(changed: dict[str, object], wanted: str) -> None:
    """Protects against asking a colleague who answered, and against old data in plain type."""
    fields = {name: getattr(ROW, name) for name in AlarmRow.__dataclass_fields__}
    assert wanted in alarm_text(AlarmRow(**(fields | changed)), UTC)  # type: ignore[arg-type]


def test_the_selected_alarm_is_always_in_sight() -> None:
    """Protects a long list on a small screen."""
    spans = list(alarm_lines(DutyView(alarms=rows(50), selected=40), 6, UTC))
    assert len(spans) == 6
    assert [span.text.split()[0] for span in spans if span.chosen] == ["#40"]


def test_no_alarms_is_said_and_the_selection_follows_its_alarm() -> None:
    """Protects the empty state, and a thumb that would otherwise acknowledge a neighbour."""
    assert [span.text for span in alarm_lines(DutyView(), 5, UTC)][1] == "没有报警 no alarms"
    assert chosen(rows(5), "k3", 0) == 3
    assert chosen(rows(5), "gone", 9) == 4
    assert chosen((), "gone", 2) == 0


@pytest.mark.parametrize(
    ("pressed", "key"),
    [
        (b"\x1b[A", "up"),
        (b"\x1bOB", "down"),
        (b"A", "a"),
        (b"\r", "enter"),
        (b"\x1b", "escape"),
        (b"\xff", ""),
        (b"\x1b[15~", ""),
    ],
)
def test_keys(pressed: bytes, key: str) -> None:
    """Protects against a function key that would be taken for a letter."""
    assert key_of(pressed) == key


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_screen_holds_alarms_and_phones(width: int, unicode: bool) -> None:
    """Protects the layout: never wider than the terminal, the alarm and the message both in sight."""
    phone = Phone(time=1_780_000_000_000, to="sms 19900000001", text="【红】中山路口 #7", priority=1)
    view = View(
        zh="泰和县", en="Taihe", local_time="", speed=1, folder="run", note="", kinds=(), links=Count(zh="链路", en="links"),
        units=Count(zh="单元", en="units"), flow=Flow(polls_per_s=0, stored_per_s=0, stored=0, backlog=0, oldest_s=None),
        rain=Rain(mm_per_h=None, total_mm=None), pumps_running=None, pumps=0, places=(), events=(),
        loops_lit=41, loops=44,
        duty=DutyView(
            alarms=(ROW,), phones=(phone,),
            lights=Lights(version=3, following=2, edges=3, unlike=None, overrides=("lease cabinet-01/loop1 +3 30 % 9:59",)),
        ),
    )  # fmt: skip
    console = Console(width=width, height=40, record=True, force_terminal=True, legacy_windows=False)
    console.print(render(view, Size(width=width, height=40, unicode=unicode)))
    text = console.export_text()
    assert "#7" in text
    assert "41/44" in text
    assert "v3 2/3" in text
    assert "9:59" in text
    assert max(len(line) for line in text.splitlines()) <= width
    assert [span.limit for span in phone_lines(view.duty or DutyView(), 5, UTC)][1] is Limit.RED


def test_an_opened_alarm_says_why_and_what_to_do() -> None:
    """Protects the officer who opens an alarm: cause, response, source and what has happened so far."""
    detail = AlarmDetail(
        row=ROW, rule="ponding-red", cause_zh="暴雨", cause_en="storm", consequence_zh="", consequence_en="", response_zh="封路",
        response_en="close the road", respond_s=180, source="domain", parents=(), evidence=(),
        history=((1_780_000_000_000, "raised", "", ""),),
    )  # fmt: skip
    text = "\n".join(span.text for span in detail_lines(detail, UTC))
    assert "封路 · close the road" in text
    assert "raised" in text
