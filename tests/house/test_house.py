"""The house keeps its own rules: light imports, pinned parts, working words."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "duckdb",
    "pyarrow",
    "aiohttp",
    "swmm",
    "iotcore",
    "rich",
    "pymodbus",
    "influxdb_client",
    "sqlalchemy",
    "apprise",
    "fastapi",
)


def _imported(module: str) -> set[str]:
    code = f"import sys, {module}; print(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return set(output.split())


@pytest.mark.parametrize("module", ["gateway.app", "deploy.cli"])
def test_an_edge_box_needs_no_heavy_library(module: str) -> None:
    """Protects the small install of an edge box: the gateway and the command line import none of the centre's libraries."""
    assert _imported(module).isdisjoint(HEAVY)


def test_a_collector_on_influxdb_needs_no_embedded_store() -> None:
    """Protects the centre that stores in InfluxDB from having to load the embedded store."""
    assert _imported("collector.app").isdisjoint({"duckdb", "pyarrow", "swmm", "iotcore", "rich"})


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_pins_have_hashes_and_name_no_host(file: Path) -> None:
    """Protects the reproducible install: every requirement is pinned with hashes, none names where it came from."""
    text = file.read_text()
    pins = re.findall(r"^[a-zA-Z0-9_.-]+(?:\[[^\]]*\])?==\S+", text, flags=re.MULTILINE)
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", text)
    assert len(pins) > 5
    assert all("--hash=sha256:" in block for block in blocks if "==" in block.partition("\n")[0])
    assert "://" not in text
    assert "index-url" not in text


def test_every_dependency_has_its_reason() -> None:
    """Protects docs/dependencies.md from falling behind pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    names = {re.split(r"[^A-Za-z0-9_-]", each)[0] for each in wanted} - {"lampwell"}
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    assert sorted(name for name in names if name not in reasons and not name.startswith("types-")) == []


def test_the_commands_of_the_readme_exist() -> None:
    """Protects a newcomer from a README that names commands which are not there."""
    from deploy.cli import main

    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"^\| `([a-z]+)", readme, flags=re.MULTILINE)) | {"collector", "sim"}
    assert named <= set(main.list_commands(click.Context(main)))
