"""What a back-test amounts to: worked examples by hand, and what must hold whatever the occurrences are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.backtest.figures import DAY_MS, Detection, Label, chattering, difference, report
from control.backtest.labels import read_labels
from control.backtest.run import Life
from lampwell.errors import ConfigError

from .conftest import life

ZONE = ZoneInfo("Asia/Shanghai")
DAY_S = DAY_MS // 1000
FLOOD = Label(name="flood", keys=("ponding-*@ponding-1",), start=7_200_000, end=10_800_000)


def test_a_day_worked_by_hand() -> None:
    """Protects the figures: two days, four occurrences of two rules, one of them never told, one still there."""
    lives = [
        life("ponding-red@ponding-1", 100, 400),
        life("ponding-red@ponding-2", 1000, 1900),
        life("door@cabinet-1", 5000, 5060, told=None),
        life("door@cabinet-1", 2 * DAY_S - 600),
    ]
    found = report(lives, 0, 2 * DAY_MS)
    red, door = found.rules
    assert (found.days, found.announced, found.per_day, found.standing) == (2.0, 3, 1.5, 0)
    assert (red.rule, red.raised, red.announced, red.per_day, red.active_s, red.longest_s) == (
        "ponding-red",
        2,
        2,
        1.0,
        1200,
        900,
    )
    assert (door.raised, door.announced, door.active_s, door.longest_s) == (2, 1, 660, 600)
    assert (found.detections, found.false_alarms, found.median_lead_s) == ((), None, None)


def test_what_stood_at_the_start_is_not_new() -> None:
    """Protects a short back-test from counting old alarms: their time counts from the start only, and they were told before."""
    found = report([life("door@c", -DAY_S, 600), life("door@c", 700, 800, number=2)], 0, DAY_MS)
    assert (found.standing, found.announced, found.rules[0].raised, found.rules[0].active_s) == (1, 1, 1, 700)


@pytest.mark.parametrize(("clears", "expected"), [([0, 30, 60], 1), ([0, 30, 60.001], 0), ([0, 1], 0), ([5, 100, 130, 159], 1)])
def test_chattering(clears: list[float], expected: int) -> None:
    """Protects the definition: three clears of one alarm within a minute (domain alarms 1.2)."""
    lives = [life("a@b", at - 1, at, number=n) for n, at in enumerate(clears)]
    assert chattering(lives) == expected
    assert chattering([replace(one, key=f"a@{n}") for n, one in enumerate(lives)]) == 0


@pytest.mark.parametrize(
    ("lives", "expected"),
    [
        ([], Detection(name="flood", found=False)),
        (
            [life("ponding-blue@ponding-1", 6600, 9000)],
            Detection(name="flood", found=True, key="ponding-blue@ponding-1", lead_s=600),
        ),
        ([life("ponding-red@ponding-1", 7500)], Detection(name="flood", found=True, key="ponding-red@ponding-1", lead_s=-300)),
        ([life("ponding-red@ponding-1", 7500, told=None)], Detection(name="flood", found=False)),
        ([life("ponding-red@ponding-2", 7200)], Detection(name="flood", found=False)),
        ([life("ponding-red@ponding-1", 10_801)], Detection(name="flood", found=False)),
        ([life("ponding-blue@ponding-1", 100, 3000)], Detection(name="flood", found=False)),
        ([life("ponding-blue@ponding-1", 100)], Detection(name="flood", found=True, key="ponding-blue@ponding-1")),
        (
            [
                life("ponding-red@ponding-1", 7300),
                life("ponding-blue@ponding-1", 7100, 7250),
                life("ponding-blue@ponding-1", 100),
            ],
            Detection(name="flood", found=True, key="ponding-blue@ponding-1", lead_s=100),
        ),
    ],
    ids=["nothing", "before", "after", "never told", "elsewhere", "too late", "too early", "standing", "the first counts"],
)
def test_detection(lives: list[Life], expected: Detection) -> None:
    """Protects what counts as found: told in the event or within its lead; an alarm that always stands has no lead."""
    assert report(lives, 0, DAY_MS, [FLOOD]).detections == (expected,)


def test_false_alarms_and_median_lead() -> None:
    """Protects the two figures that labels are for; alarms of which no label speaks are neither right nor false."""
    second = replace(FLOOD, name="second", start=50_000_000, end=51_000_000)
    lives = [
        life("ponding-red@ponding-1", 7100, 7300),
        life("ponding-red@ponding-1", 20_000, 20_500),
        life("ponding-red@ponding-1", 49_700, 50_900),
        life("door@cabinet-1", 20_000, 20_500),
    ]
    found = report(lives, 0, DAY_MS, [FLOOD, second])
    assert (found.false_alarms, found.median_lead_s) == (1, 200.0)


def test_difference() -> None:
    """Protects the comparison: by alarm and count, only what people would be told of, from the start on."""
    now = [life("a@1", 10), life("a@1", 50, number=2), life("b@1", 10), life("old@1", -5), life("c@1", 5, told=None)]
    then = [life("a@1", 20), life("b@1", 30), life("d@1", 5), life("c@1", 5)]
    found = difference(now, then, 0)
    assert found.only_now == (("a@1", 1),)
    assert found.only_then == (("c@1", 1), ("d@1", 1))


times = st.integers(-DAY_S, 3 * DAY_S)
occurrences = st.lists(
    st.builds(
        lambda key, at, long, told: life(key, at, None if long is None else at + long, told=-1 if told else None),
        st.sampled_from(["a@1", "a@2", "b@1", "c@x"]),
        times,
        st.none() | st.integers(0, DAY_S),
        st.booleans(),
    ),
    max_size=12,
)


@given(lives=occurrences, by=st.integers(-400, 400))
@settings(deadline=None)
def test_the_figures_move_with_time(lives: list[Life], by: int) -> None:
    """Protects from a figure that depends on the date: everything shifted by some days gives the same."""
    moved = [
        replace(
            one,
            raised_at=one.raised_at + by * DAY_MS,
            announced_at=None if one.announced_at is None else one.announced_at + by * DAY_MS,
            cleared_at=None if one.cleared_at is None else one.cleared_at + by * DAY_MS,
        )
        for one in lives
    ]
    label = replace(FLOOD, keys=("a@*",))
    later = replace(label, start=label.start + by * DAY_MS, end=label.end + by * DAY_MS)
    assert report(moved, by * DAY_MS, (by + 3) * DAY_MS, [later]) == report(lives, 0, 3 * DAY_MS, [label])


@given(lives=occurrences)
@settings(deadline=None)
def test_the_parts_add_up(lives: list[Life]) -> None:
    """Protects the sums: rules add up to the whole, none is active longer than there is time, none differs from itself."""
    found = report(lives, 0, 3 * DAY_MS)
    assert found.announced == sum(one.announced for one in found.rules)
    assert all(0 <= one.longest_s <= 3 * DAY_S and one.longest_s <= one.active_s for one in found.rules)
    assert found.announced == found.per_day * 3
    same = difference(lives, lives, 0)
    assert (same.only_now, same.only_then) == ((), ())


# -- labels --------------------------------------------------------------------------------------------------------------------

KNOWN = ("ponding-red@ponding-1", "ponding-blue@ponding-1")


def _file(tmp_path: Path, text: str) -> Path:
    (tmp_path / "floods.toml").write_text(text, encoding="utf-8")
    return tmp_path / "floods.toml"


def test_labels_are_read(tmp_path: Path) -> None:
    """Protects the times: county time without a zone, any other with it, one of each in one event."""
    text = """
[[event]]
name = "白凤大道积水"
alarms = ["ponding-*@ponding-1"]
from = 2026-06-21T18:30:00
to = 2026-06-21T11:00:00Z
lead_minutes = 15
"""
    (found,) = read_labels(_file(tmp_path, text), ZONE, KNOWN)
    assert (found.start, found.end) == (1_782_037_800_000, 1_782_039_600_000)
    assert (found.name, found.keys, found.lead_ms) == ("白凤大道积水", ("ponding-*@ponding-1",), 900_000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no"),
        ('[[events]]\nname = "x"', "unknown key; this file holds"),
        ('[[event]]\nname = "x"\nalarms = ["ponding-red@*"]\nfrom = 2026-06-21T18:30:00', "line 1, event[1].to: is missing"),
        ('[[event]]\nname = "x"\nalarms = []\nfrom = 2026-06-21T18:30:00\nto = 2026-06-21T19:30:00', "event[1].alarms"),
        (
            '[[event]]\nname = "x"\nalarms = ["ponding-red@*"]\nfrom = 2026-06-21T18:30:00\nto = 2026-06-21T17:30:00',
            "ends before it begins",
        ),
        (
            '[[event]]\nname = "x"\nalarms = ["ponding-rad@ponding-1"]\nfrom = 2026-06-21T18:30:00\nto = 2026-06-21T19:30:00',
            "no alarm is called 'ponding-rad@ponding-1'; did you mean 'ponding-red@ponding-1'?",
        ),
    ],
)
def test_bad_labels_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Protects from a label that could only ever be missed, or that says nothing; the place is named."""
    with pytest.raises(ConfigError) as refused:
        read_labels(_file(tmp_path, text), ZONE, KNOWN)
    assert reason in str(refused.value)
    assert "floods.toml" in str(refused.value)
