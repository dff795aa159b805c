"""``lampwell tail``: what goes over the broker, decoded, one readable line a scan.

It listens as a host would but is none: it never publishes STATE and acknowledges nothing. When it meets a node whose birth it
has not heard it asks for that birth, as Sparkplug wants; ``--passive`` keeps it silent altogether.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from deploy.broker import read_endpoint
from deploy.folders import drill_folder, live_folder
from lampwell.account import broker_account
from lampwell.assets import Broker, County
from lampwell.clock import Clock, SystemClock
from lampwell.points import Point, Value
from lampwell.readings import Flag, NodeId, Scan
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import (
    Complaint,
    DeviceBorn,
    DeviceDied,
    HostEvent,
    Message,
    NodeBorn,
    NodeDied,
    ScanReceived,
    Subscription,
)
from lampwell.sparkplug.transport import MqttTransport
from lampwell.times import local

TICK_S, SETTLE_S = 1.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Printer:
    """Turns host events into lines. ``device`` and ``point`` are shell patterns; a scan without a match gives no line."""

    zone: tzinfo
    device: str = "*"
    point: str = "*"
    as_json: bool = False

    def lines(self, events: Iterable[HostEvent]) -> Iterator[str]:
        """The lines for some events."""
        for event in events:
            match event:
                case ScanReceived(scan):
                    yield from self._scan(scan, "")
                case NodeBorn(layout=layout, birth=birth):
                    yield from self._event(layout.node, "", birth.time, "上线 born")
                case DeviceBorn(layout=layout, birth=birth):
                    yield from self._scan(birth, "上线 born")
                case NodeDied(node, time):
                    yield from self._event(node, "", time, "离线 died")
                case DeviceDied(node, device, time):
                    yield from self._event(node, device, time, "离线 died")
                case Complaint(node, reason):
                    yield from self._complaint(node, reason)

    def _scan(self, scan: Scan, note: str) -> Iterator[str]:
        device = scan.layout.device
        columns = [column for column in _columns(scan) if fnmatchcase(column[0].path, self.point)]
        if not columns or not fnmatchcase(device or scan.layout.node.edge, self.device):
            return
        if self.as_json:
            yield _dump(scan, columns, note)
            return
        note = " ".join(part for part in (note, "历史 historical" if scan.historical else "") if part)
        body = "  ".join(_reading(*column) for column in columns)
        yield f"{self._head(scan.layout.node, device, scan.time)}  {f'[{note}]  ' if note else ''}{body}"

    def _event(self, node: NodeId, device: str, time: int, what: str) -> Iterator[str]:
        if not fnmatchcase(device or node.edge, self.device):
            return
        if self.as_json:
            yield json.dumps({"time": time, "node": str(node), "device": device, "event": what.split()[-1]})
        else:
            yield f"{self._head(node, device, time)}  [{what}]"

    def _complaint(self, node: NodeId | None, reason: str) -> Iterator[str]:
        if self.as_json:
            yield json.dumps({"node": str(node or ""), "complaint": reason}, ensure_ascii=False)
        else:
            yield f"{'':12}  {node or '-'!s}  [看不懂 not understood: {reason}]"

    def _head(self, node: NodeId, device: str, time: int) -> str:
        return f"{local(time, self.zone):%H:%M:%S}.{time % 1000:03d}  {node!s:<18} {device or '-':<13}"


Column = tuple[Point, Value | None, int]


def _columns(scan: Scan) -> Iterator[Column]:
    points = scan.layout.points
    for index, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
        yield points[index], value, flags


def _reading(point: Point, value: Value | None, flags: int) -> str:
    """``loop3/i_a 12.3A``; a value that is not simply good carries its reasons: ``level 1.02m!SPIKE``."""
    text = f"{point.path} {_value(value)}{point.unit if value is not None else ''}"
    return f"{text}!{flag_names(flags)}" if flags else text


def flag_names(flags: int) -> str:
    """Quality flags as people read them: ``RANGE+SPIKE``."""
    return "+".join(flag.name or "" for flag in Flag(flags))


def _value(value: Value | None) -> str:
    if value is None:
        return "--"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _dump(scan: Scan, columns: Iterable[Column], note: str) -> str:
    readings = {point.path: {"value": value, "unit": point.unit, "flags": flag_names(flags)} for point, value, flags in columns}
    head = {"time": scan.time, "node": str(scan.layout.node), "device": scan.layout.device, "historical": scan.historical}
    return json.dumps({**head, **({"event": "born"} if note else {}), "readings": readings}, ensure_ascii=False)


@dataclass(slots=True)
class Listener:
    """The transport's owner: a host session that only listens. ``passive``: not even births are asked for."""

    session: HostSession
    printer: Printer
    clock: Clock
    passive: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    outgoing: list[Message] = field(default_factory=list)
    since: float = 0.0

    def will(self) -> Message:
        """A will is asked of every client; ours says nothing on a topic outside Sparkplug's."""
        return Message("lampwell/tail", b"")

    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of Sparkplug, as a host hears it."""
        return self.session.subscriptions()

    def on_connected(self) -> None:
        """Nothing to say: STATE belongs to the collector."""
        self.since = self.clock.monotonic()

    def on_disconnected(self, reason: str) -> None:
        """Told on stderr, so that a pipe gets scans only."""
        click.echo(f"lampwell: connection lost ({reason}), trying again", err=True)

    def on_message(self, topic: str, payload: bytes) -> None:
        """Print what it means; keep what may be published."""
        messages, events = self.session.received(topic, payload, self.clock.now())
        self._keep(messages)
        if not self.passive and self.clock.monotonic() - self.since < SETTLE_S:
            events = [event for event in events if not isinstance(event, Complaint)]  # births are asked for and on their way
        try:
            for line in self.printer.lines(events):
                click.echo(line)
        except BrokenPipeError:  # `lampwell tail | head` has read enough
            self.ended.set()

    def farewell(self) -> tuple[Message, ...]:
        """None: we were never announced."""
        return ()

    def tick(self) -> list[Message]:
        """The births to ask for, since the last call."""
        self._keep(self.session.tick(self.clock.now()))
        messages, self.outgoing = self.outgoing, []
        return messages

    def _keep(self, messages: Iterable[Message]) -> None:
        if not self.passive:
            self.outgoing += [message for message in messages if "/NCMD/" in message.topic]


async def listen(broker: Broker, password: str, listener: Listener) -> None:
    """Print until cancelled or until SIGINT or SIGTERM."""
    transport = MqttTransport(broker, f"lampwell-tail-{os.getpid()}", listener, password=password)
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, listener.ended.set)
    running = asyncio.create_task(transport.run(), name="tail transport")
    running.add_done_callback(lambda _: listener.ended.set())
    while not listener.ended.is_set():
        for message in listener.tick():
            transport.publish(message)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await listener.ended.wait()
    await transport.stop()
    await running


def find_broker(county: County, folders: Iterable[Path]) -> tuple[Broker, str]:
    """The broker of a onebox running on one of the folders, or else the county's own, and the password."""
    for folder in folders:
        if endpoint := read_endpoint(folder):
            return endpoint.settings(county.broker), endpoint.password
    return broker_account(county.broker)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("counties/taihe"))
@click.option("--device", default="*", metavar="PATTERN", help="Only devices that match, for example 'cabinet-0*'.")
@click.option("--point", default="*", metavar="PATTERN", help="Only points that match, for example 'loop3/*'.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder of the running demo.")
@click.option("--passive", is_flag=True, help="Publish nothing at all; a node is understood after its next birth.")
def tail(folder: Path, device: str, point: str, data: Path | None, *, as_json: bool, passive: bool) -> None:
    """Show live traffic, decoded: one line a scan with its local time, edge node, device and changed points.

    Finds the broker of a running `lampwell demo` by itself; without one it uses the broker of the county's settings.
    A value that is not simply good carries its reasons after an exclamation mark.
    """
    import uvloop

    from lampwell.county import load

    county = load(folder)
    broker, password = find_broker(county, [data] if data else [live_folder(county.id), drill_folder(county.id)])
    printer = Printer(zone=ZoneInfo(county.time_zone), device=device, point=point, as_json=as_json)
    listener = Listener(HostSession(county.host_id), printer, SystemClock(), passive)
    click.echo(f"lampwell: listening on {broker.host}:{broker.port}", err=True)
    uvloop.run(listen(broker, password, listener))
