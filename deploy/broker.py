"""An MQTT broker inside the onebox: iotcore (rumqttd) in a child process that ends with its parent.

Loopback only, one account with a random password made for each run. It keeps nothing over a restart, and a subscriber
that lags far behind loses the oldest messages: both are covered by the edge journals. Real sites run mosquitto.
Limits measured in domain measurements 3: small segments bound its memory, ``max_payload_size`` lets births through.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lampwell.assets import Broker
from lampwell.errors import LampwellError

HOST = "127.0.0.1"
ENDPOINT_FILE = "broker.json"
START_S, STOP_S, POLL_S = 10.0, 2.0, 0.02
SEGMENT_BYTES, SEGMENTS = 4 << 20, 3

CONFIG = """\
id = 0

[router]
id = 0
max_connections = 64
max_outgoing_packet_count = 200
max_segment_size = {segment_bytes}
max_segment_count = {segments}

[v4.1]
name = "loopback"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true

[v4.1.connections.auth]
{username} = "{password}"
"""


class BrokerFailed(LampwellError):
    """The embedded broker did not start; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a running embedded broker is and how to log in. Lives in memory and in a 0600 file of the data folder."""

    host: str
    port: int
    username: str
    password: str
    pid: int

    def settings(self, broker: Broker) -> Broker:
        """The county's broker settings pointed at this broker."""
        return replace(broker, host=self.host, port=self.port, tls=False, ca_file="", username=self.username, password_file="")


def write_endpoint(folder: Path, endpoint: Endpoint) -> None:
    """Leave the endpoint where ``lampwell tail`` finds it, readable by this user only."""
    write_private(folder / ENDPOINT_FILE, json.dumps(asdict(endpoint)))


def read_endpoint(folder: Path) -> Endpoint | None:
    """The endpoint of the onebox that is running on this folder, or None."""
    try:
        endpoint = Endpoint(**json.loads((folder / ENDPOINT_FILE).read_text(encoding="utf-8")))
        os.kill(endpoint.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return endpoint


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, even while it is being written."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


class EmbeddedBroker:
    """One broker process. ``start`` returns when a login has succeeded; ``stop`` is safe at any time."""

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        """``port`` 0 takes a free one."""
        self._folder = data_dir
        self._wanted = port
        self._process: asyncio.subprocess.Process | None = None
        self.endpoint: Endpoint | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> Endpoint:
        """Start the child and wait until it lets us in; BrokerFailed if it does not within ten seconds."""
        port = self._wanted or _free_port()
        if _is_taken(port):
            raise BrokerFailed(f"port {port} (embedded broker) is in use by another program; choose another with --broker-port")
        endpoint = Endpoint(host=HOST, port=port, username="lampwell", password=secrets.token_urlsafe(24), pid=os.getpid())
        config = self._folder / "broker.toml"
        write_private(config, _config(endpoint))
        try:
            self._process = await _spawn(config)
            await self._ready(endpoint)
        finally:
            config.unlink(missing_ok=True)
        self.endpoint = endpoint
        return endpoint

    async def ended(self) -> None:
        """Return when the child has ended."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """End the child: asked first, killed after two seconds."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(sign)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await process.wait()
                    return

    async def _ready(self, endpoint: Endpoint) -> None:
        try:
            async with asyncio.timeout(START_S):
                while not await _lets_in(endpoint):
                    self._must_live()
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            await self.stop()
            raise BrokerFailed(
                f"the embedded broker did not answer on {endpoint.host}:{endpoint.port} in {START_S:g} s"
            ) from None

    def _must_live(self) -> None:
        code = self._process.returncode if self._process else None
        if code is not None:
            raise BrokerFailed(f"the embedded broker ended at once with exit code {code}")


def _config(endpoint: Endpoint) -> str:
    return CONFIG.format(
        segment_bytes=SEGMENT_BYTES,
        segments=SEGMENTS,
        host=endpoint.host,
        port=endpoint.port,
        username=endpoint.username,
        password=endpoint.password,
    )


async def _spawn(config: Path) -> asyncio.subprocess.Process:
    child = Path(__file__).with_name("broker_child.py")
    return await asyncio.create_subprocess_exec(
        # -P: the folder of the script must not shadow other modules
        sys.executable, "-P", str(child), str(config), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


async def _lets_in(endpoint: Endpoint) -> bool:
    """Whether a CONNECT with the endpoint's account is accepted now (MQTT 3.1.1, 3.1 and 3.2)."""
    try:
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    except OSError:
        return False
    try:
        writer.write(_connect_packet(endpoint) + b"\xe0\x00")
        async with asyncio.timeout(1):
            return await reader.readexactly(4) == b"\x20\x02\x00\x00"
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return False
    finally:
        writer.close()


def _connect_packet(endpoint: Endpoint) -> bytes:
    fields = ("lampwell-ready", endpoint.username, endpoint.password)
    payload = b"".join(len(data).to_bytes(2, "big") + data for data in (field.encode() for field in fields))
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + payload
    assert len(body) < 128, "one length byte"
    return bytes((0x10, len(body))) + body
