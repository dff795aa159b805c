"""Taihe's plan as the lighting desk has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.lighting.places import Places, places_of
from lampwell.assets import County
from lampwell.county import load
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import Basis, loads_of

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
