"""The county of the fault runs: two links, twenty units of ten moving points each."""

from __future__ import annotations

from pathlib import Path

from bench.county_files import county_files, write_files

LINKS, POINTS = 2, 10


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
    files = county_files(
        broker=broker,
        points=(f'  {{ path = "c{n}", address = {n}, zh = "计数", en = "Count" }},' for n in range(POINTS)),
        links=(("127.0.0.1", port) for port in field),
        units=((f"meter-{n}", n % len(field), n + 1) for n in range(devices)),
        interval_s=interval,
        history=history,
        edge_keys=f"journal_mb = {journal_mb}\n",
    )
    return write_files(folder, files)
