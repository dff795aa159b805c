"""Fills a journal as a gateway would that polled for a day while nobody listened."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bench.faults_rig import Rig
from gateway.journal import Journal
from lampwell.county import load
from lampwell.readings import Layout, Scan

DAY_MS = 86_400_000
FLUSH = 2_000


@dataclass(slots=True)
class Fill:
    """Called by the rig before the gateway starts. ``filled``: per segment the highest row written."""

    scans_a_device: int
    filled: dict[int, int] = field(default_factory=dict)

    async def __call__(self, made: Rig) -> None:
        """Write the day that ended a minute ago."""
        county = load(made.county)
        node = county.edges[0].node
        layouts = [Layout(node, device.id, device.profile.points) for device in county.devices]
        journal = Journal.open(made.journal, limit_mb=256, now_ms=0)
        start, step = int(time.time() * 1000) - DAY_MS - 60_000, DAY_MS // self.scans_a_device
        for number in range(self.scans_a_device):
            for layout in layouts:
                values = tuple((number * 7 + column) % 50_000 for column in range(len(layout.points)))
                columns = tuple(range(len(values)))
                journal.add(Scan(layout, start + number * step, columns, values, (0,) * len(values)))
            if number % (FLUSH // len(layouts)) == 0:
                await journal.flush()
        last = journal.last
        await journal.close()
        self.filled[last >> 32] = last & 0xFFFF_FFFF


def fill_a_day(scans_a_device: int) -> Fill:
    """A day of scans for every device of the rig's county; 8,640 are one every ten seconds."""
    return Fill(scans_a_device)
