"""``lampwell backtest rules``: two recorded hours of the virtual county in an embedded store, to the page."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.query_server import query_server
from control.backtest.run import run as run_live
from control.store.changes import change_limit
from control.store.database import open_database
from deploy.cli import main
from lampwell.assets import HistorySettings
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.sparkplug.messages import DeviceBorn, NodeBorn, ScanReceived
from simulators.world import build

from .conftest import store
from .field_stories import ramp
from .scene import NOON, TAIHE, Scene, binding, taihe

P1 = "ponding-1"
PLACES = ("--device", P1, "--device", "station-1", "--device", "well-20")
"""Where anything happens: the rest of the county need not be read where it tells nothing."""
SPAN = ("--from", "2026-06-21T13:00", "--to", "2026-06-21T14:00")
BLUE, YELLOW, ORANGE = (f"ponding-{colour}@{P1}" for colour in ("blue", "yellow", "orange"))
DOOR, OFFLINE = "station-door@station-1", "device-offline@well-20"


@pytest.fixture(scope="module")
def scene() -> Scene:
    """From 12:01: water at a low spot from 13:11, 30 cm high for a quarter of an hour; a station's door open from 12:10 on;
    a well's sensor silent from 13:01 on.
    """

    kept: list[Scene] = []  # not as a result: asyncio.run writes out what it returns, six times over

    async def record() -> None:
        world = await build(taihe(), NOON)
        await world.advance(world.now + 60_000)
        found = Scene(world)
        kept.append(found)
        found.harm[P1, "level"] = ramp(0.06, 0.30, start=4200, hold_s=900)
        found.harm["station-1", "door"] = lambda t: t > 540
        await found.play(3600, step_s=30)
        found.device_died("well-20")
        await found.play(3600)
        await world.close()

    asyncio.run(record())
    return kept[0]


@pytest.fixture(scope="module")
def data(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store as the collector would have left it."""
    folder = tmp_path_factory.mktemp("recorded")
    events = [event for _, event in scene.events]
    births = [event.birth for event in events if isinstance(event, DeviceBorn | NodeBorn)]
    store(folder, births + [event.scan for event in events if isinstance(event, ScanReceived)])
    return folder


def run(data: Path, *arguments: str, county: Path = TAIHE) -> Result:
    """The command line, to its exit code."""
    return CliRunner().invoke(main, ["backtest", "rules", str(county), "--data", str(data), *arguments])


def found(data: Path, *arguments: str, county: Path = TAIHE) -> dict:
    """Its JSON."""
    result = run(data, *arguments, "--json", county=county)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def told(outcome: dict, start: int = 0) -> dict[str, int]:
    """Key and time of what people would have been told."""
    rows = [(one["key"], one["announced_at"]) for one in outcome["occurrences"]]
    return {key: at for key, at in rows if at is not None and at >= start}


@pytest.fixture(scope="module")
def hour(data: Path) -> dict:
    """What the command finds in the hour of SPAN, in the whole county."""
    return found(data, *SPAN)


def test_history_tells_what_the_wire_told(hour: dict, scene: Scene) -> None:
    """Protects the back-test from another truth than the running service's: the same alarms at the same times from the store."""
    live = {
        one.key: one.announced_at
        for one in run_live(binding(), taihe(), scene.events, scene.start, hour["end"])
        if one.announced_at is not None
    }
    stored = told(hour)
    assert stored.keys() == live.keys() == {BLUE, YELLOW, ORANGE, DOOR, OFFLINE}
    assert {key: stored[key] for key in (BLUE, YELLOW, ORANGE, DOOR)} == {key: live[key] for key in (BLUE, YELLOW, ORANGE, DOOR)}
    assert live[OFFLINE] is not None
    assert 0 < stored[OFFLINE] - live[OFFLINE] <= 600_000  # two beats of 300 s after its last reading


def test_the_figures(hour: dict) -> None:
    """Protects the figures of the page: what stood at the start is not new, and each rule has its time in alarm."""
    now = hour["now"]
    rules = {one["rule"]: one for one in now["rules"]}
    assert (now["announced"], now["standing"], now["chattering"]) == (4, 1, 0)
    assert now["days"] == pytest.approx(1 / 24)
    assert now["per_day"] == pytest.approx(96)
    assert (rules["station-door"]["announced"], rules["station-door"]["active_s"]) == (0, 3600)
    assert rules["ponding-blue"]["active_s"] == rules["ponding-blue"]["longest_s"] > 1200
    assert (hour["trial"], hour["difference"], now["false_alarms"]) == (None, None, None)
    assert hour["readings"] > 10_000


def test_the_page(data: Path) -> None:
    """Protects what a person reads: the span, the figures and the rules, Chinese first."""
    page = run(data, *SPAN, *PLACES).stdout
    assert "泰和县 Taihe County" in page
    assert "2026-06-21 13:00:00+08:00 .. 2026-06-21 14:00:00+08:00" in page
    assert "每天报警 alarms a day" in page
    assert "96.0" in page
    assert any(line.split()[:3] == ["ponding-orange", "橙2", "1"] for line in page.splitlines())
    assert "device-offline@well-20" in page
    assert "回测 back-test  " not in page  # no progress line where nobody watches


def test_the_progress_line(data: Path) -> None:
    """Protects from a minute of nothing on a terminal: how far it is, on stderr, wiped when it is done."""
    master, slave = os.openpty()
    command = [sys.executable, "-m", "deploy.cli", "backtest", "rules", str(TAIHE), "--data", str(data), *SPAN, "--device", P1]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=slave, check=True, cwd=TAIHE.parents[1])
    os.close(slave)
    line = os.read(master, 10_000).decode()
    os.close(master)
    assert "回测 back-test 100%" in line
    assert line.endswith("\r\x1b[K")
    assert "100%" not in done.stdout.decode()


def test_labels(data: Path, tmp_path: Path) -> None:
    """Protects found, missed, lead and false alarms, and that an event outside the span is not judged."""
    text = f"""
[[event]]
name = "road closed"
alarms = ["ponding-*@{P1}"]
from = 2026-06-21T13:15:20
to = 2026-06-21T13:35:00

[[event]]
name = "pump broken"
alarms = ["pump-*@station-1/*"]
from = 2026-06-21T13:20:00
to = 2026-06-21T13:30:00

[[event]]
name = "last week"
alarms = ["ponding-*"]
from = 2026-06-14T13:20:00
to = 2026-06-14T13:30:00
"""
    (tmp_path / "labels.toml").write_text(text)
    outcome = found(data, *SPAN, *PLACES, "--labels", str(tmp_path / "labels.toml"))
    road, pump = outcome["now"]["detections"]
    assert (road["found"], road["key"], pump["found"], outcome["labels_outside"]) == (True, BLUE, False, 1)
    assert 150 <= road["lead_s"] <= 200  # 25 cm stand 250 s after the rise began at 13:11, 5 cm and 20 s after 70 s
    assert outcome["now"]["false_alarms"] == 0
    page = run(data, *SPAN, *PLACES, "--labels", str(tmp_path / "labels.toml")).stdout
    assert "1/2 发现 found" in page
    assert "漏报 missed" in page
    assert "1 个标注事件不在该时段" in page


def test_another_rule_set(data: Path, tmp_path: Path) -> None:
    """Protects the comparison: one rule off, one limit lower; both reports and the difference by alarm."""
    (tmp_path / "trial.toml").write_text(
        '[[override]]\nid = "ponding-orange"\noff = true\nreason = "a trial"\n\n'
        '[[override]]\nid = "ponding-yellow"\nabove = 0.35\nsource = "a trial"\n'
    )
    outcome = found(data, *SPAN, *PLACES, "--rules", str(tmp_path))
    assert outcome["difference"] == {"only_now": [[ORANGE, 1], [YELLOW, 1]], "only_then": []}
    assert (outcome["now"]["announced"], outcome["trial"]["announced"]) == (4, 2)
    page = run(data, *SPAN, *PLACES, "--rules", str(tmp_path)).stdout
    assert "只有现行规则发出 told by the running rules only: 2" in page
    same = tmp_path / "same"
    same.mkdir()
    assert "两套规则发出的报警相同" in run(data, *SPAN, *PLACES, "--rules", str(same)).stdout
    (same / "bad.toml").write_text('[[rule]]\nid = "x"\n')
    refused = run(data, *SPAN, "--rules", str(same))
    assert refused.exit_code == 2
    assert "bad.toml" in refused.output


def test_limits_changed_while_running_count(data: Path, tmp_path: Path) -> None:
    """Protects "the rules now running": a limit changed by a duty officer is the one that is tried, and the page says so."""
    database = open_database(tmp_path / "state.sqlite")
    change = {"key": ORANGE, "field": "limit", "old": 0.25, "new": 0.5, "reason": "road works"}
    database.write(lambda connection: change_limit(connection, at=NOON, who="chen", **change))  # type: ignore[arg-type]
    database.close()
    state = ("--state", str(tmp_path / "state.sqlite"))
    assert ORANGE not in told(found(data, *SPAN, *PLACES, *state))
    assert "含运行中修改的 1 项限值或延时" in run(data, *SPAN, *PLACES, *state).stdout


def test_some_devices_only(data: Path) -> None:
    """Protects a quick look at one place; a misspelt device is not an empty answer."""
    assert told(found(data, *SPAN, "--device", P1)).keys() == {BLUE, YELLOW, ORANGE}
    refused = run(data, *SPAN, "--device", "pondin-1")
    assert (refused.exit_code, "did you mean 'ponding-1'" in refused.output) == (2, True)


def test_a_history_that_begins_later(data: Path) -> None:
    """Protects from a first hour of false alarms, and from alarms a day over days that were not recorded."""
    outcome = found(data, "--from", "2026-06-20T12:00", "--to", "2026-06-21T13:00")
    begin = NOON + 60_000
    assert outcome["start"] == begin + 900_000
    assert outcome["now"]["days"] == pytest.approx((3600 - 900 - 60) / 86_400)
    assert told(outcome, outcome["start"]) == {}
    assert "历史较晚开始" in run(data, "--from", "2026-06-20T12:00", "--to", "2026-06-21T13:00", *PLACES).stdout


def test_what_was_not_recorded_is_not_silence(data: Path) -> None:
    """Protects from an offline alarm for each edge node because nothing is recorded after the last reading."""
    outcome = found(data, "--from", "2026-06-21T13:00", "--to", "2026-06-23")
    assert outcome["end"] == NOON + 60_000 + 7_200_000 + 300_000
    assert not any(fnmatchcase(key, "edge-offline@*") for key in told(outcome))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--from", "2026-06-22", "--to", "2026-06-23"), 1, "the newest reading is of 2026-06-21 14:01:00+08:00"),
        (("--from", "2026-06-01", "--to", "2026-06-02"), 1, "nothing that these rules look at is recorded"),
        (("--from", "2026-06-21T12:00", "--to", "2026-06-21T12:10"), 1, "too short"),
        (("--from", "2026-06-22", "--to", "2026-06-21"), 2, "is not before --to"),
        (("--from", "yesterday"), 2, "'yesterday' is not a time"),
    ],
)
def test_no_answer_has_a_reason(data: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    """Protects from "no alarms" where there is no history: a script sees it by the code, a person by the words."""
    result = run(data, *arguments)
    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_without_a_store(tmp_path: Path) -> None:
    """Protects a newcomer who names the wrong folder."""
    result = run(tmp_path / "nowhere", *SPAN)
    assert result.exit_code == 1
    assert "no history here yet; --data names another folder" in result.output


@pytest.fixture
def owned(data: Path) -> Iterator[Path]:
    """The store while its owner runs and answers for it."""
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


def test_while_the_collector_runs(owned: Path) -> None:
    """Protects the usual case: the store has an owner, which answers for it, and the result is the same."""
    assert told(found(owned, *SPAN, *PLACES)).keys() == {BLUE, YELLOW, ORANGE, DOOR, OFFLINE}
