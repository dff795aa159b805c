"""``lampwell backtest feeder``: what a recorded one-minute power and voltage series says of a feeder and its lamps, as JSON."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from control.lighting.feeder.analysis import analyse
from control.lighting.feeder.series_file import read_series


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lamps", type=click.IntRange(1, 100_000), required=True, help="Lamps on the feeder, taken as equal. 灯数")
@click.option("--time", "time_", default="", metavar="TITLE", help="Title of the time column, where it is not recognised.")
@click.option("--power", default="", metavar="TITLE", help="Title of the power column.")
@click.option("--voltage", default="", metavar="TITLE", help="Title of the voltage column.")
@click.option(
    "--time-zone", default="Asia/Shanghai", show_default=True, help="Wall clock for times that are instants (Z, +00:00, epoch)."
)
@click.option("--compact", is_flag=True, help="One line instead of indented JSON.")
def feeder(file: Path, lamps: int, time_: str, power: str, voltage: str, time_zone: str, *, compact: bool) -> None:
    """Analyse a recorded feeder: FILE is CSV with time, power and voltage, about one row a minute. 馈线历史数据分析

    \b
    Columns, by their titles (or given with --time, --power, --voltage):
      time     time, timestamp, 时间: 2024-01-03 18:07[:00][+08:00], 2024年1月3日 18:07, epoch s or ms;
               minute, index, 分钟: a bare number of minutes; a date column beside a time of day works too
      power    power, p, 功率, 有功功率; unit in the title: power_w, power (kW), 功率(kW); else W
      voltage  voltage, u, 电压, in V
    Comma, semicolon or tab; decimal comma with ; or tab; UTF-8, UTF-16 or GB18030. An empty cell, NaN or - is a missing value.

    \b
    One JSON object on stdout (docs/feeder.md tells every field):
      summary        counts: nights, dim steps, gaps, supply losses, anomalies, lamp faults, kWh
      nights         on, off, kWh of each night
      dim_steps      changes of level, and whether a program makes them
      gaps           minutes without data
      supply_losses  from the loss to the level regained, one event each
      anomalies      what should not be; lamp_fault where a crew should look; lamps only where a count is honest, else watts
      levels, voltage, drift_percent_per_30_nights, noise_percent: what was learned

    Exit code 0: analysed, whatever was found; 1 or 2: not analysed, with file, line and reason on stderr.
    """  # noqa: D301 - click wants the backspace itself
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(f"{time_zone!r} is not a time zone such as Asia/Shanghai", param_hint="--time-zone") from error
    series, notes = read_series(file, zone, {"time": time_, "power": power, "voltage": voltage})
    text = msgspec.json.encode(analyse(series, lamps, file.name, notes))
    click.echo((text if compact else msgspec.json.format(text, indent=2)).decode())
