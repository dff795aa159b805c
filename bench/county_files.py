"""A county for a bench, as files: one area, one edge node, units of one kind that share one profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

EDGE, AREA, KIND = "edge-1", "town", "meter"

COUNTY = """\
id = "bench"
zh = "测试县"
en = "Bench"
latitude = 26.79
longitude = 114.9
time_zone = "Asia/Shanghai"

[broker]
host = "127.0.0.1"
port = {broker}

[history]
{history}

[[area]]
id = "{area}"
zh = "城区"
en = "Town"

[[edge]]
id = "{edge}"
area = "{area}"
{edge_keys}"""
PROFILE = """\
id = "points"
zh = "测点"
en = "Points"
kinds = ["{kind}"]
source = "made for a bench"
point = [
{points}
]

[defaults]
space = "holding"
type = "u16"

[[window]]
space = "holding"
first = 0
last = {last}
"""


def county_files(
    *,
    broker: int,
    points: Iterable[str],
    links: Iterable[tuple[str, int]],
    units: Iterable[tuple[str, int, int]],
    interval_s: float,
    history: str = 'store = "duckdb"',
    edge_keys: str = "",
) -> dict[str, str]:
    """Text by file name. ``points``: inline tables, one a register from 0 on; ``links``: (host, port), called ``link-0`` and so
    on; ``units``: (id, number of the link, unit address). Every phase is polled each ``interval_s``.
    """
    lines = list(points)
    intervals = f"dry_s = {interval_s}, watch_s = {interval_s}, storm_s = {interval_s}, slow_s = 60"
    return {
        "county.toml": COUNTY.format(broker=broker, history=history, area=AREA, edge=EDGE, edge_keys=edge_keys),
        "profiles/points.toml": PROFILE.format(kind=KIND, points="\n".join(lines), last=len(lines) - 1),
        "defaults.toml": f'[{KIND}]\nprofile = "points"\nintervals = {{ {intervals} }}\n',
        "links.csv": _csv(
            "id,edge,transport,host,port", (f"link-{n},{EDGE},tcp,{host},{port}" for n, (host, port) in enumerate(links))
        ),
        "devices.csv": _csv("id,kind,link,unit,area", (f"{name},{KIND},link-{link},{unit},{AREA}" for name, link, unit in units)),
    }


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write them and return the folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _csv(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, *rows]) + "\n"
