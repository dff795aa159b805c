"""Labelled events from a TOML file: what really happened, for a back-test to be judged by."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from control.backtest.figures import Label
from lampwell.config import Entry, Settings, read_toml, validate
from lampwell.config_words import did_you_mean
from lampwell.errors import ConfigError, Problem


class LabelFile(Settings):
    """One ``[[event]]``: ``from`` and ``to`` are TOML times; one without a zone is county time."""

    name: Annotated[str, Field(min_length=1)]
    alarms: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    lead_minutes: Annotated[float, Field(ge=0)] = 60.0


def read_labels(path: Path, zone: ZoneInfo, known: Collection[str]) -> tuple[Label, ...]:
    """The labels of a file. ``known``: the keys of all alarms that are tried; a label that means none of them could only ever be
    missed. ConfigError with everything that is wrong.
    """
    problems: list[Problem] = []
    whole = read_toml(path, path.name, problems)
    found = []
    for entry in whole.tables("event", problems) if whole else ():
        if (file := validate(LabelFile, entry, problems)) is not None:
            found.append(_label(file, zone))
            problems += _wrong(found[-1], entry, known)
    if whole is not None:
        problems.extend(whole.problem("unknown key; this file holds [[event]]", str(key)) for key in whole.data if key != "event")
        if not problems and not found:
            problems.append(whole.problem("holds no [[event]]"))
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def _label(file: LabelFile, zone: ZoneInfo) -> Label:
    return Label(
        name=file.name,
        keys=tuple(file.alarms),
        start=_ms(file.from_, zone),
        end=_ms(file.to, zone),
        lead_ms=round(file.lead_minutes * 60_000),
    )


def _wrong(label: Label, entry: Entry, known: Collection[str]) -> Iterator[Problem]:
    if label.end < label.start:
        yield entry.problem("ends before it begins", "to")
    for n, pattern in enumerate(label.keys):
        if not any(fnmatchcase(key, pattern) for key in known):
            yield entry.problem(f"no alarm is called {pattern!r}{did_you_mean(pattern, known)}", "alarms", n)


def _ms(time: datetime, zone: ZoneInfo) -> int:
    return round((time if time.tzinfo else time.replace(tzinfo=zone)).timestamp() * 1000)
