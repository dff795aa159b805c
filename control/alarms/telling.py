"""What readings, and their loss, mean for the alarms of one device or edge node: told to a ``Teller``, nothing else changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from control.alarms.bind import Bound
from control.alarms.clauses import Silent
from control.alarms.seen import Teller
from control.alarms.watched import Column, Watched, gate, sense
from lampwell.readings import Scan


def take(teller: Teller, watched: Watched, columns: Sequence[Column | None], scan: Scan, now: int) -> None:
    """A scan: each value that is watched and news, and the enabling conditions that hang on them."""
    time, historical = scan.time, scan.historical
    gated: dict[str, Bound] = {}
    for i, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
        column = columns[i]
        if column is not None and column.take(time, value, flags, historical=historical):
            for bound in column.bounds:
                _value(teller, column, bound, now)
            if column.gated:
                gated |= {bound.alarm.key: bound for bound in column.gated}
    _gates(teller, watched, gated.values())


def blank(teller: Teller, watched: Watched, now: int) -> None:
    """Nothing is known of its points, nor of its silence."""
    for column in watched.columns.values():
        for bound in column.bounds:
            teller.tell(bound.alarm.key, None, now, now)
    for bound in (*watched.silent, *watched.derived, *watched.faults):
        teller.tell(bound.alarm.key, None, now, now)


def everything(teller: Teller, watched: Watched, now: int) -> None:
    """All that is known of it."""
    for bound in watched.offline:
        teller.tell(bound.alarm.key, None if watched.alive is None else not watched.alive, now, now)
    if not watched.alive:
        blank(teller, watched, now)
        return
    for bound in watched.silent:
        teller.tell(bound.alarm.key, watched.is_silent, now, now)
    for column in watched.columns.values():
        for bound in column.bounds:
            if column.time >= 0:
                _value(teller, column, bound, now)
            else:
                teller.tell(bound.alarm.key, None, now, now)
        _gates(teller, watched, column.gated)


def silence_ms(bound: Bound) -> int:
    """How long a silence an alarm on silence allows."""
    assert isinstance(bound.clause, Silent), "checked where they were sorted"
    return round(bound.clause.seconds * 1000)


def _value(teller: Teller, column: Column, bound: Bound, now: int) -> None:
    value, why = sense(bound, column.value, column.flags)
    teller.tell(bound.alarm.key, value, column.time, now, why, (column.evidence(),) if why.zh else ())


def _gates(teller: Teller, watched: Watched, gated: Iterable[Bound]) -> None:
    for bound in gated:
        enabled, why = gate(watched, bound)
        if enabled is not None:
            teller.gate(bound.alarm.key, enabled, why)
