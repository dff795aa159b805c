"""The county of the fault runs, as files: one edge node, two links, twenty units of ten moving points each."""

from __future__ import annotations

from pathlib import Path

EDGE, AREA, LINKS, POINTS = "edge-1", "town", 2, 10

COUNTY = """\
id = "faults"
zh = "故障演练"
en = "Fault run"
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
journal_mb = {journal_mb}
"""
PROFILE = """\
id = "counter"
zh = "计数器"
en = "Counter"
kinds = ["meter"]
source = "made for the fault runs"
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
POINT = '  {{ path = "c{n}", address = {n}, zh = "计数", en = "Count" }},'


def write_county(
    folder: Path,
    *,
    broker: int,
    field: list[int],
    influx: int | None = None,
    devices: int = 20,
    interval: float = 0.5,
    journal_mb: int = 256,
) -> Path:
    """Write the folder and return it. The store is the embedded one, or InfluxDB 1.x on a port."""
    history = (
        f'store = "influx"\nurl = "http://127.0.0.1:{influx}"\nversion = 1\ndatabase = "faults"' if influx else 'store = "duckdb"'
    )
    (folder / "profiles").mkdir(parents=True)
    text = COUNTY.format(broker=broker, history=history, area=AREA, edge=EDGE, journal_mb=journal_mb)
    (folder / "county.toml").write_text(text, encoding="utf-8")
    points = "\n".join(POINT.format(n=n) for n in range(POINTS))
    (folder / "profiles" / "counter.toml").write_text(PROFILE.format(last=POINTS - 1, points=points), encoding="utf-8")
    intervals = f"dry_s = {interval}, watch_s = {interval}, storm_s = {interval}, slow_s = 60"
    defaults = f'[meter]\nprofile = "counter"\nintervals = {{ {intervals} }}\n'
    (folder / "defaults.toml").write_text(defaults, encoding="utf-8")
    links = [f"link-{n},{EDGE},tcp,127.0.0.1,{port}" for n, port in enumerate(field)]
    (folder / "links.csv").write_text("\n".join(["id,edge,transport,host,port", *links]) + "\n", encoding="utf-8")
    rows = [f"meter-{n},meter,link-{n % len(field)},{n + 1},{AREA}" for n in range(devices)]
    (folder / "devices.csv").write_text("\n".join(["id,kind,link,unit,area", *rows]) + "\n", encoding="utf-8")
    return folder
