"""A collector process that kills itself (SIGKILL) right after its n-th append, before anything is acknowledged."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collector.app import Collector
from lampwell.assets import Broker, County, HistorySettings
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.history.port import History
from lampwell.readings import Scan


def county_of(broker: Broker, folder: Path, *, history: HistorySettings | None = None, host_id: str = "lampwell") -> County:
    return County(
        id="test",
        zh="试验县",
        en="Test county",
        latitude=26.79,
        longitude=114.9,
        time_zone="Asia/Shanghai",
        folder=folder,
        broker=broker,
        history=history or HistorySettings(),
        areas=(),
        roads=(),
        edges=(),
        links=(),
        devices=(),
        host_id=host_id,
    )


class Deadly:
    """The real history; the process does not survive its n-th append."""

    def __init__(self, inside: History, appends: int) -> None:
        self._inside, self._left = inside, appends

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        await self._inside.append(scans, progress)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(port: int, folder: Path, host_id: str, appends: int) -> None:
    county = county_of(Broker(host="127.0.0.1", port=port, keepalive_s=5), folder, host_id=host_id)
    history: Any = Deadly(open_history(county.history, folder, clock=SystemClock()), appends)
    await Collector(county, history, clock=SystemClock()).run()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
