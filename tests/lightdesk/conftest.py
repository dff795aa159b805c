"""Taihe's plan as the lighting desk has it, and the county alive."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.influxd import free_port
from bench.mosquitto import Mosquitto
from control.lighting.places import Places, places_of
from lampwell.assets import Broker, County
from lampwell.county import load
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import Basis, loads_of

from .town import Town, running

TAIHE = Path(__file__).parents[2] / "counties/taihe"


@pytest.fixture(scope="session")
def county() -> County:
    return load(TAIHE)


@pytest.fixture(scope="session")
def plan(county: County) -> Plan:
    return build_plan(county, load_lighting(county.folder, county))


@pytest.fixture(scope="session")
def basis(county: County) -> Basis:
    return Basis(loads=loads_of(county), tariffs=load_lighting(county.folder, county).tariffs)


@pytest.fixture(scope="session")
def places(county: County) -> Places:
    return places_of(county)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"), free_port())
    server.start()
    yield server.broker
    server.kill()


@pytest.fixture
async def town(county: County, broker: Broker, tmp_path: Path) -> AsyncIterator[Town]:
    made = Town(replace(county, broker=broker), tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        for edge in made.edges.values():
            await stack.enter_async_context(running(edge.transport))
        yield made
