"""Answers questions to the history from other processes of this machine, over a Unix socket in the data folder.

Only one process can open the embedded store, so its owner answers for it.
"""

from __future__ import annotations

from pathlib import Path

from lampwell.history.port import Buckets, Gap, History, Latest, Quarantined, Readings, SeriesId, SeriesInfo
from lampwell.local import LocalServer, Methods

SOCKET = "history.sock"

METHODS: Methods = {
    "series": ((str,), list[SeriesInfo]),
    "latest": ((str,), list[Latest]),
    "readings": ((SeriesId, int, int, int), Readings),
    "all_readings": ((list[SeriesId], int, int), list[Readings]),
    "buckets": ((list[SeriesId], int, int, int), list[Buckets]),
    "gaps": ((SeriesId, int, int, int), list[Gap]),
    "quarantined": ((int,), list[Quarantined]),
}


def query_server(history: History, data_dir: Path) -> LocalServer:
    """Serves a history while its ``async with`` block lasts."""
    return LocalServer(history, METHODS, data_dir, SOCKET)
