"""``lampwell light figures`` on an embedded store of five nights of one cabinet, to the page."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, insert

from collector.query_server import query_server
from control.store.database import open_database
from control.store.tables import (
    lighting_answer,
    lighting_order,
    lighting_plan,
    meta,
    occurrence,
    transition,
    work_order,
    work_order_event,
)
from deploy.cli import main
from lampwell.assets import HistorySettings
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.documents import plan_hash, write_document
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.wire import Order, Outcome, Said, State, TakePlan, write

from .conftest import CABINET, DAY, HOUR, NIGHTS, NOON, OUT, RATIO, TAIHE, fill, loops, rated, taihe

LAST = NOON + (NIGHTS - 1) * DAY
SPAN = ("--from", "2026-06-25T12:00", "--to", "2026-06-26T12:00")
LAMPS = 84


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store alone: no control has ever run."""
    folder = tmp_path_factory.mktemp("figures")
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, and control's database with a plan, an alarm and orders."""
    folder = tmp_path_factory.mktemp("both")
    fill(folder)
    database = open_database(folder / "control.sqlite")
    database.write(_state)
    database.close()
    return folder


def run(data: Path, *arguments: str) -> Result:
    """The command line, for the cabinet's road."""
    options = ("--data", str(data), "--road", "gongnongbing")
    return CliRunner().invoke(main, ["light", "figures", str(TAIHE), *options, *arguments])


def found(data: Path, *arguments: str) -> dict[str, Any]:
    """Its JSON."""
    result = run(data, *arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def _state(connection: Connection) -> None:
    county = taihe()
    cabinets = [one.id for one in county.devices if one.id.startswith("cabinet-0") and one.area == "oldtown"]
    plan = build_plan(county, load_lighting(county.folder, county))
    body = write_document(plan, version=1, made=NOON - DAY, who="test").decode()
    connection.execute(
        insert(lighting_plan).values(version=1, at=NOON - DAY, who="test", reason="t", hash=plan_hash(plan), body=body)
    )
    part = write_document(only_cabinets(plan, cabinets), version=1, made=NOON - DAY, who="test").decode()
    order = Order(id="r1-1", who="test", issued=NOON - DAY, expires=NOON, do=TakePlan(document=part))
    row = {"request": "r1", "edge": "edge-oldtown", "who": "test", "kind": "plan", "issued": NOON - DAY, "expires": NOON}
    connection.execute(insert(lighting_order).values(id="r1-1", body=write(order), state="verified", **row))
    done = Outcome(id="r1-1", state=State.VERIFIED, at=NOON - DAY + 60_000, reason=Said(zh=""))
    connection.execute(
        insert(lighting_answer).values(order="r1-1", at=done.at, heard_at=done.at, state="verified", body=write(done))
    )
    connection.execute(insert(transition).values(at=NOON - DAY, key="k", kinds="raised", state="{}"))
    connection.execute(insert(meta).values(key="alive_at", value=str(LAST + 2 * DAY)))
    words = dict.fromkeys(("zh", "en", "place_zh", "place_en"), "")
    connection.execute(
        insert(occurrence).values(
            number=1,
            key="leakage-step@cabinet-04/loop2",
            rule="leakage-step",
            priority=2,
            area="oldtown",
            device=CABINET,
            component="loop2",
            source_time=LAST,
            raised_at=LAST + 6 * HOUR,
            closed_at=LAST + 12 * HOUR,
            **words,
        )
    )
    for number, (accepted, done_at) in enumerate([(1, 4), (2, 30), (None, None)], 1):
        _order(connection, number, accepted, done_at)


def _order(connection: Connection, number: int, accepted: int | None, done: int | None) -> None:
    created, hours = LAST + number * HOUR, 24 if done else 1
    row = {"area": "oldtown", "road": "gongnongbing", "device": CABINET, "title_zh": "", "title_en": "", "priority": 4}
    connection.execute(
        insert(work_order).values(
            number=number,
            sla="ordinary" if done else "emergency",
            due=created + hours * HOUR,
            state="done" if done else "open",
            created=created,
            **row,
        )
    )
    for kind, after in (("created", 0), ("accepted", accepted), ("done", done)):
        if after is not None:
            connection.execute(insert(work_order_event).values(order=number, at=created + after * HOUR, who="x", kind=kind))


def test_a_night_by_command_counts_by_hand(data: Path) -> None:
    """Protects 亮灯率: 36 quarter hours lit, one within the warm-up guard, four not heard, one of 84 lamps out."""
    row = found(data, *SPAN)["lit"][-1]
    tally = row["tally"]
    assert row["road"] == "gongnongbing"
    assert (tally["good"], tally["bad"]) == ((LAMPS - 1) * 31, 31)
    own = LAMPS * 35
    assert tally["good"] + tally["bad"] + tally["unknown"] >= own
    assert tally["sources"] == {"learned": LAMPS * 31}
    assert tally["bases"]["command"] == LAMPS * 30


def test_splitting_a_period_and_adding_gives_the_whole(data: Path) -> None:
    """Protects monthly figures from depending on how the month is cut: lamps, energy, hours and operations add up."""
    whole = found(data, *SPAN)
    parts = [
        found(data, "--from", start, "--to", end)
        for start, end in (("2026-06-25T12:00", "2026-06-26T00:07"), ("2026-06-26T00:07", "2026-06-26T12:00"))
    ]
    for name in ("good", "bad", "unknown"):
        assert sum(one["lit"][0]["tally"][name] for one in parts) == whole["lit"][0]["tally"][name]
    for name in ("kwh", "cny", "baseline_kwh", "dark_h"):
        total = sum(one["energy"][0]["energy"][name] for one in parts)
        assert total == pytest.approx(whole["energy"][0]["energy"][name])
    for name in ("burn_h", "operations", "kwh"):
        by_loop = [{row["loop"]: row[name] for row in one["loops"]} for one in (*parts, whole)]
        assert by_loop[0][OUT] + by_loop[1][OUT] == pytest.approx(by_loop[2][OUT])


def test_energy_hours_and_operations_of_a_night(data: Path) -> None:
    """Protects the counters: nine hours at 97 % of rated watts, the silent hour is bridged and said."""
    answer = found(data, *SPAN)
    loop = next(one for one in loops() if one.id == "cabinet-04/loop2")
    row = next(one for one in answer["loops"] if one["loop"] == loop.id)
    assert row["kwh"] == pytest.approx(9 * RATIO * rated(loop) / 1000, rel=1e-6)
    assert row["burn_h"] == pytest.approx(9.0, abs=0.01)
    assert row["operations"] == pytest.approx(2.0)
    assert row["coverage"] == pytest.approx(1 - 75 / 1440)
    whole = answer["energy"][0]["energy"]
    known = [one for one in answer["loops"] if one["kwh"] is not None]
    assert whole["kwh"] == pytest.approx(sum(one["kwh"] for one in known))
    assert 0 < whole["bridged_kwh"] == pytest.approx(whole["kwh"] * 1.25 / 9, rel=0.01)
    assert whole["baseline_kwh"] == pytest.approx(sum(map(rated, loops())) / 1000 * whole["dark_h"] / len(loops()), rel=1e-6)


def test_what_is_missing_is_said(data: Path) -> None:
    """Protects the reader from taking silence for an answer: no database, a cabinet without readings, Chinese first."""
    text = run(data, *SPAN).stdout
    assert "没有控制服务的数据库" in text
    assert "there is no database of control" in text
    assert "没有电能读数" in text
    assert "没有照明工单 no work order" in text
    assert "亮灯率" in text
    assert "loop power, learned" in text


def test_the_plan_in_force_says_what_should_be_lit(both: Path) -> None:
    """Protects the denominator: with a plan that the edge node confirmed, lamps that it wanted and nobody lit are known dark."""
    answer = found(both, *SPAN)
    tally = answer["lit"][-1]["tally"]
    assert tally["bases"]["plan"] > 0
    assert tally["sources"]["contactor"] > 0
    assert {row["program"] for row in answer["energy"]} == {None, "main-road"} or len(answer["energy"]) >= 2
    assert all(row["program"] != "" for row in answer["energy"])
    facility = {row["facility"]: row for row in answer["intact"]}
    assert facility["loop"]["upper"] < 1
    assert facility["cabinet"]["upper"] == 1
    (damage,) = answer["damaged"]
    assert (damage["name"], damage["rule"], damage["hours"]) == ("cabinet-04/loop2", "leakage-step", 6.0)
    text = run(both, *SPAN).stdout
    assert "cabinet-04/loop2 leakage-step 6.0 h" in text
    assert "本项目自定" in text


def test_response_and_repair_times(both: Path) -> None:
    """Protects the repair figures: three orders, two answered and repaired, one of them late, one overdue."""
    row = found(both, *SPAN)["repairs"][0]
    times = row["repairs"]
    assert (times["orders"], times["repaired"], times["judged"], times["in_time"]) == (3, 2, 3, 1)
    assert (times["response_median_h"], times["response_p90_h"]) == (1.0, 2.0)
    assert (times["repair_median_h"], times["repair_p90_h"]) == (4.0, 30.0)


def test_baseline_by_a_version_and_before_after_led(both: Path) -> None:
    """Protects comparisons: a version saves less than full power does, and the change of lamps splits every program in two."""
    plain = found(both, *SPAN)["energy"][0]
    version = found(both, *SPAN, "--baseline", "1")["energy"][0]
    assert version["energy"]["kwh"] == plain["energy"]["kwh"]
    assert version["energy"]["baseline_kwh"] < plain["energy"]["baseline_kwh"]
    split = found(both, "--from", "2026-06-24T12:00", "--to", "2026-06-26T12:00", "--led", "2026-06-25T12:00")
    every = {row["when"]: row for row in split["energy"] if row["program"] is None}
    assert set(every) == {"before", "after"}
    by_date = found(both, "--from", "2026-06-24T12:00", "--to", "2026-06-26T12:00", "--led", "2026-06-25")
    assert by_date["energy"] == split["energy"], "a date alone is its noon"


def test_csv_is_a_table(both: Path) -> None:
    """Protects the bureau's spreadsheet: five columns, an unknown value left empty and never zero."""
    result = run(both, *SPAN, "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert set(rows[0]) == {"section", "name", "figure", "value", "unit"}
    lit = {row["figure"]: row["value"] for row in rows if row["section"] == "lit" and row["name"] == "gongnongbing"}
    assert 0 <= float(lit["lower"]) <= float(lit["upper"]) <= 1
    silent = [row for row in rows if row["name"].startswith("cabinet-03/") and row["figure"] == "kwh"]
    assert silent
    assert {row["value"] for row in silent} == {""}


def test_every_figure_is_in_every_form(both: Path) -> None:
    """Protects whoever takes the table or the page instead of the JSON: each figure that the bureau asks for is in all three."""
    span = ("--from", "2026-06-24T12:00", "--to", "2026-06-26T12:00", "--led", "2026-06-25")
    answer, text = found(both, *span), run(both, *span).stdout
    table = {
        (row["section"], row["name"], row["figure"]): row["value"]
        for row in csv.DictReader(io.StringIO(run(both, *span, "--csv").stdout))
    }
    road, whole, repair = answer["lit"][-1], answer["energy"][0], answer["repairs"][0]["repairs"]
    every = {row["facility"]: row for row in answer["intact"]}
    same: dict[tuple[str, str, str], float] = {
        ("lit", "gongnongbing", "lower"): road["lower"],
        ("lit", "gongnongbing", "upper"): road["upper"],
        ("lit", "gongnongbing", "coverage"): road["coverage"],
        ("lit", "gongnongbing", "dark"): road["dark"],
        ("lit", "gongnongbing", "judged_by_dark"): 1.0,
        ("lit", "main", "lower"): next(row for row in answer["lit"] if row["road_class"] == "main")["lower"],
        ("intact", "all", "lower"): every[""]["lower"],
        ("intact", "loop", "damaged"): every["loop"]["damaged"],
        ("energy", "all before", "kwh"): whole["energy"]["kwh"],
        ("energy", "all before", "cny"): whole["energy"]["cny"],
        ("energy", "all before", "saved"): whole["saved"],
        ("energy", "main-road after", "kwh"): next(
            row for row in answer["energy"] if (row["program"], row["when"]) == ("main-road", "after")
        )["energy"]["kwh"],
        ("led", "all", "saved"): answer["led"]["saved"],
        ("loop", OUT, "burn"): next(row for row in answer["loops"] if row["loop"] == OUT)["burn_h"],
        ("repair", "all", "response_median"): repair["response_median_h"],
        ("repair", "all", "repair_p90"): repair["repair_p90_h"],
    }
    for key, value in same.items():
        assert float(table[key]) == pytest.approx(value, rel=1e-5), key
    for word in (
        f"{100 * road['lower']:.1f}%", f"{100 * road['coverage']:.1f}%", f"{road['dark']:.1f} *", f"{whole['energy']['cny']:.2f}",
        f"{whole['energy']['kwh']:.1f}", f"{100 * whole['saved']:.1f}%", f"{100 * answer['led']['saved']:.1f}%",
        "燃点小时", "30.00",
    ):  # fmt: skip
        assert word in text, word


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2026-06-26", "--to", "2026-06-25"), "is not before --to"),
        (("--from", "2026-08-01", "--to", "2026-08-02"), "nothing is recorded"),
        (("--json", "--csv"), "choose one of"),
        ((*SPAN, "--baseline", "7"), "there is no version 7"),
        ((*SPAN, "--led", "spring"), "is not a time"),
    ],
)
def test_bad_wishes_are_refused(both: Path, arguments: tuple[str, ...], said: str) -> None:
    """Protects the user from figures of something else: what can not be meant is refused with the place of the mistake."""
    result = run(both, *arguments)
    assert result.exit_code != 0
    assert said in result.output


def test_a_road_that_is_not_there(data: Path) -> None:
    """Protects against a misspelt road that would give empty figures."""
    result = CliRunner().invoke(main, ["light", "figures", str(TAIHE), "--data", str(data), "--road", "gongnongbin"])
    assert result.exit_code == 2
    assert "gongnongbing" in result.output


@pytest.fixture
def owned(data: Path) -> Iterator[Path]:
    """A running process that owns the store."""
    ready, over = threading.Event(), threading.Event()

    async def own() -> None:
        history = open_history(HistorySettings(), data, clock=SystemClock())
        async with query_server(history, data):
            ready.set()
            await asyncio.to_thread(over.wait)
        await history.close()

    thread = threading.Thread(target=lambda: asyncio.run(own()))
    thread.start()
    ready.wait(10)
    yield data
    over.set()
    thread.join()


def test_figures_while_the_collector_runs(data: Path, owned: Path) -> None:
    """Protects the usual case: the store has an owner, which answers for it."""
    assert found(owned, *SPAN)["lit"][-1]["tally"]["good"] == (LAMPS - 1) * 31
