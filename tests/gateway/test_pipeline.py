"""From bytes to scans: what is reported, when, and what never is."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.pipeline import Pipeline
from gateway.plan import plan_device
from lampwell.assets import Device, DeviceKind, Intervals
from lampwell.points import Deadband, Kind, Point, PollClass
from lampwell.points import Tests as Limits
from lampwell.profiles.model import Encoding, Profile, Register, Space, Window, WireType
from lampwell.readings import BAD_FLAGS, Flag, Layout, NodeId, Scan

START = 1_780_000_000_000
BAND = Deadband(absolute=1, heartbeat_s=300)


def register(path: str, address: int, *, kind: Kind = Kind.FLOAT, scale: float = 0.1, **point: object) -> Register:
    point = {"deadband": BAND, **point}
    encoding = Encoding(type=WireType.U16, scale=scale, sentinels=(65535,))
    return Register(
        point=Point(path=path, kind=kind, **point),  # type: ignore[arg-type]
        space=Space.HOLDING,
        address=address,
        encoding=encoding,
    )


class Rig:
    """A device of touching registers, fed with words instead of bytes."""

    def __init__(self, *registers: Register) -> None:
        profile = Profile(
            id="p",
            zh="",
            en="",
            source="",
            registers=registers,
            windows=(Window(space=Space.HOLDING, first=0, last=99), Window(space=Space.HOLDING, first=100, last=199)),
        )
        device = Device(
            id="well-01",
            kind=DeviceKind.WELL,
            profile=profile,
            link="l",
            unit=1,
            area="a",
            intervals=Intervals(dry_s=1, watch_s=1, storm_s=1),
        )
        self.plan = plan_device(device)
        self.pipeline = Pipeline(Layout(NodeId("a", "e"), "well-01", profile.points), self.plan)

    def feed(self, second: float, *blocks: Sequence[int] | None, clock_flag: int = 0, which: str = "fast") -> list[Scan]:
        plans = {"fast": self.plan.fast, "slow": self.plan.slow}[which]
        data = [None if words is None else struct.pack(f">{len(words)}H", *words) for words in blocks]
        return self.pipeline.feed(START + int(second * 1000), list(zip(plans, data, strict=True)), clock_flag)


def values(scans: list[Scan]) -> list[tuple[int, dict[str, object]]]:
    """Second and path -> value of each scan."""
    return [
        ((s.time - START) // 1000, {s.layout.points[i].path: v for i, v in zip(s.index, s.values, strict=True)}) for s in scans
    ]


def test_first_round_reports_everything_and_the_next_equal_one_nothing() -> None:
    """That is the device's birth; silence afterwards means "as before"."""
    rig = Rig(register("a", 0), register("b", 1))
    assert values(rig.feed(0, [10, 20])) == [(0, {"a": 1.0, "b": 2.0})]
    assert rig.feed(1, [10, 20]) == []


def test_deadband_is_measured_from_the_last_reported_value() -> None:
    """A slow creep is reported as soon as it adds up, never swallowed step by step."""
    rig = Rig(register("a", 0))
    reported = [s for n in range(25) for s in rig.feed(n, [100 + n])]
    assert [v for _, v in values(reported)] == [{"a": 10.0}, {"a": 11.0}, {"a": 12.0}]


def test_the_larger_of_absolute_and_percent_counts() -> None:
    """10 % of 100 is more than 1: only a move of 10 is reported."""
    rig = Rig(register("a", 0, deadband=Deadband(absolute=1, percent=10)))
    rig.feed(0, [1000])
    assert rig.feed(1, [1090]) == []
    assert values(rig.feed(2, [1100])) == [(2, {"a": 110.0})]


def test_move_of_exactly_the_deadband_counts_in_spite_of_binary_fractions() -> None:
    """0.7 - 0.6 is 0.09999…: a person who wrote 0.1 means that move."""
    rig = Rig(register("a", 0, deadband=Deadband(absolute=0.1)))
    rig.feed(0, [6])
    assert values(rig.feed(1, [7])) == [(1, {"a": 0.7})]


def test_heartbeat_reports_an_unchanged_value() -> None:
    """Silence longer than the heartbeat would be taken for a dead sensor."""
    rig = Rig(register("a", 0), register("b", 1, deadband=Deadband(heartbeat_s=60)))
    found = [s for second in range(0, 301, 10) for s in rig.feed(second, [10, 20])]
    times = [(second, set(read)) for second, read in values(found)]
    assert times == [(0, {"a", "b"}), *((t, {"b"}) for t in (60, 120, 180, 240)), (300, {"a", "b"})]


def test_last_value_before_a_jump_keeps_the_trend_line_true() -> None:
    """A trend drawn through reported points alone would show a slope of minutes where there was a step of a second."""
    rig = Rig(register("a", 0))
    rig.feed(0, [100])
    rig.feed(60, [105])
    scans = rig.feed(61, [200])
    assert values(scans) == [(60, {"a": 10.5}), (61, {"a": 20.0})]
    assert [s.historical for s in scans] == [True, False]


def test_no_extra_value_where_the_one_before_was_reported_or_equal_or_a_creep() -> None:
    """The extra value is for jumps; noise and ramps must not double the traffic."""
    rig = Rig(register("a", 0))
    assert [len(rig.feed(n, [100 + 20 * n])) for n in range(3)] == [1, 1, 1]
    rig = Rig(register("a", 0))
    rig.feed(0, [100])
    rig.feed(1, [100])
    assert len(rig.feed(2, [200])) == 1
    rig = Rig(register("a", 0))
    assert [len(rig.feed(n, [100 + n])) for n in range(11)] == [1, *[0] * 9, 1]


def test_sentinel_has_no_value_and_is_reported_at_once() -> None:
    """-999 and 65535 never become a level; their coming and going is news whatever the deadband."""
    rig = Rig(register("a", 0, deadband=Deadband(absolute=1e9)))
    rig.feed(0, [10])
    (gone,) = rig.feed(1, [65535])
    assert (gone.values, gone.flags) == ((None,), (int(Flag.SENTINEL),))
    (back,) = rig.feed(2, [10])
    assert (back.values, back.flags) == ((1.0,), (0,))


def test_refused_block_makes_its_points_bad_once_and_they_come_back() -> None:
    """What the device refuses has no value; the old one must not linger as good."""
    rig = Rig(register("a", 0), register("b", 100))
    rig.feed(0, [10], [20])
    (refused,) = rig.feed(1, [10], None)
    assert (refused.index, refused.values, refused.flags) == ((1,), (None,), (int(Flag.DEVICE),))
    assert rig.feed(2, [10], None) == []
    assert rig.pipeline.value(1) is None
    assert values(rig.feed(3, [10], [20])) == [(3, {"b": 2.0})]


def test_status_point_makes_the_points_that_name_it_bad() -> None:
    """The device's own word on its sensor counts at once, also while the level itself does not change."""
    rig = Rig(register("level", 0, tests=Limits(status="status")), register("status", 1, kind=Kind.INT, scale=1))
    rig.feed(0, [10, 0])
    (scan,) = rig.feed(1, [10, 3])
    assert dict(zip(scan.index, scan.flags, strict=True)) == {0: int(Flag.DEVICE), 1: 0}
    assert scan.values == (1.0, 3)
    (scan,) = rig.feed(2, [10, 0])
    assert dict(zip(scan.index, scan.flags, strict=True)) == {0: 0, 1: 0}


def test_unknown_status_is_not_a_failure() -> None:
    """A status that can not be read says nothing of the level."""
    rig = Rig(register("level", 0, tests=Limits(status="status")), register("status", 100, kind=Kind.INT, scale=1))
    rig.feed(0, [10], [3])
    scans = rig.feed(1, [10], None)
    assert {s.layout.points[i].path: f for s in scans for i, f in zip(s.index, s.flags, strict=True)} == {
        "level": 0,
        "status": int(Flag.DEVICE),
    }


def test_spike_is_cleared_by_the_next_equal_sample() -> None:
    """A step that stays: doubted once, then good, though the registers did not change between the two."""
    rig = Rig(register("a", 0, tests=Limits(spike=5)))
    rig.feed(0, [10])
    assert [s.flags for s in rig.feed(1, [200])] == [(int(Flag.SPIKE),)]
    assert [s.flags for s in rig.feed(2, [200])] == [(0,)]
    assert rig.feed(3, [200]) == []


def test_flat_line_is_seen_though_nothing_changes() -> None:
    """A stuck sensor is found exactly because its registers do not move."""
    rig = Rig(register("a", 0, tests=Limits(flat_s=60)))
    found = [(second, s.flags) for second in range(0, 131, 10) for s in rig.feed(second, [10])]
    assert found == [(0, (0,)), (60, (int(Flag.FLAT),))]
    assert [s.flags for s in rig.feed(140, [11])] == [(0,)]


def test_slow_points_are_judged_only_when_they_were_read() -> None:
    """A round of the fast points must not invent a sample, or a heartbeat, of the slow ones."""
    rig = Rig(register("a", 0), register("b", 1, poll=PollClass.SLOW, deadband=Deadband(heartbeat_s=60)))
    assert values(rig.feed(0, [10])) == [(0, {"a": 1.0})]
    assert rig.pipeline.latest(START).flags == (0, int(Flag.STALE))
    assert values(rig.feed(1, [20], which="slow")) == [(1, {"b": 2.0})]
    assert [s for second in range(2, 100) for s in rig.feed(second, [10])] == []
    assert values(rig.feed(100, [20], which="slow")) == [(100, {"b": 2.0})]


def test_revived_device_reports_everything_again() -> None:
    """After an outage nobody may rely on what was said before it."""
    rig = Rig(register("a", 0))
    rig.feed(0, [10])
    rig.pipeline.revive()
    assert values(rig.feed(9, [10])) == [(9, {"a": 1.0})]


def test_untrusted_clock_marks_every_reading_and_its_end_clears_them() -> None:
    """The flag travels with the readings, so that no one draws a trend through 1970."""
    rig = Rig(register("a", 0), register("b", 1))
    rig.feed(0, [10, 20])
    assert [s.flags for s in rig.feed(1, [10, 20], clock_flag=int(Flag.CLOCK))] == [(128, 128)]
    assert [s.flags for s in rig.feed(2, [10, 20])] == [(0, 0)]


def test_clock_set_back_does_not_silence_the_heartbeat() -> None:
    """An hour back must not mean an hour without reports."""
    rig = Rig(register("a", 0))
    rig.feed(0, [10])
    assert values(rig.feed(-3600, [10])) == [(-3600, {"a": 1.0})]
    assert [s.time for second in range(-3590, -3200, 10) for s in rig.feed(second, [10])] == [START - 3_300_000]


def test_counter_beyond_the_wire_has_no_value_rather_than_a_wrong_one() -> None:
    """Sparkplug's Int64 ends at 2^63 - 1; a u64 counter full of ones must not wrap or stop the gateway."""
    energy = Register(
        point=Point(path="energy", kind=Kind.INT),
        space=Space.HOLDING,
        address=0,
        encoding=Encoding(type=WireType.U64),
    )
    rig = Rig(energy)
    (scan,) = rig.feed(0, [65535] * 4)
    assert (scan.values, scan.flags) == ((None,), (int(Flag.SENTINEL),))
    assert values(rig.feed(1, [0x7FFF, 65535, 65535, 65535])) == [(1, {"energy": (1 << 63) - 1})]


@pytest.mark.parametrize("band", [0.0, 1.0, 3.5])
@settings(deadline=None, max_examples=50)
@given(series=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), min_size=1, max_size=60))
def test_host_is_never_further_off_than_the_deadband(band: float, series: list[tuple[int, int]]) -> None:
    """What the host last heard is within the deadband of what the device last said, always, point by point."""
    rig = Rig(register("a", 0, deadband=Deadband(absolute=band)), register("b", 1, deadband=Deadband(absolute=band)))
    heard: dict[int, float] = {}
    times: list[int] = []
    for second, words in enumerate(series):
        for scan in rig.feed(second, words):
            times.append(scan.time)
            heard |= dict(zip(scan.index, scan.values, strict=True))  # type: ignore[arg-type]
        for i, word in enumerate(words):
            assert abs(heard[i] - word / 10) < max(band, 1e-9)
    assert times == sorted(times)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 65535), min_size=1, max_size=40))
def test_no_bad_reading_is_ever_reported_as_good(words: list[int]) -> None:
    """Outside its range, or without a value: never good."""
    rig = Rig(register("a", 0, tests=Limits(low=0, high=500, spike=50, rate_bad=3000), deadband=Deadband(absolute=2)))
    for second, word in enumerate(words):
        for scan in rig.feed(second, [word]):
            for value, flags in zip(scan.values, scan.flags, strict=True):
                assert bool(flags & BAD_FLAGS) or (value is not None and 0 <= float(value) <= 500)
