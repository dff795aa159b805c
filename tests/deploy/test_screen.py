"""The demo's screen: fits its terminal, is grey when all is well, and never shows the unknown as fine."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from deploy.screen import Size, bar_range, render
from deploy.view import Count, Event, Flow, Limit, Place, Rain, View, limit_of
from lampwell.assets import Levels

PONDING = Levels(blue=0.05, yellow=0.15, orange=0.27, red=0.4)
RIVER = Levels(blue=58.0, yellow=60.0, orange=61.0, red=62.0)


def place(number: int, level: float | None = 0.0, **changes: object) -> Place:
    given = {"id": f"ponding-{number}", "zh": "老城区低洼点", "unit": "m", "levels": PONDING, "level": level, "age_s": 4.0}
    return Place(**{**given, **changes})  # type: ignore[arg-type]


KINDS = (
    Count(zh="路灯控制箱", en="cabinets", ok=11),
    Count(zh="泵站", en="stations", ok=3),
    Count(zh="窨井", en="wells", ok=40),
    Count(zh="积水点", en="ponding", ok=6),
    Count(zh="雨量计", en="rain gauges", ok=4),
    Count(zh="河道", en="river", ok=1),
)
CALM = View(
    zh="泰和县",
    en="Taihe County",
    local_time="2026-06-21 18:30:12",
    speed=10,
    folder="run/taihe-drill",
    note="新数据目录 new data folder",
    kinds=KINDS,
    links=Count(zh="链路", en="links", ok=9),
    units=Count(zh="单元", en="units", ok=67),
    flow=Flow(polls_per_s=13.2, stored_per_s=213, stored=10_000, backlog=0, oldest_s=4.2),
    rain=Rain(mm_per_h=0.0, total_mm=0.0),
    pumps_running=1,
    pumps=9,
    places=(*(place(number, 0.01) for number in range(1, 7)), place(1, 57.2, id="river-1", zh="澄江", levels=RIVER)),
    events=(),
)
STORM = dataclasses.replace(
    CALM,
    kinds=(Count(zh="路灯控制箱", en="cabinets", ok=9, slow=1, dead=1), *KINDS[1:]),
    places=(place(1, 0.45, rise=0.12), place(2, 0.28), place(3, 0.16), place(4, 0.06), place(5, None, why="无数据 no data")),
    events=(Event(time=0, zh="18:41:03 积水点 ponding-1 超红色", en="above red", limit=Limit.RED),),
)


def drawn(view: View, size: Size, *, styled: bool = False) -> str:
    console = Console(width=size.width, height=size.height, force_terminal=styled, color_system="truecolor" if styled else None)
    with console.capture() as capture:
        console.print(render(view, size))
    return capture.get()


@pytest.mark.parametrize("view", [CALM, STORM], ids=["calm", "storm"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 30), (160, 50)])
@pytest.mark.parametrize("unicode", [True, False])
def test_fits_the_terminal(view: View, width: int, height: int, unicode: bool) -> None:
    """A line too long or a screen too high would scroll and flicker."""
    lines = drawn(view, Size(width=width, height=height, unicode=unicode)).rstrip("\n").split("\n")
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_ascii_terminal_gets_ascii(width: int) -> None:
    """Without UTF-8 the screen falls back to English and plain signs instead of crashing or showing question marks for labels."""
    text = drawn(STORM, Size(width=width, height=30, unicode=False))
    assert text.isascii()
    assert "cabinets" in text
    assert "#1" in text


@pytest.mark.parametrize("width", [80, 120])
def test_calm_county_is_grey(width: int) -> None:
    """Colour is for what needs attention: a county with nothing wrong has none, not even green."""
    text = drawn(CALM, Size(width=width, height=30), styled=True)
    colours = {int(code) for code in re.findall(r"38;5;(\d+)", text)}
    assert colours
    assert all(code >= 232 or code == 16 or (code - 16) % 43 == 0 for code in colours)  # the greys of the 256-colour cube
    assert not re.search(r"\x1b\[(?:\d;)*(?:3|9)[1-6]m", text)


def test_every_limit_has_colour_shape_and_number() -> None:
    """Who cannot see colours reads the shape and the number."""
    text = drawn(STORM, Size(width=120, height=30))
    assert all(mark in text for mark in ("■1", "▲2", "◆3", "●4"))
    assert "+0.12/10min" in text


def test_unknown_level_shows_no_number_and_says_why() -> None:
    """The last value of a silent sensor in plain type would be a lie."""
    line = next(line for line in drawn(STORM, Size(width=120, height=30)).split("\n") if "ponding-5" in line)
    assert "- -" in line
    assert "no data" in line


def test_unknown_devices_are_neither_fine_nor_failed() -> None:
    """Before the first poll nothing is known, and the screen says so."""
    waiting = dataclasses.replace(CALM, kinds=(Count(zh="窨井", en="wells", unknown=40),), pumps_running=None)
    text = drawn(waiting, Size(width=80, height=24))
    line = next(line for line in text.split("\n") if "wells" in line)
    assert "40 未知" in line
    assert "正常" not in line.partition("链路")[0]
    assert "- -/9" in text


def test_small_screen_keeps_what_matters_most() -> None:
    """Where not all places fit, the flooded one and the unknown one are shown before dry ones, and the rest is counted."""
    dry = tuple(place(number, 0.01) for number in range(10, 40))
    view = dataclasses.replace(CALM, places=(*dry, place(1, 0.45), place(2, None, why="失联 dead")))
    text = drawn(view, Size(width=80, height=24))
    assert "ponding-1 " in text
    assert "ponding-2 " in text
    assert "more" in text


@given(st.floats(-10, 100), st.lists(st.floats(0.01, 70), min_size=4, max_size=4, unique=True).map(sorted))
@settings(deadline=None, max_examples=50)
def test_any_level_can_be_drawn(level: float, limits: list[float]) -> None:
    """A level far outside its limits must not break the line or the screen."""
    levels = Levels(blue=limits[0], yellow=limits[1], orange=limits[2], red=limits[3])
    view = dataclasses.replace(CALM, places=(place(1, level, levels=levels),))
    assert max(cell_len(line) for line in drawn(view, Size(width=80, height=24)).split("\n")) <= 80
    low, high = bar_range(levels)
    assert low < levels.blue < levels.red < high


def test_limits_are_reached_at_their_value() -> None:
    """A level exactly at a limit has reached it."""
    assert [limit_of(level, PONDING) for level in (0.04, 0.05, 0.15, 0.27, 0.4, 9)] == [0, 1, 2, 3, 4, 4]
