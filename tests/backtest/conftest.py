"""A small county with a store that holds a story."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from control.backtest.run import Life
from lampwell.assets import HistorySettings
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.readings import Scan

from .scene import TAIHE


def life(key: str, raised: float, cleared: float | None = None, *, told: float | None = -1, number: int = 1) -> Life:
    """An occurrence by seconds; told at once, unless ``told`` says when, or None: never."""
    at = raised if told == -1 else told
    return Life(
        number=number,
        key=key,
        rule=key.partition("@")[0],
        priority=2,
        raised_at=round(raised * 1000),
        announced_at=None if at is None else round(at * 1000),
        cleared_at=None if cleared is None else round(cleared * 1000),
    )


def store(data: Path, scans: Sequence[Scan]) -> None:
    """Put scans into an embedded store."""

    async def fill() -> None:
        history = open_history(HistorySettings(), data, clock=SystemClock())
        await history.append(scans, {})
        await history.close()

    asyncio.run(fill())


@pytest.fixture
def county_folder(tmp_path: Path) -> Path:
    """A copy of the demo county, to change."""
    shutil.copytree(TAIHE, tmp_path / "taihe")
    return tmp_path / "taihe"
