"""What the History port promises, asked of both stores: the embedded one and a real InfluxDB 1.6."""

from __future__ import annotations

import math

import pytest

from lampwell.history.aggregate import in_buckets
from lampwell.history.port import Gap, History, SeriesId
from lampwell.points import Kind, Point
from lampwell.readings import Flag, NodeId, Scan

from .conftest import NODE, POINTS, T0, layout, scan

MIN = 60_000
DEVICE = layout()
I_A = SeriesId(NODE, "cabinet-01", "loop1/i_a")


async def test_values_come_back_in_the_shape_of_their_kind(history: History) -> None:
    """A float, a bool, an int and a text are told apart when they are read, whatever the store keeps them as."""
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 3, "loop1/on": True, "energy": 2**53, "model": 'LC-12 "甲"\\'})], {})
    found = {}
    for point in POINTS:
        readings = await history.readings(SeriesId(NODE, "cabinet-01", point.path), T0, T0 + 1)
        found[point.path] = list(readings.value)
    assert found == {"loop1/i_a": [3.0], "loop1/on": [True], "loop2/i_a": [], "energy": [2**53], "model": ['LC-12 "甲"\\']}
    assert type(found["loop1/i_a"][0]) is float
    assert type(found["loop1/on"][0]) is bool
    assert type(found["energy"][0]) is int


async def test_the_range_is_half_open_and_the_order_is_that_of_time(history: History) -> None:
    """Late scans may come in any order; a reading at ``end`` is not in the range."""
    scans = [scan(DEVICE, T0 + n * 1000, {"loop1/i_a": float(n)}) for n in (3, 0, 2, 1, 4)]
    await history.append(scans[:2], {})
    await history.append(scans[2:], {})
    readings = await history.readings(I_A, T0, T0 + 4000)
    assert list(readings.time) == [T0, T0 + 1000, T0 + 2000, T0 + 3000]
    assert list(readings.value) == [0.0, 1.0, 2.0, 3.0]
    assert list((await history.readings(I_A, T0, T0 + 4000, 2)).value) == [0.0, 1.0]


async def test_many_series_are_answered_as_each_alone(history: History) -> None:
    """One question for many series, of every kind, stored or not, gives what a question for each gives, in the order asked."""
    where = layout()
    for n in range(3):
        values = {"loop1/i_a": n / 2, "loop1/on": n == 1, "energy": n, "model": f"m{n}"}
        await history.append([scan(where, T0 + n * 1000, values), scan(layout("cabinet-02"), T0 + n * 1000, {"energy": 7})], {})
    ids = [
        SeriesId(NODE, device, path)
        for device in ("cabinet-02", "cabinet-01", "nobody")
        for path in ("energy", "model", "loop1/on")
    ]
    found = await history.all_readings(ids, T0 + 1000, T0 + 3000)
    alone = [await history.readings(one, T0 + 1000, T0 + 3000) for one in ids]
    assert [(one.series, list(one.time), list(one.value), list(one.flags)) for one in found] == [
        (one.series, list(one.time), list(one.value), list(one.flags)) for one in alone
    ]
    assert [len(one.time) for one in found] == [2, 0, 0, 2, 2, 2, 0, 0, 0]
    assert await history.all_readings([], T0, T0 + 1) == []


async def test_no_value_is_never_a_number(history: History) -> None:
    """Nulls, NaN and infinities are stored as null, flagged bad, and count in nothing but ``bad``."""
    values = [None, math.nan, math.inf, -math.inf, 5.0]
    await history.append([scan(DEVICE, T0 + n, {"loop1/i_a": value, "loop2/i_a": 1.0}) for n, value in enumerate(values)], {})
    readings = await history.readings(I_A, T0, T0 + MIN)
    assert list(readings.value) == [None, None, None, None, 5.0]
    assert list(readings.flags) == [Flag.SENTINEL] * 4 + [0]
    (buckets,) = await history.buckets([I_A], T0, T0 + MIN, MIN)
    assert (buckets.min[0], buckets.max[0], buckets.mean[0], buckets.last[0], buckets.count[0], buckets.bad[0]) == (
        5,
        5,
        5,
        5,
        1,
        4,
    )


async def test_bad_readings_are_kept_but_never_averaged(history: History) -> None:
    """A reading out of range stays readable with its flags; minimum, maximum, mean, last do not see it. A doubtful one counts."""
    flags = [0, Flag.RANGE, Flag.SPIKE, Flag.RATE | Flag.SPIKE]
    values = [1.0, 9999.0, 2.0, -9999.0]
    await history.append(
        [scan(DEVICE, T0 + n, {"loop1/i_a": v}, {"loop1/i_a": f}) for n, (v, f) in enumerate(zip(values, flags, strict=True))], {}
    )
    readings = await history.readings(I_A, T0, T0 + MIN)
    assert list(readings.value) == values
    assert list(readings.flags) == flags
    (buckets,) = await history.buckets([I_A], T0, T0 + MIN, MIN)
    assert (buckets.min[0], buckets.max[0], buckets.mean[0], buckets.last[0], buckets.count[0], buckets.bad[0]) == (
        1,
        2,
        1.5,
        2,
        2,
        2,
    )


async def test_buckets_equal_their_plain_definition(history: History) -> None:
    """Every kind of point, narrow and wide buckets, unaligned ends, empty and all-bad buckets: as defined in ``aggregate``."""
    scans = []
    for n in range(400):
        flags = {
            "loop1/i_a": int(Flag.RANGE) if 100 <= n < 140 or n % 7 == 0 else 0,
            "energy": int(Flag.FLAT) if n % 5 == 0 else 0,
        }
        values = {"loop1/i_a": (n * 37 % 101) / 4, "loop1/on": n % 3 == 0, "energy": n * 10, "model": f"v{n // 100}"}
        scans.append(scan(DEVICE, T0 + n * 61_000, values, flags))
    await history.append(scans, {})
    ids = [SeriesId(NODE, "cabinet-01", point.path) for point in POINTS]
    end = T0 + 400 * 61_000
    for start, stop, width in ((T0, end, MIN), (T0 + 100_000, end - 77_777, 15 * MIN), (T0 - 1, end, 60 * MIN)):
        for buckets in await history.buckets(ids, start, stop, width):
            plain = in_buckets(await history.readings(buckets.series, start, stop), width)
            assert list(buckets.time) == list(plain.time), buckets.series
            assert [list(buckets.count), list(buckets.bad)] == [list(plain.count), list(plain.bad)], buckets.series
            for name in ("min", "max", "mean", "last"):
                assert list(getattr(buckets, name)) == pytest.approx(list(getattr(plain, name))), (buckets.series, name)


async def test_latest_is_the_newest_by_its_own_time(history: History) -> None:
    """History that comes late does not become the latest; a bad reading does, with its flags."""
    await history.append([scan(DEVICE, T0 + 5000, {"loop1/i_a": 5.0, "loop2/i_a": 1.0})], {})
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0, "energy": 7, "loop1/on": False}, historical=True)], {})
    await history.append([scan(DEVICE, T0 + 6000, {"loop2/i_a": None}, {"loop2/i_a": int(Flag.DEVICE)})], {})
    await history.append([scan(layout("well-01"), T0 + 9000, {"loop1/i_a": 9.0}, {"loop1/i_a": int(Flag.FLAT)})], {})
    found = {str(row.series.id): (row.time - T0, row.value, row.flags) for row in await history.latest()}
    assert found == {
        "cabinet-01/loop1/i_a": (5000, 5.0, 0),
        "cabinet-01/loop1/on": (0, False, 0),
        "cabinet-01/loop2/i_a": (6000, None, Flag.DEVICE),
        "cabinet-01/energy": (0, 7, 0),
        "well-01/loop1/i_a": (9000, 9.0, Flag.FLAT),
    }
    assert [str(row.series.id) for row in await history.latest("well-*")] == ["well-01/loop1/i_a"]


async def test_series_are_listed_with_kind_and_unit(history: History) -> None:
    """The catalogue comes from the births; a pattern picks; a node's own points are written with the node's name."""
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0}), scan(layout(""), T0, {"energy": 5})], {})
    infos = {str(info.id): (info.kind, info.unit) for info in await history.series()}
    assert infos["cabinet-01/loop1/i_a"] == (Kind.FLOAT, "A")
    assert infos["edge-1/energy"] == (Kind.INT, "Wh")
    assert len(infos) == 10
    assert [str(info.id) for info in await history.series("*/loop?/i_a")] == [
        "edge-1/loop1/i_a",
        "edge-1/loop2/i_a",
        "cabinet-01/loop1/i_a",
        "cabinet-01/loop2/i_a",
    ]
    assert list((await history.readings(SeriesId(NODE, "", "energy"), T0, T0 + 1)).value) == [5]


async def test_names_of_other_makes_survive(history: History) -> None:
    """Spaces, commas, equals signs, quotes, backslashes, percent and a comment's # in a third party's names are only names."""
    node = NodeId("Plant, A=1", "edge #2\\")
    points = tuple(
        Point(path=path, unit="%")
        for path in (
            "Properties/Hardware Make",
            "a/b/c,d=e f",
            "time",
            "#x",
            "it's",
            'say "hi"',
            "100%",
            "back\\slash\\",
            "7/value",
            "x\ny",
        )
    )
    where = layout("Line 1,\\", node, points)
    await history.append(
        [Scan(where, T0, tuple(range(len(points))), tuple(float(n) for n in range(len(points))), (0,) * len(points))], {}
    )
    assert {info.id.point for info in await history.series()} == {point.path for point in points}
    for number, point in enumerate(points):
        readings = await history.readings(SeriesId(node, "Line 1,\\", point.path), T0, T0 + 1)
        assert list(readings.value) == [float(number)], point.path
    assert {(row.series.id.point, row.value) for row in await history.latest()} == {
        (p.path, float(n)) for n, p in enumerate(points)
    }


async def test_gaps_include_the_ends_of_the_range(history: History) -> None:
    """Silence before the first and after the last reading is a gap as well; a bad reading is a reading."""
    times = [10, 11, 12, 30, 31, 50]
    flags = {30: int(Flag.DEVICE)}
    await history.append([scan(DEVICE, T0 + t * MIN, {"loop1/i_a": 1.0}, {"loop1/i_a": flags.get(t, 0)}) for t in times], {})
    gaps = await history.gaps(I_A, T0, T0 + 60 * MIN, 9 * MIN)
    assert gaps == [Gap(T0 + a * MIN, T0 + b * MIN) for a, b in ((0, 10), (12, 30), (31, 50), (50, 60))]
    assert await history.gaps(I_A, T0 + 10 * MIN, T0 + 13 * MIN, 5 * MIN) == []
    unknown = SeriesId(NODE, "nowhere", "x")
    assert await history.gaps(unknown, T0, T0 + MIN, 1000) == [Gap(T0, T0 + MIN)]


async def test_what_was_never_stored_answers_empty(history: History) -> None:
    """An empty store and an unknown series are answers, not errors."""
    unknown = SeriesId(NODE, "nowhere", "x")
    assert list(await history.series()) == []
    assert list(await history.latest()) == []
    assert list((await history.readings(unknown, T0, T0 + MIN)).time) == []
    (buckets,) = await history.buckets([unknown], T0, T0 + MIN, 1000)
    assert list(buckets.time) == []


async def test_positions_are_kept_with_the_rows_and_removed_by_an_empty_text(history: History) -> None:
    """Ingest positions come back as last given."""
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0})], {"j/1": "1-5", "j/2": "1-1"})
    await history.append([], {"j/1": "", "j/2": "1-9", "j/first": "77"})
    assert await history.progress() == {"j/2": "1-9", "j/first": "77"}


async def test_a_value_of_the_wrong_kind_spoils_nothing_else(history: History) -> None:
    """A text where a number was declared is put into quarantine alone; the rest of its scan and batch is stored."""
    odd = scan(DEVICE, T0 + 1, {"loop1/i_a": "n/a", "loop2/i_a": 2.0, "energy": 10**400})  # a host would not let this pass
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0}), odd, scan(DEVICE, T0 + 2, {"loop1/i_a": 3.0})], {})
    assert list((await history.readings(I_A, T0, T0 + MIN)).value) == [1.0, 3.0]
    assert list((await history.readings(SeriesId(NODE, "cabinet-01", "loop2/i_a"), T0, T0 + MIN)).value) == [2.0]
    found = {(row.series.point, row.time) for row in await history.quarantined()}
    assert found == {("loop1/i_a", T0 + 1), ("energy", T0 + 1)}


async def test_flags_a_foreign_node_made_up_do_no_harm(history: History) -> None:
    """Flags outside our 16 bits are left out instead of breaking the batch."""
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0}, {"loop1/i_a": (1 << 40) | Flag.FLAT})], {})
    assert list((await history.readings(I_A, T0, T0 + 1)).flags) == [Flag.FLAT]


async def test_a_new_birth_may_change_columns(history: History) -> None:
    """Another layout of the same device writes on into the same series, and a changed unit is taken over."""
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0, "energy": 5})], {})
    reborn = layout(points=[Point(path="energy", kind=Kind.INT, unit="kWh"), Point(path="loop1/i_a", unit="A")])
    await history.append([scan(reborn, T0 + 1, {"loop1/i_a": 2.0, "energy": 6})], {})
    assert list((await history.readings(I_A, T0, T0 + MIN)).value) == [1.0, 2.0]
    (energy,) = await history.series("cabinet-01/energy")
    assert energy.unit == "kWh"
