"""A small county in values, and a real mosquitto with the project's own configuration."""

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.acl import mosquitto_acl, roles
from lampwell.assets import Area, Broker, County, EdgeNode, HistorySettings, Link, Transport

ADMIN = "\nuser admin\ntopic readwrite #\n"  # the tests' own eyes and hands
MOSQUITTO = Path(__file__).parents[2] / "deploy" / "mosquitto"


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(check: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is so; fail the test if it never is."""
    for _ in range(int(seconds / 0.05)):
        if check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not so after {seconds:g} s")


def make_county(folder: Path, **changes: object) -> County:
    """Two areas, two edge nodes, three links (one of them serial), no devices."""
    given: dict[str, object] = {
        "id": "small",
        "zh": "小县",
        "en": "Small county",
        "latitude": 26.79,
        "longitude": 114.9,
        "time_zone": "Asia/Shanghai",
        "folder": folder,
        "broker": Broker(host="127.0.0.1", port=1883),
        "history": HistorySettings(),
        "areas": (Area(id="town", zh="城区", en="Town"), Area(id="river", zh="沿江", en="Riverside")),
        "roads": (),
        "edges": (EdgeNode(id="edge-1", area="town"), EdgeNode(id="edge-2", area="river")),
        "links": (
            Link(id="east", edge="edge-1", transport=Transport.TCP, host="127.0.0.1", port=15021),
            Link(id="west", edge="edge-2", transport=Transport.RTU_OVER_TCP, host="127.0.0.1", port=15030),
            Link(id="wire", edge="edge-2", transport=Transport.RTU, path="/dev/ttyS9"),
        ),
        "devices": (),
    }
    return County(**{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture
def county(tmp_path: Path) -> County:
    """The small county."""
    return make_county(tmp_path)


@dataclass
class Mosquitto:
    """A running mosquitto; every account of the county has the password ``pw-<account>``."""

    port: int
    log: Path

    @staticmethod
    def password(account: str) -> str:
        return f"pw-{account}"


@pytest.fixture
def mosquitto(county: County, tmp_path: Path) -> Iterator[Mosquitto]:
    """mosquitto with deploy/mosquitto/lampwell.conf and the county's access rules; only paths and port are changed."""
    with start_mosquitto(tmp_path / "etc", county, lambda text: text) as running:
        yield running


@contextlib.contextmanager
def start_mosquitto(folder: Path, county: County, edit: Callable[[str], str]) -> Iterator[Mosquitto]:
    """Start it, wait until it listens, end it."""
    folder.mkdir()
    port = free_port()
    text = edit((MOSQUITTO / "lampwell.conf").read_text())
    text = text.replace("/etc/mosquitto/", f"{folder}/").replace("listener 1883", f"listener {port}")
    if os.geteuid() == 0:
        text = f"user root\n{text}"  # else it gives up root before it reads its files, which are in a private folder
    (folder / "lampwell.conf").write_text(text)
    (folder / "lampwell.acl").write_text(mosquitto_acl(county) + ADMIN)
    passwords = folder / "lampwell.passwd"
    passwords.touch()
    for account in ("admin", *(role.account for role in roles(county))):
        command = ["mosquitto_passwd", "-b", str(passwords), account, Mosquitto.password(account)]
        subprocess.run(command, check=True, capture_output=True)
    running = Mosquitto(port, folder / "log")
    with running.log.open("w") as log:
        process = subprocess.Popen(["mosquitto", "-v", "-c", str(folder / "lampwell.conf")], stdout=log, stderr=log)
        try:
            _wait_for(port, process, running.log)
            yield running
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, f"mosquitto did not start:\n{log.read_text()}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"mosquitto does not listen:\n{log.read_text()}")
