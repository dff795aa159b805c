"""A real broker and a real InfluxDB on free ports, with their data in temporary folders."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(program: str, config: Path, text: str, port: int, option: str) -> Iterator[int]:
    """A server while it listens on its port; killed afterwards."""
    found = shutil.which(program, path=PATH)
    assert found, f"{program} is needed for this test"
    config.write_text(text)
    with (config.parent / "log").open("wb") as log:
        process = subprocess.Popen([found, option, str(config)], stdout=log, stderr=log)
    try:
        for _ in range(600):
            assert process.poll() is None, (config.parent / "log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def broker_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("mosquitto"), free_port()
    text = f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
    with server("mosquitto", folder / "mosquitto.conf", text, port, "-c") as ready:
        yield ready


@pytest.fixture
def influx_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("influxd"), free_port()
    text = INFLUX.format(folder=folder, port=port, rpc=free_port())
    with server("influxd", folder / "influxdb.conf", text, port, "-config") as ready:
        yield ready
