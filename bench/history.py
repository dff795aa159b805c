"""The embedded store at ten million rows: what questions cost, what a row costs on disk, what opening costs.

30 days of 5,000 series: 100 of them each minute, 4,900 every 37 minutes, random walks with two decimals, in order of time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from lampwell.clock import SystemClock
from lampwell.history.duckdb_store import DuckDbHistory
from lampwell.history.port import SeriesId
from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan

NODE = NodeId("oldtown", "edge-1")
T0, MINUTE, DAY = 1_780_000_200_000, 60_000, 86_400_000
FAST = [Layout(NODE, f"well-{n:03d}", tuple(Point(path=f"p{i:02d}") for i in range(20))) for n in range(5)]
SLOW = [Layout(NODE, f"cabinet-{n:03d}", tuple(Point(path=f"loop{i}/i_a") for i in range(100))) for n in range(49)]
BATCH = 200


def scans(days: int) -> Iterator[Scan]:
    """All scans in order of time."""
    levels = {layout.device: [random.uniform(0, 300) for _ in layout.points] for layout in (*FAST, *SLOW)}
    for minute in range(days * 1440):
        for layout in (*FAST, *(SLOW if minute % 37 == 0 else ())):
            row = levels[layout.device]
            row[:] = [round(value + random.random() - 0.5, 2) for value in row]
            yield Scan(layout, T0 + minute * MINUTE, tuple(range(len(row))), tuple(row), (0,) * len(row))


async def load(history: DuckDbHistory, days: int) -> tuple[int, float]:
    """Append everything in batches; (rows, seconds of the store alone)."""
    rows, spent, batch = 0, 0.0, list[Scan]()
    for scan in scans(days):
        batch.append(scan)
        rows += len(scan.index)
        if len(batch) >= BATCH:
            began = time.perf_counter()
            await history.append(batch, {})
            spent += time.perf_counter() - began
            batch = []
    await history.append(batch, {})
    return rows, spent


async def timed(ask: Callable[[], Awaitable[Any]], times: int = 15) -> tuple[float, float]:
    """Median and worst of several askings, ms."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
    return round(median(took), 2), round(max(took), 2)


async def _measure(days: int, folder: Path) -> dict[str, Any]:
    history = DuckDbHistory(folder, clock=SystemClock(), raw_days=9_000, rollup_days=9_000)
    rows, spent = await load(history, days)
    end = T0 + days * DAY
    began = time.perf_counter()
    for _ in range(2):
        await history.maintain(end - 5 * MINUTE)  # the newest quarter stays dirty, as in life
    rolled = time.perf_counter() - began
    fast = [SeriesId(NODE, layout.device, point.path) for layout in FAST for point in layout.points]
    slow = [SeriesId(NODE, layout.device, point.path) for layout in SLOW[:2] for point in layout.points]
    pick = random.choice
    questions: dict[str, Callable[[], Awaitable[Any]]] = {
        "latest of all 5,000 series": history.latest,
        "one series, 24 h by minute, last day": lambda: history.buckets([pick(fast)], end - DAY, end, MINUTE),
        "one series, 24 h by minute, any day": lambda: history.buckets([pick(fast)], T0 + DAY, T0 + 2 * DAY, MINUTE),
        "50 one-minute series, 30 days by hour": lambda: history.buckets(fast[:50], T0, end, 60 * MINUTE),
        "50 slow series, 30 days by hour": lambda: history.buckets(slow[:50], T0, end, 60 * MINUTE),
        "one series, 24 h raw": lambda: history.readings(pick(fast), end - DAY, end),
        "one series, gaps in 30 days": lambda: history.gaps(pick(fast), T0, end, 5 * MINUTE),
    }
    answers = {name: await timed(question) for name, question in questions.items()}
    await history.close()
    size = sum(file.stat().st_size for file in folder.glob("history.duckdb*"))  # noqa: ASYNC240 - after the run
    began = time.perf_counter()
    await DuckDbHistory(folder, clock=SystemClock(), raw_days=9_000, rollup_days=9_000).close()
    return {
        "rows": rows,
        "append_rows_per_s": round(rows / spent),
        "rollups_s": round(rolled, 2),
        "open_s": round(time.perf_counter() - began, 2),
        "bytes_per_row": round(size / rows, 2),
        "ms": answers,
    }


def run(quick: bool) -> dict[str, Any]:
    """Load, ask, print; ``quick``: 3 days instead of 30."""
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(_measure(3 if quick else 30, Path(folder)))
    print(f"{result['rows']:,} rows, {result['append_rows_per_s']:,} rows/s, {result['bytes_per_row']} B/row with roll-ups")
    print(f"{'question':<42}{'median ms':>12}{'worst ms':>12}")
    for name, (middle, worst) in result["ms"].items():
        print(f"{name:<42}{middle:>12}{worst:>12}")
    limits = {
        "latest of all 5,000 series": 10,
        "one series, 24 h by minute, last day": 10,
        "one series, 24 h by minute, any day": 10,
        "50 one-minute series, 30 days by hour": 150,
        "50 slow series, 30 days by hour": 150,
    }
    targets = {f"{name}, median ms": [result["ms"][name][0], limit, "<="] for name, limit in limits.items()}
    return {**result, "targets": targets}


def main() -> int:
    """``python -m bench.history [--quick]``."""
    parser = argparse.ArgumentParser(prog="bench.history")
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(run(parser.parse_args().quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
