"""A change of lamps is a dated fact of the inventory: each night is held against what hung there then."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from control.lighting.figures.counters import course
from control.lighting.figures.energy import Ground, of_loop
from control.lighting.figures.inventory import as_of, changed, rated_kw
from control.lighting.figures.led import compared, side
from control.lighting.figures.lit_rate import Loop, rated
from deploy.cli import main
from lampwell.county import load
from lampwell.errors import ConfigError
from lampwell.lighting.sun import Place

from .conftest import HOUR, NOON, RATIO, TAIHE, ZONE, fill, loops
from .conftest import rated as rated_now
from .test_lamps_wanted import loop

DAY = date(2026, 6, 25)
BEFORE, AFTER = date(2026, 6, 24), DAY


def with_led(one: Loop, watts_before: float | None) -> Loop:
    """Its lamps of 100 W hang since the day, in place of others."""
    (lamps,) = one.phases.values()
    new = tuple(replace(each, lamp=replace(each.lamp, since=DAY, watts_before=watts_before)) for each in lamps)
    return replace(one, phases={"a": new})


@pytest.mark.parametrize(("before", "watts", "kw"), [(250.0, 2500.0, 2.5), (None, 0.0, None), (0.0, 0.0, 0.0)])
def test_a_night_has_the_lamps_of_its_day(before: float | None, watts: float, kw: float | None) -> None:
    """Protects nights before the change from being judged by the lamps of now; what is not known stays so; no lamp is none."""
    one = with_led(loop(bare=10), before)
    (then,), (now,) = as_of([one], BEFORE), as_of([one], AFTER)
    assert (rated(then.phases["a"]), rated(now.phases["a"])) == (watts, 1000.0)
    assert len(then.phases["a"]) == (0 if before == 0 else 10)
    assert (rated_kw(one, BEFORE), rated_kw(one, AFTER)) == (kw, 1.0)
    assert changed([one], DAY) == {("cab/loop1", "a")}
    assert changed([one], BEFORE) == set()


def test_without_the_watts_of_before_there_is_no_baseline_then() -> None:
    """Protects the saving from a baseline that nobody knows: those kWh are told and not compared."""
    counter = course([NOON, NOON + HOUR], [0.0, 3.0])
    place, span = Place(26.8, 114.9), (NOON, NOON + HOUR)
    (unknown,) = of_loop(Ground(zone=ZONE), "l", place, lambda _: None, counter, span, _no_program).values()
    assert (unknown.kwh, unknown.compared_kwh, unknown.baseline_kwh, unknown.saved) == (3.0, 0.0, 0.0, None)


def _no_program(_loop: str, _at: int) -> str:
    return ""


def test_before_and_after_by_hand() -> None:
    """Protects the comparison: 10 h of darkness at 2 kWh, then 20 h at 2 kWh: half; a loop heard on one side is left out."""
    old, new = side(20.0, 10.0, 8.0, 2.5), side(20.0, 20.0, 20.0, 1.2)
    one = compared(NOON, {"a": (old, new), "b": (old, None), "c": (side(None, 3.0, None, None), new)})
    assert one is not None
    assert (one.loops, one.every) == (1, 3)
    assert (one.before.kw, one.after.kw, one.saved) == (2.0, 1.0, 0.5)
    assert (one.before.lit_kw, one.after.lit_kw, one.saved_lit) == (2.5, 1.0, pytest.approx(0.6))
    assert one.saved_rated == pytest.approx(1 - 1.2 / 2.5)
    assert compared(NOON, {}) is None
    unheard = compared(NOON, {"a": (side(20.0, 10.0, None, None), new)})
    assert unheard is not None
    assert (unheard.saved, unheard.saved_lit, unheard.saved_rated) == (0.5, None, None)


@pytest.fixture
def county(tmp_path: Path) -> Callable[[str, str], Path]:
    """The demo county with two more columns in its lamps: those of the tested cabinet have these cells."""

    def make(since: str, before: str) -> Path:
        folder = tmp_path / "county"
        shutil.copytree(TAIHE, folder)
        rows = list(csv.reader((folder / "lamps.csv").read_text().splitlines()))
        with (folder / "lamps.csv").open("w", newline="") as file:
            write = csv.writer(file)
            write.writerow([*rows[0], "since", "watts_before"])
            write.writerows([*row, *((since, before) if row[1] == "cabinet-04" else ("", ""))] for row in rows[1:])
        return folder

    return make


def figures(county: Path, data: Path, form: str, led: str = "2026-06-25") -> str:
    """The command line over two nights, the change between them."""
    span = ("--from", "2026-06-24T12:00", "--to", "2026-06-26T12:00", "--led", led, "--road", "gongnongbing")
    result = CliRunner().invoke(main, ["light", "figures", str(county), "--data", str(data), *span, *([form] if form else [])])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_dated_change_reaches_every_form_of_the_figures(county: Callable[[str, str], Path], tmp_path: Path) -> None:
    """Protects the bureau's table: the baseline before is that of 250 W lamps, measured and estimated savings apart."""
    folder = county("2026-06-25", "250")
    fill(tmp_path)
    answer: dict[str, Any] = json.loads(figures(folder, tmp_path, "--json"))
    now = sum(map(rated_now, loops())) / 1000
    lamps = sum(len(each) for one in loops() for each in one.phases.values())
    led = answer["led"]
    assert led["loops"] == len(loops())
    assert (led["before"]["rated_kw"], led["after"]["rated_kw"]) == (pytest.approx(lamps * 0.25), pytest.approx(now))
    assert led["saved_rated"] == pytest.approx(1 - now / (lamps * 0.25))
    assert led["before"]["lit_kw"] == pytest.approx(RATIO * now, rel=0.01)
    assert 0 < led["saved"] < 0.05, "one lamp of 84 less is what was measured"
    every = {row["when"]: row["energy"] for row in answer["energy"] if row["program"] is None}
    share = every["before"]["baseline_kwh"] / every["after"]["baseline_kwh"]
    assert share == pytest.approx(lamps * 0.25 / now, rel=0.01)
    rows = csv.DictReader(io.StringIO(figures(folder, tmp_path, "--csv")))
    table = {(row["name"], row["figure"]): row["value"] for row in rows if row["section"] == "led"}
    assert float(table["all", "saved"]) == pytest.approx(led["saved"], rel=1e-4)
    text = figures(folder, tmp_path, "")
    assert "额定 rated kW" in text
    assert "估算 estimate" in text
    assert "an estimate" not in text, "no note: the inventory knows the change"


@pytest.mark.parametrize(
    ("since", "before", "led", "said"),
    [
        ("", "", "2026-06-25", "an estimate"),
        ("2026-06-25", "", "2026-06-25", "are not known of 84 lamps"),
        ("2026-06-25", "250", "2026-06-24T18:00", "on another day"),
    ],
)
def test_what_the_inventory_does_not_know_is_said(
    county: Callable[[str, str], Path], tmp_path: Path, since: str, before: str, led: str, said: str
) -> None:
    """Protects the reader from an estimate that looks like a measurement."""
    fill(tmp_path)
    assert said in figures(county(since, before), tmp_path, "", led)


@pytest.mark.parametrize(
    ("since", "before", "said"),
    [
        ("last year", "250", "since: must be a date such as 2026-03-15, not 'last year'"),
        ("", "250", "watts_before needs since"),
        ("2026-06-25", "-1", "watts_before: must be at least 0, not '-1'"),
    ],
)
def test_a_wrong_change_is_refused_with_its_place(county: Callable[[str, str], Path], since: str, before: str, said: str) -> None:
    """Protects from a date that nobody reads: file, line, column and reason."""
    with pytest.raises(ConfigError) as refused:
        load(county(since, before))
    assert any(said in str(one) and "lamps.csv: line" in str(one) for one in refused.value.problems)
