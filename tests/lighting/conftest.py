"""Small plans that tests are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lampwell.lighting.model import Calendar, LoopMap, LuxRule, Period, Plan, Program, Rule, Step, Target
from lampwell.lighting.moments import read_moment
from lampwell.lighting.sun import Place

TAIHE = Place(26.79, 114.90)
SHANGHAI = "Asia/Shanghai"


def ms(text: str, zone: str = SHANGHAI) -> int:
    """Local time as epoch ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def period(start: str, end: str) -> Period:
    return Period(start=read_moment(start), end=read_moment(end))


def a_program(
    name: str = "p",
    active: Sequence[tuple[str, str]] = (),
    level: int | None = 100,
    steps: Mapping[str, int] | None = None,
    **more: Any,
) -> Program:
    """``steps``: moment -> level, in the order written."""
    made = tuple(Step(at=read_moment(at), level=to) for at, to in (steps or {}).items())
    return Program(
        id=name, zh=f"甲{name}", en=name.upper(), active=tuple(period(*each) for each in active), level=level, steps=made, **more
    )


def main_road(**more: Any) -> Program:
    """A usual one: dusk, 22:30 dim, 00:30 half-night, dawn."""
    return a_program("main", [("sunset+5", "sunrise-5")], 100, {"22:30": 70, "00:30": 50, "05:00": 100}, **more)


def a_plan(
    *programs: Program,
    rules: Sequence[Rule] = (),
    feasts: Sequence[Rule] = (),
    default: str | None = None,
    zone: str = SHANGHAI,
    place: Place = TAIHE,
    maps: Sequence[LoopMap] = (),
    lux: Sequence[LuxRule] = (),
    targets: Sequence[Target] = (),
) -> Plan:
    """One cabinet, ``c/loop1`` (group A) and ``c/loop2`` (group B), and lamp ``lamp-1`` on the first."""
    usual = Calendar(
        id="usual", zh="平日", en="usual", rules=tuple(rules), default=programs[0].id if default is None else default
    )
    festive = Calendar(id="festive", zh="节日", en="festive", rules=tuple(feasts))
    of_map = maps[0].id if maps else ""
    own = tuple(
        Target(
            id=f"c/loop{n}",
            cabinet="c",
            place=place,
            calendar="usual",
            festivals="festive",
            loop_map=of_map,
            group=group if maps else "",
        )
        for n, group in ((1, "A"), (2, "B"))
    )
    lamp = Target(id="lamp-1", cabinet="c", loop="c/loop1", place=place)
    return Plan(
        id="test",
        time_zone=zone,
        programs=programs,
        calendars=(usual, festive),
        targets=(*own, lamp, *targets),
        loop_maps=tuple(maps),
        lux=tuple(lux),
    )


@pytest.fixture
def loop() -> str:
    return "c/loop1"
