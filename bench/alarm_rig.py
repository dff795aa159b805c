"""Control as a process of its own, for benches and fault runs: started, waited for, looked at from outside."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.faults_rig import Service
from control.methods import METHODS, SOCKET
from control.state import STATE_FILE
from lampwell.local import connect

START_S = 60.0


def told_where(url: str, command: Sequence[str]) -> list[str]:
    """A command that finds the vendors' stand-in there; runs side by side must not share an environment."""
    return ["env", f"LAMPWELL_STANDIN_URL={url}", *command]


def control_service(folder: Path, county: Path, url: str, *options: str) -> Service:
    """``lampwell control`` on that county with its data in ``folder`` and the vendors' stand-in at ``url``."""
    command = [sys.executable, "-m", "control", str(county), "--data", str(folder), *options]
    return Service("control", told_where(url, command), folder / "control.log")


async def knowing(folder: Path, service: Service, names: Sequence[str]) -> float:
    """Return when control knows how these alarms stand: it has heard of their points since its start; the wall time (s) then."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        service.must_live()
        client = await connect(folder, METHODS, SOCKET)
        if client is not None:
            details = [await client.ask("alarm", name) for name in names]
            client.close()
            if all(detail.row.known for detail in details):
                return time.time()
        await asyncio.sleep(0.02)
    raise RuntimeError(f"control knows nothing:\n{service.log.read_text(errors='replace')[-2000:]}")


async def answering(folder: Path, service: Service) -> float:
    """Return when control answers on its socket; the wall time (s) then. RuntimeError with its log if it never does."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        service.must_live()
        client = await connect(folder, METHODS, SOCKET)
        if client is not None:
            client.close()
            return time.time()
        await asyncio.sleep(0.01)
    raise RuntimeError(f"control does not answer:\n{service.log.read_text(errors='replace')[-2000:]}")


def asked(folder: Path, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query on control's database file, as another program sees them."""
    where = f"{(folder / STATE_FILE).resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(where, uri=True, timeout=5.0)) as database:
        return database.execute(query, values).fetchall()
