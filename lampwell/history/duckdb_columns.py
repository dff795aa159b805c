"""From scans to columns: what one append writes, built without a loop over single values wherever a scan is plain numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from lampwell.history.catalogue import Catalogue, Numbered
from lampwell.history.fit import FLAGS_MASK, judged, sort_out
from lampwell.points import Kind, Value
from lampwell.readings import Scan

QUARTER_MS = 900_000
"""The width of a roll-up."""


@dataclass(slots=True)
class Columns:
    """The rows of one append. ``values`` holds NaN where there is no value; text readings have their own rows."""

    ids: array[int] = field(default_factory=lambda: array("I"))
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    flags: array[int] = field(default_factory=lambda: array("H"))
    texts: list[tuple[int, int, Value | None, int]] = field(default_factory=list)
    quarters: set[int] = field(default_factory=set)
    stored: list[tuple[Numbered, Scan]] = field(default_factory=list)
    misfits: list[Scan] = field(default_factory=list)

    def table(self) -> Any:
        """The numbers as an Arrow table that shares this memory: series, time, value, flags."""
        import pyarrow as pa

        def column(kind: Any, data: array[Any]) -> Any:
            return pa.Array.from_buffers(kind, len(data), [None, pa.py_buffer(data)])

        return pa.table(
            {
                "series": column(pa.uint32(), self.ids),
                "time": column(pa.int64(), self.times),
                "value": column(pa.float64(), self.values),
                "flags": column(pa.uint16(), self.flags),
            }
        )


def columns_of(scans: Iterable[Scan], catalogue: Catalogue) -> Columns:
    """Flatten scans; readings that do not fit their kind end up in ``misfits`` and nowhere else."""
    columns = Columns()
    for scan in scans:
        numbered = catalogue.numbered(scan.layout)
        if numbered.shape(scan.index).plain and _add_plain(columns, numbered, scan):
            continue
        good, bad = sort_out(scan)
        if bad is not None:
            columns.misfits.append(bad)
        if good.index:
            _add_mixed(columns, numbered, good)
    return columns


def _add_plain(columns: Columns, numbered: Numbered, scan: Scan) -> bool:
    """The fast way: a scan of numbers without nulls. False, and nothing added, where it is not that."""
    values, flags, size = columns.values, columns.flags, len(columns.values)
    try:
        values.extend(scan.values)  # type: ignore[arg-type]  # a null or a text raises, which is the point
        flags.extend(scan.flags)
    except (TypeError, OverflowError):
        del values[size:], flags[size:]
        return False
    columns.ids.extend(numbered.shape(scan.index).ids)
    columns.times.extend(array("q", (scan.time,)) * len(scan.index))
    columns.quarters.add(scan.time // QUARTER_MS)
    columns.stored.append((numbered, scan))
    return True


def _add_mixed(columns: Columns, numbered: Numbered, scan: Scan) -> None:
    """The careful way, value by value: nulls, text, flags of foreign nodes."""
    points = scan.layout.points
    for index, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
        number = numbered.ids[index]
        if points[index].kind is Kind.TEXT:
            kept, marks = judged(value, flags)
            columns.texts.append((number, scan.time, kept, marks))
        else:
            columns.ids.append(number)
            columns.times.append(scan.time)
            columns.values.append(nan if value is None else float(value))
            columns.flags.append(flags & FLAGS_MASK)
    columns.quarters.add(scan.time // QUARTER_MS)
    columns.stored.append((numbered, scan))


def runs(quarters: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted half-open runs of neighbouring quarters."""
    found: list[tuple[int, int]] = []
    for quarter in sorted(quarters):
        if found and found[-1][1] == quarter:
            found[-1] = (found[-1][0], quarter + 1)
        else:
            found.append((quarter, quarter + 1))
    return found


def chunks(items: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Runs cut so that none is longer than ``size``."""
    return [(at, min(at + size, end)) for start, end in items for at in range(start, end, size)]
