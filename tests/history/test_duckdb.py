"""What the embedded store promises beyond the port: roll-ups that tell the truth, retention, transactions, one owner, kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.clock import VirtualClock
from lampwell.errors import StoreAction, StoreError
from lampwell.history import duckdb_write
from lampwell.history.aggregate import in_buckets
from lampwell.history.duckdb_columns import QUARTER_MS
from lampwell.history.duckdb_query import Sources, sources
from lampwell.history.duckdb_store import DuckDbHistory
from lampwell.history.port import SeriesId
from lampwell.points import Point
from lampwell.readings import Flag, Scan

from .conftest import NODE, T0, layout, scan

DEVICE = layout("well-01", points=[Point(path="level"), Point(path="battery")])
LEVEL = SeriesId(NODE, "well-01", "level")
DAY = 86_400_000
Q0 = T0 // QUARTER_MS


def opened(folder: Path, *, raw_days: int = 90, rollup_days: int = 3650, read_only: bool = False) -> DuckDbHistory:
    return DuckDbHistory(folder, clock=VirtualClock(), raw_days=raw_days, rollup_days=rollup_days, read_only=read_only)


def level(time: int, value: float | None, flags: int = 0) -> Scan:
    return scan(DEVICE, time, {"level": value}, {"level": flags})


# -- roll-ups ------------------------------------------------------------------------------------------------------------

readings = st.lists(
    st.tuples(st.integers(0, 16 * QUARTER_MS), st.integers(-400, 400), st.sampled_from([0, 0, 0, 1, 2, 16, 512])), max_size=60
)
spans = st.tuples(st.integers(0, 16 * QUARTER_MS), st.integers(0, 16 * QUARTER_MS), st.sampled_from([1, 2, 4, 96]))


@settings(max_examples=30, deadline=None)
@given(
    rounds=st.lists(st.tuples(readings, st.booleans(), st.integers(0, 20)), min_size=1, max_size=4),
    asked=st.lists(spans, max_size=4),
)
async def test_rollups_answer_as_raw_readings_would(
    tmp_path_factory: pytest.TempPathFactory,
    rounds: list[tuple[list[tuple[int, int, int]], bool, int]],
    asked: list[tuple[int, int, int]],
) -> None:
    """Late and bad readings in any order, housekeeping at any moment, any range: wide buckets equal their plain definition."""
    history = opened(tmp_path_factory.mktemp("store"))
    seen: set[int] = set()
    for batch, maintained, passed in rounds:
        fresh = {t: (t, v, f) for t, v, f in batch if t not in seen}  # two readings of one time have no order
        seen |= set(fresh)
        await history.append([level(T0 + t, v / 4, f) for t, v, f in fresh.values()], {})
        if maintained:
            for _ in range(2):  # a quarter must have rested for one round
                await history.maintain(T0 + passed * QUARTER_MS)
    for a, b, quarters in [*asked, (0, 16 * QUARTER_MS + 1, 4)]:
        start, end, width = T0 + min(a, b), T0 + max(a, b), quarters * QUARTER_MS
        (buckets,) = await history.buckets([LEVEL], start, end, width)
        plain = in_buckets(await history.readings(LEVEL, start, end), width)
        assert [list(buckets.time), list(buckets.count), list(buckets.bad)] == [
            list(plain.time),
            list(plain.count),
            list(plain.bad),
        ]
        for name in ("min", "max", "mean", "last"):
            assert list(getattr(buckets, name)) == pytest.approx(list(getattr(plain, name))), name
    await history.close()


def test_which_part_of_a_range_is_answered_from_what() -> None:
    """Whole clean quarters from roll-ups, ends and dirty quarters raw; late readings below the floor are added to the roll-up."""
    q = QUARTER_MS
    start, end = 10 * q + 5, 20 * q + 7
    assert sources(start, end, 60_000, [], 0) == Sources((), ((start, end),))
    assert sources(start, end, 4 * q, [], 0) == Sources(((11, 20),), ((start, 11 * q), (20 * q, end)))
    assert sources(10 * q, 20 * q, q, [3, 12, 13, 15, 40], 0) == Sources(
        ((10, 12), (14, 15), (16, 20)), ((12 * q, 14 * q), (15 * q, 16 * q))
    )
    assert sources(10 * q, 20 * q, q, [12], 15) == Sources(((10, 20),), ((12 * q, 13 * q),))
    assert sources(10 * q + 1, 10 * q + 9, q, [], 0) == Sources((), ((10 * q + 1, 10 * q + 9),))


async def test_old_raw_readings_go_and_their_rollups_stay(tmp_path: Path) -> None:
    """After retention the hourly answers are as before, raw readings are gone; what comes late even then is added to them."""
    history = opened(tmp_path, raw_days=10)
    await history.append([level(T0 + n * 60_000, float(n)) for n in range(240)], {})
    late_day = T0 + 30 * DAY
    await history.append([level(late_day, 1.0)], {})
    (before,) = await history.buckets([LEVEL], T0, T0 + 4 * 4 * QUARTER_MS, 4 * QUARTER_MS)
    for _ in range(2):
        await history.maintain(late_day)
    assert len((await history.readings(LEVEL, T0, T0 + DAY)).time) == 0
    assert (await history.buckets([LEVEL], T0, T0 + 4 * 4 * QUARTER_MS, 4 * QUARTER_MS))[0] == before
    await history.append([level(T0 + 30_000, 1000.0), level(T0 + 30_001, 5.0, int(Flag.RANGE))], {})
    for again in range(3):
        (after,) = await history.buckets([LEVEL], T0, T0 + 4 * 4 * QUARTER_MS, 4 * QUARTER_MS)
        assert (after.max[0], after.min[0], after.count[0], after.bad[0], after.last[0]) == (1000.0, 0.0, 31, 1, 29.0), (
            again
        )  # T0 is half past
        await history.maintain(late_day)
    assert len((await history.readings(LEVEL, T0, T0 + DAY)).time) == 0, "folded into the roll-up, not kept twice"
    await history.close()


async def test_rollups_go_in_the_end(tmp_path: Path) -> None:
    """``rollup_days`` after the newest reading nothing is left of a quarter."""
    history = opened(tmp_path, raw_days=1, rollup_days=20)
    await history.append([level(T0, 1.0), level(T0 + 30 * DAY, 2.0)], {})
    for _ in range(2):
        await history.maintain(T0 + 30 * DAY)
    (buckets,) = await history.buckets([LEVEL], T0 - DAY, T0 + 31 * DAY, DAY)
    assert list(buckets.last) == [2.0]
    await history.close()


async def test_a_clock_gone_wrong_removes_nothing(tmp_path: Path) -> None:
    """Retention counts from the newest reading: a machine that believes it is 2099 does not empty the store."""
    history = opened(tmp_path, raw_days=10)
    await history.append([level(T0, 1.0)], {})
    for _ in range(2):
        await history.maintain(T0 + 30_000 * DAY)
    assert len((await history.readings(LEVEL, T0, T0 + 1)).time) == 1
    await history.close()


# -- transactions and life -----------------------------------------------------------------------------------------------


async def test_an_append_that_fails_half_way_stores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows written before the failure are rolled back with everything else; the retry stores them once."""
    history = opened(tmp_path)
    await history.append([level(T0, 1.0)], {"j/1": "1-1"})
    with monkeypatch.context() as broken:
        broken.setattr(duckdb_write, "insert_progress", lambda *_: (_ for _ in ()).throw(duckdb.IOException("disk full")))
        with pytest.raises(StoreError, match="disk full") as caught:
            await history.append([level(T0 + 1, 2.0), scan(layout("well-99"), T0, {"energy": 1})], {"j/1": "1-2"})
    assert caught.value.action is StoreAction.WAIT
    assert len((await history.readings(LEVEL, T0, T0 + 9)).time) == 1
    assert await history.progress() == {"j/1": "1-1"}
    await history.append([level(T0 + 1, 2.0), scan(layout("well-99"), T0, {"energy": 1})], {"j/1": "1-2"})
    assert list((await history.readings(LEVEL, T0, T0 + 9)).value) == [1.0, 2.0]
    await history.close()
    again = opened(tmp_path)
    assert list((await again.readings(SeriesId(NODE, "well-99", "energy"), T0, T0 + 9)).value) == [1], "its series was saved too"
    await again.close()


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    """Latest readings (of series long silent too), dirty quarters, positions and series survive a restart."""
    history = opened(tmp_path)
    await history.append(
        [level(T0 - 300 * DAY, 7.0), scan(DEVICE, T0, {"battery": None}), scan(layout(), T0 - 2 * DAY, {"model": "a"})],
        {"j/1": "1-9"},
    )
    latest = list(await history.latest())
    await history.close()
    again = opened(tmp_path)
    assert list(await again.latest()) == latest
    assert await again.progress() == {"j/1": "1-9"}
    (buckets,) = await again.buckets([LEVEL], T0 - 301 * DAY, T0, DAY)
    assert list(buckets.last) == [7.0]
    await again.append([level(T0 - 400 * DAY, 1.0), level(T0 + 1, 2.0)], {})
    assert {(str(row.series.id), row.value) for row in await again.latest("well-01/*")} == {
        ("well-01/level", 2.0),
        ("well-01/battery", None),
    }
    await again.close()


async def test_a_second_process_is_told_who_owns_the_file(tmp_path: Path) -> None:
    """Opening a store that is in use says which process has it, for writing and for reading."""
    history = opened(tmp_path)
    for read_only in (False, True):
        code = (
            "from pathlib import Path; from lampwell.clock import SystemClock\n"
            "from lampwell.history.duckdb_store import DuckDbHistory\n"
            f"DuckDbHistory(Path({str(tmp_path)!r}), clock=SystemClock(), raw_days=1, rollup_days=1, read_only={read_only})"
        )
        child = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"in use by process {os.getpid()}" in child.stderr
        assert "StoreError" in child.stderr
    await history.close()
    reader = opened(tmp_path, read_only=True)
    with pytest.raises(StoreError, match="reading only"):
        await reader.append([level(T0, 1.0)], {})
    await reader.close()


async def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    """Not a traceback of the library: the file and what is wrong with it."""
    (tmp_path / "history.duckdb").write_bytes(b"this is not a database" * 1000)
    with pytest.raises(StoreError, match=r"history\.duckdb: cannot be opened"):
        opened(tmp_path)
    with pytest.raises(StoreError, match="no history here yet"):
        opened(tmp_path / "nowhere", read_only=True)


KILLED = """
import asyncio, sys
from pathlib import Path
from lampwell.clock import SystemClock
from lampwell.history.duckdb_store import DuckDbHistory
from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan
where = Layout(NodeId("oldtown", "edge-1"), "well-01", (Point(path="level"),))
async def main():
    history = DuckDbHistory(Path(sys.argv[1]), clock=SystemClock(), raw_days=90, rollup_days=3650)
    n = int(sys.argv[2])
    while True:
        scans = [Scan(where, {t0} + n + i, (0,), (float(n + i),), (0,)) for i in range(50)]
        n += 50
        await history.append(scans, {{"j/1": f"1-{{n}}"}})
        print(n, flush=True)
        if n % 500 == 0:
            await history.maintain({t0} + 10**9)
asyncio.run(main())
"""


async def test_kill_9_amid_commits_loses_nothing_and_stores_nothing_twice(tmp_path: Path) -> None:
    """After each kill the rows are exactly those the position names, at least those whose append had returned."""
    stored = 0
    for _ in range(4):
        child = _started(tmp_path, stored)
        assert child.stdout is not None
        told = 0
        for _ in range(15):
            told = int(await asyncio.to_thread(child.stdout.readline))
        child.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in child.stdout.read().split("\n")[:-1] if line)])
        child.wait()
        history = opened(tmp_path)
        stored = int((await history.progress())["j/1"].removeprefix("1-"))
        times = (await history.readings(LEVEL, T0, T0 + 10**9, 10**6)).time
        assert stored >= told
        assert list(times) == [T0 + n for n in range(stored)]
        (buckets,) = await history.buckets([LEVEL], T0, T0 + QUARTER_MS, QUARTER_MS)
        assert list(buckets.count) == [stored]
        await history.close()


def _started(folder: Path, stored: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", KILLED.format(t0=T0), str(folder), str(stored)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_queries_do_not_wait_for_appends(tmp_path: Path) -> None:
    """Reading and writing at once, each consistent: a bucket's count only grows."""
    history = opened(tmp_path)

    async def write() -> None:
        for n in range(60):
            await history.append([level(T0 + n * 100 + i, float(i)) for i in range(100)], {})

    writing = asyncio.create_task(write())
    counts = []
    while not writing.done():
        (buckets,) = await history.buckets([LEVEL], T0, T0 + QUARTER_MS, QUARTER_MS)
        counts.append(sum(buckets.count))
        await asyncio.sleep(0)
    await writing
    assert counts == sorted(counts)
    assert all(count % 100 == 0 for count in counts)
    await history.close()
