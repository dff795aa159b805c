"""The embedded broker: starts, lets in only who knows the password, ends with its parent, stays small."""

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiomqtt
import psutil
import pytest

from deploy.broker import BrokerFailed, EmbeddedBroker, read_endpoint, write_endpoint

ORPHAN = """
import asyncio, sys
from pathlib import Path
from deploy.broker import EmbeddedBroker
async def main():
    broker = EmbeddedBroker(Path(sys.argv[1]))
    await broker.start()
    print(broker.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
async def broker(tmp_path: Path):
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


def client(broker: EmbeddedBroker, **changes: str) -> aiomqtt.Client:
    at = broker.endpoint
    assert at is not None
    account = {"username": at.username, "password": at.password, **changes}
    return aiomqtt.Client(at.host, at.port, timeout=2, **account)


async def test_delivers_a_birth_sized_message(broker: EmbeddedBroker) -> None:
    """The default payload limit of 20 kB would silently cut the connection of a gateway at its birth."""
    async with client(broker) as hears, client(broker) as says, asyncio.timeout(10):
        await hears.subscribe("spBv1.0/#", qos=1)
        await says.publish("spBv1.0/a/NBIRTH/e", b"x" * 900_000)
        message = await anext(aiter(hears.messages))
    assert len(message.payload) == 900_000


async def test_wrong_password_is_refused(broker: EmbeddedBroker) -> None:
    """Another user of the machine must not be able to write readings."""
    with pytest.raises(aiomqtt.MqttError):
        async with client(broker, password="guess"):
            pass


async def test_password_is_not_left_on_disk_readable_or_in_the_process_list(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The password lives in memory and in one 0600 file."""
    at = broker.endpoint
    assert at is not None
    write_endpoint(tmp_path, at)
    assert _modes(tmp_path) == {"broker.json": 0o600}
    assert at.password not in " ".join(psutil.Process(broker.pid).cmdline())
    assert read_endpoint(tmp_path) == at


async def test_endpoint_of_a_dead_run_is_ignored(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """After a crash the file stays behind; tail must say that nothing runs instead of waiting for ever."""
    assert broker.endpoint is not None
    write_endpoint(tmp_path, dataclasses.replace(broker.endpoint, pid=_dead_pid()))
    assert read_endpoint(tmp_path) is None


async def test_taken_port_is_named(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """A port conflict names the port and the option that helps."""
    assert broker.endpoint is not None
    with pytest.raises(BrokerFailed, match=rf"{broker.endpoint.port}.*--broker-port"):
        await EmbeddedBroker(tmp_path, broker.endpoint.port).start()


def test_ends_with_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of the onebox must not leave a broker behind."""
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    child.wait(timeout=5)


async def test_memory_stays_bounded(broker: EmbeddedBroker) -> None:
    """With rumqttd's own segments its memory grows to a gigabyte; ours must stay under 60 MB after 40 MB of traffic."""
    async with client(broker) as hears, client(broker) as says:
        await hears.subscribe("spBv1.0/#")
        reading = asyncio.create_task(_read(hears))
        for number in range(4_000):
            await says.publish(f"spBv1.0/a/DDATA/e/{number % 50}", b"x" * 10_000)
        reading.cancel()
    assert psutil.Process(broker.pid).memory_info().rss < 60e6


async def _read(hears: aiomqtt.Client) -> None:
    async for _ in hears.messages:
        pass


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def _dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        return gone.pid
