"""The demo county and quick worlds for the physics tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from lampwell.assets import County
from lampwell.county import load
from simulators.physics import PhysicalWorld
from simulators.world import build

ROOT = Path(__file__).parents[2]
NETWORKS = Path(__file__).parent / "networks"
NOON = 1_782_014_400_000  # 2026-06-21 12:00 in Taihe
NIGHT = NOON + 10 * 3_600_000

MakeWorld = Callable[..., Awaitable[PhysicalWorld]]


@pytest.fixture(scope="session")
def taihe() -> County:
    return load(ROOT / "counties" / "taihe")


@pytest_asyncio.fixture
async def make_world(taihe: County) -> AsyncIterator[MakeWorld]:
    """Builds worlds and closes them after the test."""
    worlds: list[PhysicalWorld] = []

    async def make(county: County = taihe, start: int = NOON, **options: object) -> PhysicalWorld:
        worlds.append(await build(county, start, **options))  # type: ignore[arg-type]
        return worlds[-1]

    yield make
    for world in worlds:
        await world.close()
