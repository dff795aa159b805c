"""What the command line of the demo asked for, and what follows from it: the county, the scenario, the clock, the folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from deploy.folders import Prepared, drill_folder, live_folder, prepare
from deploy.ports import shifted
from lampwell.assets import County
from lampwell.clock import Clock, ScaledClock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asked for."""

    start: datetime | None
    speed: float
    storm: float
    storm_minutes: float
    seconds: float | None
    as_json: bool
    plain: bool
    data: Path | None
    keep: bool
    port_base: int | None
    broker_port: int
    scenario: str | None

    @property
    def shifted(self) -> bool:
        """Whether the county's time is not the machine's."""
        return self.start is not None or self.speed != 1


def county_of(folder: Path, wishes: Wishes) -> County:
    """The county, with its ports shifted if that was asked for."""
    from lampwell.county import load

    county = load(folder)
    return shifted(county, wishes.port_base) if wishes.port_base is not None else county


def scenario_of(county: County, wishes: Wishes) -> Path | None:
    """The scenario's file; a name that is not there is refused with those that are."""
    if wishes.scenario is None:
        return None
    known = {path.stem: path for path in sorted((county.folder / "scenarios").glob("*.toml"))}
    if wishes.scenario not in known:
        raise click.BadParameter(f"there is no scenario {wishes.scenario!r}; there are {', '.join(known) or 'none'}")
    return known[wishes.scenario]


def clock_of(county: County, wishes: Wishes) -> Clock:
    """The machine's clock, or one that begins and runs as asked."""
    if not wishes.shifted:
        return SystemClock()
    start = wishes.start
    if start is None:
        return ScaledClock(SystemClock().now(), wishes.speed)
    local = start if start.tzinfo else start.replace(tzinfo=ZoneInfo(county.time_zone))
    return ScaledClock(round(local.timestamp() * 1000), wishes.speed)


def data_folder(county: County, wishes: Wishes) -> Prepared:
    """The folder asked for or the usual one, made ready."""
    folder = wishes.data or (drill_folder if wishes.shifted else live_folder)(county.id)
    now = datetime.now(ZoneInfo(county.time_zone))
    edges = [edge.id for edge in county.edges]
    return prepare(folder, county=county.id, shifted=wishes.shifted, keep=wishes.keep, now=now, edges=edges)
