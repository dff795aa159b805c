"""The commands of the duty desk, as people type them, against control and a sender that run as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.influxd import free_port
from control.messages.compose import Facts
from control.messages.outbox import Notice, To, put
from control.messages.standin import Standin
from control.store.database import open_database
from deploy.cli import main as lampwell
from lampwell.clock import SystemClock

TAIHE = Path(__file__).parents[2] / "counties/taihe"
WAIT_S = 30.0


def started(*words: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "deploy.cli", *words]
    return subprocess.Popen(command, env={**os.environ, **(env or {})}, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, process.stderr.read().decode() if process.stderr else ""


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counties") / "taihe"
    shutil.copytree(TAIHE, folder)
    text = (folder / "county.toml").read_text("utf-8")
    (folder / "county.toml").write_text(re.sub(r"port = \d+", f"port = {free_port()}", text, count=1), "utf-8")
    channels = (folder / "channels.toml").read_text("utf-8")
    (folder / "channels.toml").write_text(re.sub(r"(?m)^test_at = .*$", "", channels), "utf-8")  # whatever the time is
    return folder


@pytest.fixture(scope="module")
def data(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a control service runs that leaves messages to others."""
    folder = tmp_path_factory.mktemp("data")
    process = started("control", str(county), "--data", str(folder), "--no-sender")
    end = time.monotonic() + WAIT_S
    while not (folder / "control.sock").exists():
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        assert time.monotonic() < end, "control does not answer"
        time.sleep(0.05)
    yield folder
    ended(process)


@pytest.fixture
def run(county: Path, data: Path):  # type: ignore[no-untyped-def]
    def _run(command: str, *words: str, status: int = 0) -> Result:
        done = CliRunner().invoke(lampwell, [*command.split(), str(county), *words, "--data", str(data)])
        assert done.exit_code == status, done.output
        return done

    return _run


def test_people(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Protects the roster's commands: who is here, gaps, season, a swap that can not be, files out and in again unchanged."""
    assert "值班室" in run("people duty").output
    assert {row["rota"] for row in json.loads(run("people duty", "--json").output)} >= {"office"}
    assert "every shift is filled" in run("people gaps").output
    assert "version 2" in run("people season", "on", "--reason", "台风").output
    refused = run("people swap", "office", "2026-10-01T08:00", "wang", "wang", status=1).output
    assert "swaps.csv" in refused
    assert "exported version 2" in run("people export", str(tmp_path / "out")).output
    assert "is not empty" in run("people export", str(tmp_path / "out"), status=1).output
    assert "version 3" in run("people import", str(tmp_path / "out"), "--reason", "同样").output
    assert "台风" in run("people versions").output
    (tmp_path / "out/persons.csv").write_text("id,zh,role\nx,某,king\n", "utf-8")
    assert "persons.csv" in run("people import", str(tmp_path / "out"), "--reason", "错", status=2).output


def test_orders(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Protects the crew's commands: by hand, accepted, finished with a photo, on the register; refusals say why."""
    assert "没有工单" in run("orders list").output
    assert "老城区路灯班" in run("orders new", "灯杆倾斜", "--area", "oldtown", "--skill", "lighting").output
    assert "没有该片区" in run("orders new", "灯杆倾斜", "--area", "moon", status=1).output
    assert "已接" in run("orders do", "1", "accept", "--who", "刘师傅").output
    assert "say what was done" in run("orders do", "1", "finish", status=1).output
    (tmp_path / "p.jpg").write_bytes(b"not a photo")
    assert "photo" in run("orders do", "1", "finish", "--note", "扶正", "--photo", str(tmp_path / "p.jpg"), status=1).output
    (tmp_path / "p.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(20))
    assert "照片 photo" in run("orders do", "1", "finish", "--note", "扶正", "--photo", str(tmp_path / "p.jpg")).output
    assert "灯杆倾斜" in run("orders list").output
    run("orders do", "1", "close", "--note", "看过")
    assert "没有工单" in run("orders list").output
    assert json.loads(run("orders list", "--all", "--json").output)[0]["state"] == "closed"
    run("orders register", str(tmp_path / "register.csv"))
    assert "灯杆倾斜" in (tmp_path / "register.csv").read_text("utf-8-sig")


def test_figures(run) -> None:  # type: ignore[no-untyped-def]
    """Protects the figures from claiming order where nothing is known yet."""
    assert "no sign of order" in run("kpi", "--from", "-2d", "--to", "-1d").output
    assert "there is no area" in run("kpi", "--area", "moon", status=2).output
    assert json.loads(run("kpi", "--format", "json").output)["position"] == ""
    assert "指标 id" in run("kpi", "--format", "csv").output
    assert "no days yet" in run("kpi", "--daily").output


def test_without_a_service_the_commands_say_what_to_start(county: Path, tmp_path: Path) -> None:
    """Protects the newcomer: no traceback, but what to start."""
    for command in (["people", "duty"], ["orders", "list"], ["outbox", "list"], ["kpi"], ["alarms", "list"]):
        done = CliRunner().invoke(lampwell, [*command, str(county), "--data", str(tmp_path)])
        assert done.exit_code == 1
        assert "no control service answers" in done.output


async def test_a_sender_of_its_own_takes_what_control_left(run, county: Path, data: Path) -> None:  # type: ignore[no-untyped-def]
    """Protects the split between control and a relay: a message that waits in the outbox is sent by the other process, once."""
    clock = SystemClock()
    async with Standin(clock) as standin:
        process = started("sender", str(county), "--data", str(data), env={"LAMPWELL_STANDIN_URL": standin.url})
        try:
            await asyncio.to_thread(_put, data, clock.now())
            async with asyncio.timeout(WAIT_S):
                while not standin.received:  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(0.05)
            assert "测试低洼处" in standin.received[0].text
            rows = await asyncio.to_thread(run, "outbox list", "--json")
            assert [row["state"] for row in json.loads(rows.output)] == ["sent"]
            assert "sender" in (await asyncio.to_thread(run, "outbox channels")).output
        finally:
            await asyncio.to_thread(ended, process)
        assert standin.count == 1


def _put(data: Path, now: int) -> None:
    about = Facts(
        kind="gap", number=0, priority=2, place_zh="测试低洼处", place_en="low spot", zh="无人", en="nobody", value="", time=now
    )
    notice = Notice(occurrence=None, step="x", group_key="g", created=now, release=now, expires=now + 60_000, facts=about)
    database = open_database(data / "control.sqlite")
    database.write(lambda connection: put(connection, notice, [To(person="boss", channel="sms", address="19900000001")]))
    database.close()
