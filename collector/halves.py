"""Cutting a batch in two, to find the one reading in it that the store will not take."""

from __future__ import annotations

from collections.abc import Sequence

from lampwell.history.fit import part
from lampwell.readings import Scan


def halves(scans: Sequence[Scan]) -> tuple[Sequence[Scan], Sequence[Scan]] | None:
    """Two halves of a batch: of its scans, or of the columns of its only scan; None for a single reading (or nothing)."""
    if len(scans) > 1:
        middle = len(scans) // 2
        return scans[:middle], scans[middle:]
    if not scans or len(scans[0].index) <= 1:
        return None
    columns = list(range(len(scans[0].index)))
    middle = len(columns) // 2
    return [part(scans[0], columns[:middle])], [part(scans[0], columns[middle:])]
