"""The history: every reading that was accepted, and the questions people ask of it."""

from __future__ import annotations

from pathlib import Path

from lampwell.assets import HistorySettings
from lampwell.clock import Clock
from lampwell.history.port import History

__all__ = ["open_history"]


def open_history(
    settings: HistorySettings, data_dir: Path, *, clock: Clock, password: str = "", token: str = "", read_only: bool = False
) -> History:
    """The store a county's settings name. The caller closes it. Raises StoreError when the embedded store cannot be opened;
    InfluxDB is only spoken to when first asked. ``password`` and ``token`` are secrets already read by the caller.
    """
    if settings.store == "duckdb":
        from lampwell.history.duckdb_store import DuckDbHistory

        return DuckDbHistory(
            data_dir, clock=clock, raw_days=settings.raw_days, rollup_days=settings.rollup_days, read_only=read_only
        )
    from lampwell.history.influx_store import InfluxHistory

    return InfluxHistory(settings, data_dir, clock=clock, password=password, token=token, read_only=read_only)
