"""Labelled events from a TOML file: what really happened, for a back-test to be judged by."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from control.backtest.figures import Label
from lampwell.config import Settings, read_toml, validate
from lampwell.errors import ConfigError, Problem


class LabelFile(Settings):
    """One ``[[event]]``: ``from`` and ``to`` are TOML times; one without a zone is county time."""

    name: Annotated[str, Field(min_length=1)]
    alarms: Annotated[list[str], Field(min_length=1)]
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    lead_minutes: Annotated[float, Field(ge=0)] = 60.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_.replace(tzinfo=None) > self.to.replace(tzinfo=None):
            raise ValueError("ends before it begins")
        return self


def read_labels(path: Path, zone: ZoneInfo) -> tuple[Label, ...]:
    """The labels of a file. ConfigError with everything that is wrong."""
    problems: list[Problem] = []
    whole = read_toml(path, path.name, problems)
    found = []
    for entry in whole.tables("event", problems) if whole else ():
        if (file := validate(LabelFile, entry, problems)) is not None:
            start, end = _ms(file.from_, zone), _ms(file.to, zone)
            found.append(
                Label(name=file.name, keys=tuple(file.alarms), start=start, end=end, lead_ms=round(file.lead_minutes * 60_000))
            )
    if whole is not None:
        problems.extend(whole.problem("unknown key; this file holds [[event]]", str(key)) for key in whole.data if key != "event")
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def _ms(time: datetime, zone: ZoneInfo) -> int:
    return round((time if time.tzinfo else time.replace(tzinfo=zone)).timestamp() * 1000)
