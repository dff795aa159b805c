"""The demo county's lighting, cut down to one edge node."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lampwell.assets import County
from lampwell.county import load
from lampwell.lighting import Plan
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.documents import write_document
from lampwell.lighting.files import build_plan, load_lighting

FOLDER = Path(__file__).parents[2] / "counties" / "taihe"
NIGHT = 1_782_050_400_000  # 2026-06-21 22:00 in Taihe


@pytest.fixture(scope="session")
def taihe() -> County:
    return load(FOLDER)


@pytest.fixture(scope="session")
def plan(taihe: County) -> Plan:
    """Of cabinets 1 to 3."""
    whole = build_plan(taihe, load_lighting(FOLDER, taihe))
    return only_cabinets(whole, [f"cabinet-0{n}" for n in (1, 2, 3)])


def document(plan: Plan, version: int = 1, **changes: object) -> str:
    made = replace(plan, **changes) if changes else plan  # type: ignore[arg-type]
    return write_document(made, version=version, made=NIGHT, who="工程师").decode()
