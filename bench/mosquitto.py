"""A mosquitto of our own on one port, for benches and tests: ``kill`` is a power cut, ``start`` brings it back there."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lampwell.assets import Broker

START_S = 20


@dataclass
class Mosquitto:
    """``extra``: further lines of its configuration."""

    folder: Path
    port: int
    extra: str = "allow_anonymous true\n"
    process: subprocess.Popen[bytes] | None = None

    @property
    def broker(self) -> Broker:
        """As a county names it."""
        return Broker(host="127.0.0.1", port=self.port, keepalive_s=5)

    def start(self) -> None:
        """Start and wait until it listens."""
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\n{self.extra}persistence false\n")
        command = [shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "mosquitto", "-c", str(config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("mosquitto did not start")

    def kill(self) -> None:
        """Gone at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
