"""What the lighting commands share that read a county's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.lighting.checks import Finding, check_plan, problem
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.files import FOLDER, Lighting, build_plan, load_lighting
from lampwell.lighting.lunar import is_known, known_words
from lampwell.lighting.model import Plan
from lampwell.lighting.night import night_of
from lampwell.lighting.preview import Basis, loads_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A county with the plan of its files."""

    county: County
    plan: Plan
    basis: Basis

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.county.time_zone)


def files_of(folder: Path) -> Files:
    """Read them. ConfigError with everything that is wrong, or that there are none."""
    county = load(folder)
    lighting = load_lighting(folder, county)
    if not lighting.programs:
        reason = "没有照明方案 there are no lighting programs; begin with programs.toml, calendars.toml and assignments.toml"
        raise ConfigError([Problem(f"{FOLDER}/", "", reason)])
    return files_with(county, lighting)


def files_with(county: County, lighting: Lighting) -> Files:
    """A county with the plan of this lighting."""
    return Files(
        county=county,
        plan=build_plan(county, lighting),
        basis=Basis(loads=loads_of(county), tariffs=lighting.tariffs, standards=lighting.standards),
    )


def night_named(text: str, zone: ZoneInfo, nights: int = 1) -> date:
    """The night of ``2026-10-01``, or ``tonight``, from which so many are looked at. ConfigError."""
    try:
        found = night_of(SystemClock().now(), zone) if text == "tonight" else date.fromisoformat(text)
    except ValueError:
        reason = f"不是日期 {text!r} is not a date; write for example 2026-10-01, or tonight"
        raise ConfigError([Problem("--date", "", reason)]) from None
    if not is_known(found, nights):
        reason = f"{nights} 夜超出农历表 {found} and {nights} nights leave the table of lunar festivals: {known_words()}"
        raise ConfigError([Problem("--date", "", reason)])
    return found


def findings_of(files: Files) -> Sequence[Finding]:
    """What a check of the plan finds, errors first."""
    return check_plan(files.plan, files.basis, night_of(SystemClock().now(), files.zone), files.county.lamps)


def refuse(findings: Sequence[Finding]) -> None:
    """Tell the warnings; ConfigError with the errors."""
    for one in findings:
        if not one.is_error:
            click.echo(f"注意 note: {problem(one)}", err=True)
    if errors := [problem(one) for one in findings if one.is_error]:
        raise ConfigError(errors)
