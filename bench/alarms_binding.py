"""How long rules take to become alarms, for the demo's county and for one ten times as large."""

from __future__ import annotations

import csv
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from control.alarms.bind import bind
from control.alarms.rule_files import read_rules
from lampwell.assets import County
from lampwell.county import load

TAIHE = Path(__file__).parents[1] / "counties/taihe"
SHEETS = ("links.csv", "devices.csv", "lamps.csv")
HOST = "127.0.0.1"


def measure(*, times: int = 5) -> dict[str, dict[str, float]]:
    """Milliseconds to read the rules and to bind them, and how many alarms that gave."""
    with tempfile.TemporaryDirectory(prefix="lampwell-binding-") as name:
        large = enlarged(TAIHE, Path(name) / "county", 10)
        return {"taihe": _timed(load(TAIHE), times), "ten times taihe": _timed(load(large), times)}


def _timed(county: County, times: int) -> dict[str, float]:
    reading, binding, alarms = [], [], 0
    for _ in range(times):
        began = time.perf_counter()
        rules = read_rules(county.folder, county)
        read = time.perf_counter()
        alarms = len(bind(rules, county).alarms)
        reading.append(1000 * (read - began))
        binding.append(1000 * (time.perf_counter() - read))
    return {
        "devices": len(county.devices),
        "alarms": alarms,
        "read ms": round(statistics.median(reading), 1),
        "bind ms": round(statistics.median(binding), 1),
    }


def enlarged(county: Path, folder: Path, times: int) -> Path:
    """The county with all that stands in the field so many times: the first as it is, the others under ids of their own."""
    shutil.copytree(county, folder)
    sheets = {name: _rows(folder / name) for name in SHEETS}
    ids = {row["id"] for rows in sheets.values() for row in rows}
    for name, rows in sheets.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, list(rows[0]))
            out.writeheader()
            for copy in range(times):
                out.writerows(_copied(row, ids, copy) for row in rows)
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _copied(row: Mapping[str, str], ids: set[str], copy: int) -> dict[str, str]:
    """A row whose ids, and the places they are reached at, are its copy's own."""
    if copy == 0:
        return dict(row)
    own = {name: f"{value}.{copy}" if value in ids else value for name, value in row.items()}
    if own.get("host"):
        own["host"] = HOST if copy == 0 else f"127.0.0.{copy + 1}"
    if own.get("path"):
        own["path"] = f"{own['path']}.{copy}"
    return own
