"""Who answered, concluded from recorded readings; and trials that do not depend on when they happen."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from control.alarms.bind import Binding
from control.backtest.life import NODE_SILENT_MS, Silences, beats_of, pulse
from control.backtest.run import run
from lampwell.points import Point
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.messages import DeviceDied, HostEvent, NodeDied, ScanReceived

from .scene import NOON, OLDTOWN, binding, taihe

FAST, SLOW = Layout(OLDTOWN, "cabinet-01", ()), Layout(OLDTOWN, "ponding-1", ())
OWN = Layout(OLDTOWN, "", ())
BEATS = {(OLDTOWN, "cabinet-01"): 60_000, (OLDTOWN, "ponding-1"): 300_000}
LEVEL = Layout(OLDTOWN, "ponding-1", (Point(path="level", unit="m"),))


def _beats(layout: Layout, start: int, end: int, step: int) -> list[tuple[int, HostEvent]]:
    return [(time, ScanReceived(Scan(layout, time, (), (), ()))) for time in range(start, end, step)]


def _deaths(events: list[tuple[int, HostEvent]], until: int, *, cuts: tuple[int, ...] = ()) -> list[tuple[int, HostEvent]]:
    """Deaths of a story that is told in parts, cut at these times."""
    silences, found = Silences(BEATS), []
    events = sorted(events, key=lambda each: each[0])
    for begin, end in zip((0, *cuts), (*cuts, until), strict=True):
        found += silences.woven([each for each in events if begin <= each[0] < end], end)
    assert [each for each in found if isinstance(each[1], ScanReceived)] == events
    assert [time for time, _ in found] == sorted(time for time, _ in found)
    return [(time, event) for time, event in found if not isinstance(event, ScanReceived)]


def test_the_pulse_is_the_point_reported_most_often() -> None:
    """Protects from quiet contacts being taken for silence: residual current and the PLC's counter beat every minute."""
    devices = {device.id: device for device in taihe().devices}
    for name, path, beat in (
        ("cabinet-01", "residual", 60_000),
        ("station-1", "heartbeat", 60_000),
        ("well-01", "level", 300_000),
    ):
        found = pulse(devices[name])
        assert found is not None
        assert (found[0].path, found[1]) == (path, beat)
    assert len(beats_of(taihe())) == len(devices)


def test_a_device_dies_after_two_beats() -> None:
    """Protects the alarm on a dead device: two of its own beats after its last reading, once, and again after a return."""
    own = _beats(OWN, 0, 4_000_000, 10_000)
    cabinet = _beats(FAST, 0, 600_001, 60_000) + _beats(FAST, 1_000_000, 1_060_001, 60_000)
    found = _deaths(own + cabinet, 4_000_000)
    assert found == [
        (720_000, DeviceDied(OLDTOWN, "cabinet-01", 720_000)),
        (1_180_000, DeviceDied(OLDTOWN, "cabinet-01", 1_180_000)),
    ]


def test_a_silent_edge_node_is_one_death() -> None:
    """Protects the duty officer from forty dead devices where one gateway was off: ten minutes of nothing at all."""
    events = _beats(OWN, 0, 500_001, 10_000) + _beats(FAST, 0, 500_001, 60_000) + _beats(SLOW, 0, 500_001, 300_000)
    gone = 500_000 + NODE_SILENT_MS
    assert _deaths(events, 9_000_000) == [(gone, NodeDied(OLDTOWN, gone))]


def test_a_short_stop_of_a_gateway_is_nobodys_death() -> None:
    """Protects from blaming devices for a gateway's restart of five minutes."""
    events = [each for start, end in ((0, 500_001), (800_000, 2_000_000)) for each in _beats(OWN, start, end, 10_000)]
    events += [each for start, end in ((0, 500_001), (800_000, 2_000_000)) for each in _beats(FAST, start, end, 60_000)]
    assert _deaths(events, 2_000_000) == []


@given(
    gaps=st.lists(st.sampled_from([10_000, 60_000, 150_000, 700_000, 2_000_000]), min_size=1, max_size=12),
    cut=st.integers(1, 40_000_000),
)
@settings(deadline=None)
def test_slices_change_nothing(gaps: list[int], cut: int) -> None:
    """Protects long back-tests: told in one piece or in two, a story has the same deaths."""
    events: list[tuple[int, HostEvent]] = []
    time = 0
    for n, gap in enumerate(gaps):
        layout = (FAST, OWN, SLOW)[n % 3]
        events.append((time, ScanReceived(Scan(layout, time, (), (), ()))))
        time += gap
    assert _deaths(events, 50_000_000) == _deaths(events, 50_000_000, cuts=(cut,))


# -- trials --------------------------------------------------------------------------------------------------------------------

ONLY = Binding(tuple(bound for bound in binding().bounds if bound.device == "ponding-1"))
Steps = st.lists(
    st.tuples(st.sampled_from([0.0, 0.04, 0.06, 0.16, 0.26, 0.41, None]), st.sampled_from([5, 20, 100, 700, 1000])), max_size=20
)


def _story(steps: list[tuple[float | None, int]], start: int) -> tuple[list[tuple[int, HostEvent]], int]:
    events: list[tuple[int, HostEvent]] = []
    time = start
    for value, seconds in steps:
        events.append((time, ScanReceived(Scan(LEVEL, time, (0,), (value,), (0 if value is not None else 1,)))))
        time += seconds * 1000
    return events, time


@given(steps=Steps, by=st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_lives_move_with_their_story(steps: list[tuple[float | None, int]], by: int) -> None:
    """Protects from a result that depends on the date: a story told later has the same lives, later."""
    events, end = _story(steps, NOON)
    later, later_end = _story(steps, NOON + by)
    moved = [
        replace(
            one,
            raised_at=one.raised_at + by,
            announced_at=None if one.announced_at is None else one.announced_at + by,
            cleared_at=None if one.cleared_at is None else one.cleared_at + by,
        )
        for one in run(ONLY, taihe(), events, NOON, end)
    ]
    assert run(ONLY, taihe(), later, NOON + by, later_end) == moved


@given(steps=Steps, at=st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_a_longer_story_begins_like_a_shorter_one(steps: list[tuple[float | None, int]], at: int) -> None:
    """Protects from looking ahead: what comes later changes nothing of what was told before."""
    events, end = _story(steps, NOON)
    middle = events[at][0] if at < len(events) else end

    def told(lives: list) -> list:
        return [(one.key, one.raised_at) for one in lives if one.raised_at <= middle]

    assert told(run(ONLY, taihe(), events, NOON, end)) == told(run(ONLY, taihe(), events[: at + 1], NOON, middle + 1))
