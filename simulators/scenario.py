"""Scenarios: what goes wrong and when, as a TOML file, and the agenda that carries it out in county time.

zh = "急雨与跳泵"
en = "Fast storm, a pump trips"

[[event]]
at = "00:01:00"            # from the start of the simulation; also "90s", "10m", "2h"
storm = 20                 # return period in years; minutes = 120 is optional

[[event]]
at = "00:20:00"
target = "station-1/pump2"
fault = "trip"             # value = 1.0 is optional
for = "15m"                # optional: cleared by itself
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import Field, field_validator

from lampwell.config import Entry, Settings, read_toml, validate
from lampwell.errors import ConfigError, Problem
from simulators.port import FaultInfo, FaultRefused

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultChange:
    """A fault is set, or cleared; ``value`` None = the fault's usual one."""

    target: str
    name: str
    on: bool = True
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StormBegins:
    """A design storm of that return period (years) begins; ``minutes`` None = the world's usual length."""

    return_period: float
    minutes: float | None = None


Action = FaultChange | StormBegins


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A checked scenario: its names and what happens when (seconds of county time from the start)."""

    zh: str
    en: str
    actions: tuple[tuple[float, Action], ...]


def duration(text: str) -> float:
    """Seconds in ``HH:MM:SS``, ``MM:SS`` or ``90s``/``10m``/``2h``/``1d``. ValueError says what was expected."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip()):
        return float(match[1]) * _UNITS[match[2]]
    if match := re.fullmatch(r"(?:(\d+):)?([0-5]?\d):([0-5]\d(?:\.\d+)?)", text.strip()):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    raise ValueError(f"{text!r} is no duration; write it as 00:05:00, 90s, 10m or 2h")


def known_fault(catalogue: Sequence[FaultInfo], target: str, name: str) -> FaultInfo:
    """The catalogue's entry, or FaultRefused with what comes near or what this target does have."""
    here = [info for info in catalogue if info.target == target]
    for info in here:
        if info.name == name:
            return info
    if here:
        raise FaultRefused(f"{target} has no fault {name!r}; it has: {', '.join(sorted(i.name for i in here))}")
    near = get_close_matches(target, sorted({info.target for info in catalogue}), n=5, cutoff=0.5)
    raise FaultRefused(
        f"no such target {target!r}; " + (f"near it: {', '.join(near)}" if near else "`lampwell sim faults` lists them")
    )


def load(path: Path, catalogue: Sequence[FaultInfo]) -> Scenario:
    """Read and check a scenario. ConfigError lists every problem with its line, key and reason."""
    problems: list[Problem] = []
    entry = read_toml(path, str(path), problems)
    head = validate(_Head, entry, problems) if entry else None
    actions: list[tuple[float, Action]] = []
    for table in entry.tables("event", problems) if entry else ():
        actions += _event(table, catalogue, problems)
    if problems or head is None:
        raise ConfigError(problems)
    actions.sort(key=lambda timed: timed[0])
    return Scenario(zh=head.zh, en=head.en, actions=tuple(actions))


class _Head(Settings):
    zh: str = ""
    en: str = ""
    event: object = ()  # read table by table


class _Event(Settings):
    at: str
    target: str | None = None
    fault: str | None = None
    value: float | None = None
    lasts: str | None = Field(None, alias="for")
    storm: float | None = Field(None, gt=0)
    minutes: float | None = Field(None, gt=0)

    @field_validator("at", "lasts")
    @classmethod
    def _is_duration(cls, text: str | None) -> str | None:
        if text is not None:
            duration(text)
        return text


_FAULT_KEYS = ("target", "fault", "value", "for")
_STORM_KEYS = ("storm", "minutes")


def _event(entry: Entry, catalogue: Sequence[FaultInfo], problems: list[Problem]) -> list[tuple[float, Action]]:
    event = validate(_Event, entry, problems)
    if event is None:
        return []
    at, before = duration(event.at), len(problems)
    strangers = _FAULT_KEYS if event.storm is not None else _STORM_KEYS
    problems += [
        entry.problem("does not go with the rest: an event is a fault or a storm", k) for k in strangers if k in entry.data
    ]
    if event.storm is not None:
        return [(at, StormBegins(return_period=event.storm, minutes=event.minutes))]
    problems += [entry.problem("is missing", k) for k in ("target", "fault") if k not in entry.data]
    if len(problems) > before or event.target is None or event.fault is None:
        return []
    try:
        known_fault(catalogue, event.target, event.fault)
    except FaultRefused as refused:
        problems.append(entry.problem(str(refused), "target"))
        return []
    change = FaultChange(target=event.target, name=event.fault, value=event.value)
    return timed_fault(at, change, duration(event.lasts) if event.lasts else None)


def timed_fault(at: float, change: FaultChange, lasts_s: float | None) -> list[tuple[float, Action]]:
    """A fault at its time and, where it lasts only so long, its end."""
    end = FaultChange(target=change.target, name=change.name, on=False)
    return [(at, change)] if lasts_s is None else [(at, change), (at + lasts_s, end)]


class Agenda:
    """What is still to happen, by seconds of county time from the start."""

    def __init__(self, actions: Sequence[tuple[float, Action]] = ()) -> None:
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Action]] = []
        self.add(actions)

    def add(self, actions: Sequence[tuple[float, Action]]) -> None:
        """More to happen; what is due at the same time happens in the order added."""
        for at, action in actions:
            heapq.heappush(self._heap, (at, next(self._order), action))

    def due(self, elapsed: float) -> list[Action]:
        """Everything whose time has come, in order; each is given once."""
        happening = []
        while self._heap and self._heap[0][0] <= elapsed:
            happening.append(heapq.heappop(self._heap)[2])
        return happening

    def __len__(self) -> int:
        return len(self._heap)
