"""What an edge node's births say of its devices and of its journal, and how the scans of a device go out. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from lampwell.readings import Flag, Layout, Scan
from lampwell.sparkplug import names
from lampwell.sparkplug.codec import Metric
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.fastwire import Latest, ScanEncoder

_OLD_LAYOUTS = 8  # encoders kept per device for the backlog's earlier layouts


class Born:
    """What is known of a device (or of the node itself): its layout, its newest values, and how its scans are encoded."""

    __slots__ = ("_full", "_newer", "_old", "alive", "encoder", "layout", "topic")

    def __init__(self, layout: Layout, topic: str) -> None:
        self.layout = layout
        self.topic = topic
        self.alive = True
        self.encoder = ScanEncoder(layout)
        self._full: Scan | None = None
        self._newer: dict[int, Latest] = {}
        self._old: dict[Layout, ScanEncoder] = {}

    def encoder_for(self, scan: Scan) -> ScanEncoder | None:
        """A live scan must be of the born layout; the backlog may be of an earlier one."""
        if scan.layout is self.layout:
            return self.encoder
        if not scan.historical:
            return None
        if scan.layout not in self._old:
            if len(self._old) >= _OLD_LAYOUTS:
                self._old.clear()
            self._old[scan.layout] = ScanEncoder(scan.layout)
        return self._old[scan.layout]

    def remember(self, scan: Scan) -> None:
        """Keep the newest values for the next birth; a scan of every point is kept as it is."""
        if len(scan.index) == len(self.layout.points):
            self._full = scan
            if self._newer:
                self._newer.clear()
            return
        time, newer = scan.time, self._newer
        for column, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
            newer[column] = (time, value, flags)

    def latest(self, now: int) -> list[Latest]:
        """Every column for a birth, with its own time; a point never read is null and stale."""
        latest: dict[int, Latest] = {}
        if self._full is not None:
            scan = self._full
            latest = {c: (scan.time, v, f) for c, v, f in zip(scan.index, scan.values, scan.flags, strict=True)}
        latest |= self._newer
        unread: Latest = (now, None, int(Flag.STALE))
        return [latest.get(column, unread) for column in range(len(self.layout.points))]


@dataclass(slots=True)
class JournalBirth:
    """What births say of the journal; ``id`` "" is an edge node without one."""

    id: str
    first: int = 0
    acknowledged: dict[int, int] = field(default_factory=dict)

    def metrics(self, now: int) -> list[Metric]:
        """The journal's metrics in NBIRTH. What is only ever sent or received later is declared as null."""
        if not self.id:
            return []
        acknowledged = json.dumps({str(s): o for s, o in sorted(self.acknowledged.items())}, separators=(",", ":"))
        text = acknowledged if self.acknowledged else ""
        return [
            Metric(name=names.JOURNAL_ID, time=now, type=DataType.STRING, value=self.id),
            Metric(name=names.JOURNAL_FIRST, time=now, type=DataType.INT64, value=self.first),
            Metric(name=names.JOURNAL_ACKNOWLEDGED, time=now, type=DataType.STRING, value=text),
            Metric(name=names.JOURNAL_STORED, time=now, type=DataType.INT64),
            *self.offset(now),
        ]

    def offset(self, now: int) -> list[Metric]:
        """The declaration of ``journal/offset``, needed in every birth whose scans carry it."""
        return [Metric(name=names.JOURNAL_OFFSET, time=now, type=DataType.INT64)] if self.id else []
