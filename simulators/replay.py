"""Recorded series played back through a sensor's registers: real measurements instead of the simulated ones.

Two forms are read. CSV: a time column (``t_s`` in seconds, or ``time`` in seconds or ISO 8601) and a value column whose name
may end in its unit (``value``, ``depth_cm``, ``level_mm`` ...). JSON lines, plain or gzip: one event a line with ``event``,
``t_s`` and one list such as ``depth_cm``. Times count from the first row; a bare ``value`` is in the point's own unit.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import zlib
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any

from lampwell.assets import Device
from lampwell.config import read_csv
from lampwell.errors import ConfigError, Problem
from lampwell.points import Kind, Point, Value
from simulators.port import Plant

_METRES = {"mm": Fraction(1, 1000), "cm": Fraction(1, 100), "m": Fraction(1)}
_TIMES = ("t_s", "time")
_VALUES = ("value", *(f"{name}_{unit}" for name in ("value", "depth", "level") for unit in _METRES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Samples in the point's unit; ``t_s`` ascending, in seconds from the start of the record."""

    t_s: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, elapsed: float) -> float:
        """What the sensor shows then: 0 before the record, the last sample held between samples and after the end."""
        i = bisect_right(self.t_s, elapsed)
        return self.values[i - 1] if i else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One ``--replay``: ``ponding-1=FILE[:event]`` or ``ponding-1/level=FILE[:event]``."""

    device: str
    point: str
    path: Path
    event: str


class Replayed:
    """A plant with one point taken from a record; all else is the plant's own."""

    def __init__(self, plant: Plant, path: str, series: Series, elapsed: Callable[[], float]) -> None:
        self._plant = plant
        self._path = path
        self._series = series
        self._elapsed = elapsed

    @property
    def values(self) -> Mapping[str, Value | None]:
        """The plant's values with the recorded one in its place."""
        return {**self._plant.values, self._path: self._series.at(self._elapsed())}

    def write(self, path: str, value: Value) -> None:
        """Passed on to the plant."""
        self._plant.write(path, value)


def replayed(
    plants: Mapping[str, Plant], arguments: Iterable[str], devices: Sequence[Device], elapsed: Callable[[], float]
) -> Mapping[str, Plant]:
    """The plants, each that a ``--replay`` argument names playing its record; ``elapsed`` in seconds since the records began."""
    changed = dict(plants)
    for request in map(parse, arguments):
        point = point_of(request, devices)
        series = read(request.path, request.event, point.unit)
        changed[request.device] = Replayed(changed[request.device], point.path, series, elapsed)
    return changed


def parse(text: str) -> Request:
    """Read a ``--replay`` argument. ConfigError says what it should look like."""
    target, equals, source = text.partition("=")
    device, _, point = target.partition("/")
    if not (device and equals and source):
        raise _refused(
            f"--replay {text}", "", "should read DEVICE=FILE or DEVICE=FILE:EVENT, for example ponding-1=floods.jsonl:e0001"
        )
    path, event = Path(source), ""
    if not path.exists() and ":" in source:
        name, _, event = source.rpartition(":")
        path = Path(name)
    return Request(device=device, point=point, path=path, event=event)


def point_of(request: Request, devices: Iterable[Device]) -> Point:
    """The point to be replaced: the one named, else the device's ``level``. ConfigError lists what there is."""
    where = f"--replay {request.device}"
    by_id = {device.id: device for device in devices}
    device = by_id.get(request.device)
    if device is None:
        near = get_close_matches(request.device, by_id, n=3)
        raise _refused(where, "", "no such device" + (f"; near it: {', '.join(near)}" if near else ""))
    points = {p.path: p for p in device.profile.points if p.kind in (Kind.FLOAT, Kind.INT)}
    wanted = request.point or "level"
    if wanted not in points:
        raise _refused(where, "", f"{device.id} has no point {wanted!r}; its numbers are: {', '.join(points)}")
    return points[wanted]


def read(path: Path, event: str, unit: str) -> Series:
    """The record in ``unit``. ConfigError names file, line and reason: not there, no such event, a bad number, a strange unit."""
    return _from_csv(path, unit) if path.suffix.lower() == ".csv" else _from_json_lines(path, event, unit)


def _from_csv(path: Path, unit: str) -> Series:
    problems: list[Problem] = []
    entries = read_csv(path, str(path), (*_TIMES, *_VALUES), problems)
    if problems or not entries:
        raise ConfigError(problems or [Problem(str(path), "", "holds no samples")])
    columns = {column for entry in entries for column in entry.data}
    time = _only(columns, _TIMES, str(path), "time")
    value = _only(columns, _VALUES, str(path), "value")
    rows = [(e.where(), e.data.get(time, ""), e.data.get(value, "")) for e in entries]
    times = [_seconds(text, str(path), where) for where, text, _ in rows]
    values = [_number(text, str(path), where) for where, _, text in rows]
    return _series([t - times[0] for t in times], values, _factor(value, unit, str(path)), str(path))


def _from_json_lines(path: Path, event: str, unit: str) -> Series:
    seen: list[str] = []
    found: Mapping[str, Any] | None = None
    for number, record in _records(path):
        name = str(record.get("event", number))
        seen.append(name)
        if name == event or not event:
            found = record
            if event:
                break
    if (event and found is None) or not seen:
        near = get_close_matches(event, seen, n=3)
        raise _refused(str(path), "", f"has no event {event!r}" + (f"; near it: {', '.join(near)}" if near else ""))
    if not event and len(seen) > 1:
        raise _refused(str(path), "", f"holds {len(seen)} events; say which one, for example {path.name}:{seen[0]}")
    assert found is not None
    column = next((key for key in _VALUES if isinstance(found.get(key), list)), "")
    if not column or not isinstance(found.get("t_s"), list) or len(found["t_s"]) != len(found[column]):
        raise _refused(str(path), event, f"needs two lists of one length: t_s and one of {', '.join(_VALUES)}")
    where = f"event {event}".strip()
    times = [_number(t, str(path), where) for t in found["t_s"]]
    values = [_number(v, str(path), where) for v in found[column]]
    return _series(times, values, _factor(column, unit, str(path)), str(path))


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                yield number, _object(line)
    except (OSError, EOFError, zlib.error) as error:
        raise _refused(str(path), "", f"can not be read: {getattr(error, 'strerror', None) or error}") from error
    except ValueError as error:
        raise _refused(str(path), f"line {number}", f"is not JSON lines: {error}") from error


def _object(line: str) -> Mapping[str, Any]:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("a line must be a JSON object")  # noqa: TRY004  one kind of error for everything a line can be
    return record


def _series(times: Sequence[float], values: Sequence[float], factor: Fraction, file: str) -> Series:
    if not times:
        raise _refused(file, "", "holds no samples")
    for before, after in itertools.pairwise(times):
        if after < before:
            raise _refused(file, "", f"times must rise, but {after:g} s follows {before:g} s")
    return Series(t_s=tuple(times), values=tuple(float(Fraction(repr(v)) * factor) for v in values))


def _factor(column: str, unit: str, file: str) -> Fraction:
    """What turns the column's unit into the point's; exact, so that 11.2 cm becomes 112 mm and not 111.99999."""
    _, _, given = column.rpartition("_")
    if column == "value" or given == unit:
        return Fraction(1)
    if given not in _METRES or unit not in _METRES:
        raise _refused(file, column, f"{given} can not be turned into the point's unit, {unit or 'none'}")
    return _METRES[given] / _METRES[unit]


def _only(columns: Container[str], names: Sequence[str], file: str, what: str) -> str:
    there = [name for name in names if name in columns]
    if len(there) != 1:
        raise _refused(file, "line 1", f"needs one filled {what} column ({', '.join(names)}); it has {len(there)}")
    return there[0]


def _seconds(text: str, file: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(file, where, f"{text!r} is neither seconds nor an ISO 8601 time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()  # only differences matter


def _number(given: object, file: str, where: str) -> float:
    try:
        number = float(given)  # type: ignore[arg-type]  # anything may stand in the file
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(given, bool):
        raise _refused(file, where, f"{given!r} is not a finite number")
    return number


def _refused(file: str, where: str, reason: str) -> ConfigError:
    return ConfigError([Problem(file, where, reason)])
