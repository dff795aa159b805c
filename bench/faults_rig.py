"""What a fault run is made of: field, mosquitto, InfluxDB, gateway and collector as real processes that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import faults_ledger
from bench.county_files import EDGE
from bench.faults_acks import ROW, AckWatch
from bench.faults_county import LINKS, write_county
from bench.faults_ledger import Ledger, Verdict
from bench.faults_proxy import Proxy
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.history import open_history
from lampwell.readings import Scan

READY_S, DRAIN_S, STOP_S = 20.0, 120.0, 15.0
MOSQUITTO = "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
INFLUX = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
[logging]
level = "error"
"""


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@dataclass(slots=True)
class Service:
    """A child process that can be killed and started again; its output goes to a file."""

    name: str
    command: list[str]
    log: Path
    port: int | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; a service with a port is waited for by ``listening``."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    async def listening(self) -> None:
        """Return when its port answers."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            self.must_live()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
        raise RuntimeError(f"{self.name} does not listen on {self.port}: see {self.log}")

    def must_live(self) -> None:
        """Raise with the end of its log if it has ended by itself."""
        if self.process is None or self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} has ended by itself:\n{tail}")

    def kill(self) -> None:
        """Kill -9."""
        self.must_live()
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, sign: int = signal.SIGTERM) -> None:
        """Ask it to end; killed if it does not in time."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(sign)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.name} did not end in {STOP_S:g} s") from None


@dataclass(slots=True)
class Rig:
    """One fault run. ``services`` by name: field, broker, store (InfluxDB only), gateway, collector."""

    folder: Path
    services: dict[str, Service]
    acks: AckWatch
    county: Path
    influx: int | None
    proxy: Proxy | None
    recoveries: list[float] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        """The gateway's journal file."""
        return self.folder / "gateway" / "journal.sqlite"

    async def recover(self, limit_s: float = 60.0, *, new_segment: bool = False) -> None:
        """Wait until something new is stored and acknowledged (of the gateway's new start, if asked); note how long that took."""
        seconds = await self.acks.progress(limit_s, above=max(self.acks.reached, default=0) if new_segment else None)
        if seconds is None:
            logs = "\n".join(f"-- {s.name}\n{s.log.read_text(errors='replace')[-1500:]}" for s in self.services.values())
            raise RuntimeError(f"nothing was stored for {limit_s:g} s\n{logs}")
        self.recoveries.append(seconds)

    async def settle(self) -> Verdict:
        """End the field, let everything accepted be stored, end the services in order, and compare."""
        gateway, collector = self.services["gateway"], self.services["collector"]
        self.services["field"].stop()
        await asyncio.sleep(2.0)
        gateway.stop()
        wanted = _highest(faults_ledger.read(self.journal))
        gateway.start()
        if not await self.acks.until(wanted, DRAIN_S):
            raise RuntimeError(f"not everything was acknowledged in {DRAIN_S:g} s: wanted {wanted}, reached {self.acks.reached}")
        gateway.stop()
        collector.stop()
        return await self._compare(faults_ledger.read(self.journal), wanted)

    async def _compare(self, ledger: Ledger, wanted: dict[int, int]) -> Verdict:
        """What was committed up to ``wanted`` or acknowledged. (The restart for draining may have accepted a little more.)"""
        committed = [scan for scan in ledger.scans if _row(scan) <= wanted.get(_segment(scan), 0)]
        accepted = Ledger(committed, ledger.waiting, ledger.twice).readings() | self.acks.acknowledged()
        history = open_history(load(self.county).history, self.folder / "collector", clock=SystemClock(), read_only=True)
        try:
            verdict = await faults_ledger.compare(accepted, history)
        finally:
            await history.close()
        return replace(verdict, twice=verdict.twice + ledger.twice)


def _segment(scan: Scan) -> int:
    assert scan.offset is not None
    return scan.offset >> 32


def _row(scan: Scan) -> int:
    assert scan.offset is not None
    return scan.offset & ROW


def _highest(ledger: Ledger) -> dict[int, int]:
    """Per segment the highest accepted row."""
    found: dict[int, int] = {}
    for scan in ledger.scans:
        found[_segment(scan)] = max(_row(scan), found.get(_segment(scan), 0))
    return found


@asynccontextmanager
async def rig(
    *, influx: bool = False, proxied: bool = False, records: bool = True, fill: Callable[[Rig], object] | None = None
) -> AsyncIterator[Rig]:
    """A running rig in a temporary folder; ``fill`` may write into the journal before the gateway starts."""
    with tempfile.TemporaryDirectory(prefix="lampwell-faults-") as name:
        made = await _make(Path(name), influx=influx, proxied=proxied)
        made.acks.records = records
        try:
            if fill:
                await fill(made)  # type: ignore[misc]
            await _start(made)
            yield made
        finally:
            await made.acks.stop()
            for service in reversed(made.services.values()):
                with contextlib.suppress(RuntimeError):
                    service.stop()
            if made.proxy:
                await made.proxy.stop()


async def _make(folder: Path, *, influx: bool, proxied: bool) -> Rig:
    broker, proxy, store, rpc, *links = free_ports(4 + LINKS)
    store_port = store if influx else None
    county = write_county(folder / "county", broker=broker, field=links, influx=store_port)
    edge_county = write_county(folder / "county-edge", broker=proxy if proxied else broker, field=links, influx=store_port)
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(port=broker) + ("user root\n" if os.geteuid() == 0 else ""))
    commands = {
        "field": ([sys.executable, "-m", "bench.faults_field", *map(str, links)], links[0]),
        "broker": (["mosquitto", "-c", str(folder / "mosquitto.conf")], broker),
        "collector": (_python("collector", str(county), "--data", str(folder / "collector")), None),
        "gateway": (_python("gateway", str(edge_county), "--edge", EDGE, "--data", str(folder / "gateway")), None),
    }
    if influx:
        (folder / "influx.conf").write_text(INFLUX.format(rpc=rpc, port=store, folder=folder / "influx"))
        commands = {"store": (["influxd", "-config", str(folder / "influx.conf")], store), **commands}
    services = {name: Service(name, command, folder / f"{name}.log", port) for name, (command, port) in commands.items()}
    made = Rig(folder, services, AckWatch(broker), county, store_port, Proxy(proxy, broker) if proxied else None)
    made.journal.parent.mkdir()
    await faults_ledger.prepare(made.journal)
    return made


def _python(service: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", service, *arguments]


async def _start(made: Rig) -> None:
    if made.proxy:
        await made.proxy.start()
    for service in made.services.values():
        service.start()
        if service.port:
            await service.listening()
    made.acks.start()
    await made.recover()
    made.recoveries.clear()
