"""`lampwell demo` end to end, as a newcomer runs it: a process of its own, real sockets, the demo county."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PORTS = 40  # what the demo county's links need


def base_port() -> int:
    """The first of a row of free ports below the range that the system gives to outgoing connections."""
    for _ in range(100):
        base = random.randrange(16_000, 32_000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(base, base + PORTS):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base
    raise AssertionError("no row of free ports")


def command(data: Path, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "deploy.cli",
        "demo",
        "counties/taihe",
        "--data",
        str(data),
        "--port-base",
        str(base_port()),
        *options,
    ]


@contextlib.contextmanager
def demo(data: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A running demo; whatever is left of it is killed at the end."""
    process = subprocess.Popen(command(data, *options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def first_reading(process: subprocess.Popen[str]) -> None:
    """Wait for the plain line that shows readings being stored."""
    assert process.stdout is not None
    deadline = time.monotonic() + 60
    for line in process.stdout:
        if re.search(r"stored/s [1-9]", line):
            return
        assert time.monotonic() < deadline, line
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.mark.slow
def test_a_county_comes_alive_and_nothing_is_lost(tmp_path: Path) -> None:
    """Every device of the county is read and stored, and the one JSON object says so with real figures."""
    done = subprocess.run(
        command(tmp_path / "d", "--for", "12s", "--json"), cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (line,) = done.stdout.strip().split("\n")
    told = json.loads(line)
    assert told["devices"] == 67
    assert told["lost"] == told["duplicates"] == told["dropped"] == 0
    assert told["stored"] > 3000
    assert told["scans_stored"] > 66
    assert told["polls"] > 100
    assert told["first_reading_s"] < 20  # ten on an idle machine; this one runs tests beside it
    assert told["latency_p50_ms"] is not None


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ends_in_order_when_asked(tmp_path: Path, sign: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end it within seconds, with exit code 0 and no process left behind."""
    with demo(tmp_path / "d", "--plain") as process:
        first_reading(process)
        children = psutil.Process(process.pid).children(recursive=True)
        began = time.monotonic()
        process.send_signal(sign)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert time.monotonic() - began < 10  # three on an idle machine
        assert "Traceback" not in err
        assert "丢失 lost 0" in out
        assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not (tmp_path / "d" / "broker.json").exists()


@pytest.mark.slow
def test_a_killed_demo_leaves_nothing_running_and_starts_again(tmp_path: Path) -> None:
    """After kill -9 the children end by themselves, and the next start goes on with the same data."""
    with demo(tmp_path / "d", "--plain") as process:
        first_reading(process)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive
    with demo(tmp_path / "d", "--plain") as process:
        first_reading(process)


@pytest.mark.slow
def test_a_lost_broker_is_told_and_ends_the_demo(tmp_path: Path) -> None:
    """A demo whose broker has died must not go on looking alive."""
    with demo(tmp_path / "d", "--plain") as process:
        first_reading(process)
        (broker,) = [child for child in psutil.Process(process.pid).children() if "broker_child" in " ".join(child.cmdline())]
        broker.kill()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "the broker ended by itself" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_two_demos_cannot_share_a_folder(tmp_path: Path) -> None:
    """The second is refused in one sentence."""
    with demo(tmp_path / "d", "--plain") as process:
        first_reading(process)
        done = subprocess.run(command(tmp_path / "d"), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "another lampwell demo is running" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_told_plainly(tmp_path: Path) -> None:
    """Port, link and the way out are named before anything starts."""
    arguments = command(tmp_path / "d")
    base = int(arguments[arguments.index("--port-base") + 1])
    with socket.socket() as other:
        other.bind(("127.0.0.1", base))
        other.listen()
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"port {base} (link " in done.stderr
    assert "--port-base" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d").exists()
