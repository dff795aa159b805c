"""The county of the gateway's bench, as files: one edge node, a link per unit, forty points a unit."""

from __future__ import annotations

from pathlib import Path

EDGE, AREA, POINTS = "edge-1", "town", 40

COUNTY = """\
id = "bench"
zh = "测试"
en = "Bench"
latitude = 26.79
longitude = 114.9
time_zone = "Asia/Shanghai"

[broker]
host = "127.0.0.1"
port = {broker}

[history]
store = "duckdb"

[[area]]
id = "{area}"
zh = "城区"
en = "Town"

[[edge]]
id = "{edge}"
area = "{area}"
"""
PROFILE = """\
id = "forty"
zh = "四十点"
en = "Forty points"
kinds = ["meter"]
source = "made for the bench: ranges and deadbands on every point, rate and spike on every fourth"
point = [
{points}
]

[defaults]
space = "holding"
type = "u16"

[[window]]
space = "holding"
first = 0
last = 39
"""
TESTS = "source = 'made up', low = -100, high = 10000"
MOTION = f"{TESTS}, rate_suspect = 50000, rate_bad = 100000, spike = 500"


def write_county(folder: Path, *, broker: int, field: int, units: int, interval_s: float) -> Path:
    """Write the folder and return it."""
    (folder / "profiles").mkdir(parents=True)
    (folder / "county.toml").write_text(COUNTY.format(broker=broker, area=AREA, edge=EDGE), encoding="utf-8")
    points = "\n".join(_point(number) for number in range(POINTS))
    (folder / "profiles" / "forty.toml").write_text(PROFILE.format(points=points), encoding="utf-8")
    intervals = f"dry_s = {interval_s}, watch_s = {interval_s}, storm_s = {interval_s}, slow_s = 60"
    (folder / "defaults.toml").write_text(f'[meter]\nprofile = "forty"\nintervals = {{ {intervals} }}\n', encoding="utf-8")
    links = [f"link-{n},{EDGE},tcp,{address(n)},{field}" for n in range(units)]
    (folder / "links.csv").write_text("\n".join(["id,edge,transport,host,port", *links]) + "\n", encoding="utf-8")
    rows = [f"meter-{n},meter,link-{n},{n % 200 + 1},{AREA}" for n in range(units)]
    (folder / "devices.csv").write_text("\n".join(["id,kind,link,unit,area", *rows]) + "\n", encoding="utf-8")
    return folder


def _point(number: int) -> str:
    """A point whose deadband any change of its register leaves."""
    place = f'path = "p{number}", address = {number}, scale = 0.1, zh = "点", en = "Point"'
    tests = MOTION if number % 4 == 0 else TESTS
    return f"  {{ {place}, deadband = {{ absolute = 0.05, percent = 0.001 }}, tests = {{ {tests} }} }},"


def address(number: int) -> str:
    """A loopback address of its own for every link: two links to one endpoint are refused, and rightly so."""
    return f"127.0.{number // 250 + 1}.{number % 250 + 1}"
