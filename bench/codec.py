"""What Sparkplug costs: a scan to bytes at the edge, bytes to a scan at the host, and a publish, by three MQTT clients.

All figures of one run are comparable with each other; between runs the machine's mood changes them. The publish table is the
evidence for the client in ``lampwell.sparkplug.connection``: CPU of the whole process per QoS 0 publish into a real mosquitto.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from bench.gateway_parts import Bare
from lampwell.assets import Broker
from lampwell.points import Kind, Point, Value
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.descriptor import PayloadMessage
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import Message
from lampwell.sparkplug.transport import MqttTransport

NODE = NodeId("taihe", "gw-1")
NOW = 1_780_000_000_000
DOUBLES = Layout(NODE, "cabinet-01", tuple(Point(path=f"loop{i // 5}/{'abcde'[i % 5]}_a", unit="A") for i in range(40)))
KINDS = [Kind.FLOAT] * 24 + [Kind.INT] * 8 + [Kind.BOOL] * 4 + [Kind.TEXT] * 4
MIXED = Layout(NODE, "cabinet-02", tuple(Point(path=f"loop{i // 5}/{'abcde'[i % 5]}", kind=k) for i, k in enumerate(KINDS)))
VALUES: dict[Kind, Value] = {Kind.FLOAT: 231.4, Kind.INT: 123_456, Kind.BOOL: True, Kind.TEXT: "normal"}


def run(quick: bool) -> dict[str, Any]:
    """Everything; the figures and their limits."""
    times = 300 if quick else 3_000
    codec = _codec(times)
    publish = _publish(1_000 if quick else 20_000)
    _print(codec, publish)
    targets: dict[str, list[Any]] = {
        "edge: 40 changed doubles to a payload, us": [codec["edge, 40 doubles"], 20, "<="],
        "edge: 2 changed doubles to a payload, us": [codec["edge, 2 doubles"], 8, "<="],
        "host: a payload of 40 doubles to a scan, us": [codec["host, 40 doubles"], 60, "<="],
    }
    if publish:
        ratio = round(publish["aiomqtt, uvloop"] / publish["ours (gmqtt), uvloop"], 1)
        targets["publish: aiomqtt's CPU over ours"] = [ratio, 3, ">="]
    return {"codec": codec, "publish": publish, "targets": targets}


# -- the codec -----------------------------------------------------------------------------------------------------


def _codec(times: int) -> dict[str, float]:
    edge = EdgeSession(Layout(NODE, "", ()), bd_seq=-1, journal="journal-1", host_id="lampwell")
    host = HostSession("lampwell")
    edge.will(NOW)
    births = [*edge.connected(NOW, journal_first=1, acknowledged={})]
    for layout in (DOUBLES, MIXED):
        births += edge.device_born(layout, _scan(layout, 0, 40))
    for message in births:
        host.received(message.topic, message.payload, NOW)
    found: dict[str, float] = {}
    for name, layout, count in (("40 doubles", DOUBLES, 40), ("2 doubles", DOUBLES, 2), ("40 mixed", MIXED, 40)):
        costs: dict[str, list[float]] = {}
        for round_ in range(9):  # interleaved, so that a bad moment of the machine hits all alike; nothing is kept, so no garbage
            scans = [_scan(layout, round_ * times + i, count) for i in range(times)]
            messages = [m for m in map(edge.scan, scans) if m is not None]
            costs.setdefault("host", []).append(_cost(lambda m: host.received(m.topic, m.payload, NOW), messages))
            costs.setdefault("protobuf parse", []).append(_cost(lambda m: PayloadMessage.FromString(m.payload), messages))
            costs.setdefault("protobuf encode", []).append(_cost(_plainly, scans))
        costs["edge"] = [_cost(edge.scan, [_scan(layout, i, count) for i in range(times)]) for _ in range(9)]
        found |= {f"{what}, {name}": round(min(each), 2) for what, each in costs.items()}
        found[f"bytes a value, {name}"] = round(len(messages[0].payload) / count, 1)
        for message in edge.node_layout(Layout(NODE, "", ()), NOW):
            host.received(message.topic, message.payload, NOW)  # the scans that only timed the edge left a gap
    return found


def _scan(layout: Layout, number: int, count: int) -> Scan:
    values = tuple(v + number / 1000 if isinstance(v, float) else v for v in (VALUES[p.kind] for p in layout.points[:count]))
    return Scan(layout, NOW + number, tuple(range(count)), values, (0,) * count, (1 << 32) + number + 1, "journal-1")


_FIELDS = {Kind.FLOAT: "double_value", Kind.INT: "long_value", Kind.BOOL: "boolean_value", Kind.TEXT: "string_value"}


def _plainly(scan: Scan) -> bytes:
    """The same payload through protobuf objects."""
    message = PayloadMessage(timestamp=scan.time, seq=1)
    for column, value in zip(scan.index, scan.values, strict=True):
        point = scan.layout.points[column]
        setattr(message.metrics.add(name=point.path, timestamp=scan.time), _FIELDS[point.kind], value)
    message.metrics.add(name="journal/offset", timestamp=scan.time, long_value=scan.offset)
    data: bytes = message.SerializeToString()
    return data


def _cost(work: Callable[[Any], object], things: Sequence[object]) -> float:
    """Microseconds each."""
    began = time.perf_counter()
    for thing in things:
        work(thing)
    return (time.perf_counter() - began) / len(things) * 1e6


# -- publishing ----------------------------------------------------------------------------------------------------


@contextmanager
def _mosquitto() -> Iterator[int | None]:
    """The port of a broker of our own, or None where there is none."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        yield None
        return
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        config = Path(folder) / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        broker = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _await(port)
            yield port
        finally:
            broker.terminate()
            broker.wait()


def _await(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("mosquitto did not start")


def _publish(count: int) -> dict[str, float]:
    """CPU microseconds a publish of a 40-metric payload at QoS 0, the median of three interleaved rounds."""
    payload = _plainly(_scan(DOUBLES, 0, 40))
    rounds: dict[str, list[float]] = {}
    with _mosquitto() as port:
        if port is None:
            print("no mosquitto on this machine: publishing was not measured")
            return {}
        for _ in range(3):
            for name, client in (("ours (gmqtt)", _ours), ("aiomqtt", _aiomqtt)):
                for loop, runner in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
                    cost = runner(client(port, payload, count))
                    rounds.setdefault(f"{name}, {loop}", []).append(cost)
            rounds.setdefault("paho, its thread", []).append(_paho(port, payload, count))
    return {name: round(sorted(costs)[1], 1) for name, costs in rounds.items()}


async def _timed(publish: Callable[[], Awaitable[None]], count: int) -> float:
    began = time.process_time()
    for _ in range(count // 100):
        await publish()
    return (time.process_time() - began) / count * 1e6


async def _ours(port: int, payload: bytes, count: int) -> float:
    link = MqttTransport(Broker(host="127.0.0.1", port=port), "bench", Bare())
    task = asyncio.create_task(link.run())
    while not link.connected:  # noqa: ASYNC110 - the owner's callback would be the way; a bench may look
        await asyncio.sleep(0.01)

    async def hundred() -> None:
        for _ in range(100):
            link.publish(Message("spBv1.0/taihe/DDATA/gw-1/cabinet-01", payload))
        while link.backlog_bytes:  # noqa: ASYNC110 - a socket has no event for this
            await asyncio.sleep(0)

    cost = await _timed(hundred, count)
    await link.stop()
    await task
    return cost


async def _aiomqtt(port: int, payload: bytes, count: int) -> float:
    async with aiomqtt.Client("127.0.0.1", port) as client:

        async def hundred() -> None:
            for _ in range(100):
                await client.publish("spBv1.0/taihe/DDATA/gw-1/cabinet-01", payload)

        return await _timed(hundred, count)


def _paho(port: int, payload: bytes, count: int) -> float:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    began = time.process_time()
    for _ in range(count // 100):
        waiting = [client.publish("spBv1.0/taihe/DDATA/gw-1/cabinet-01", payload) for _ in range(100)]
        waiting[-1].wait_for_publish(10)
    cost = (time.process_time() - began) / count * 1e6
    client.disconnect()
    client.loop_stop()
    return cost


# -- the table -----------------------------------------------------------------------------------------------------


def _print(codec: dict[str, float], publish: dict[str, float]) -> None:
    print(f"{'us a message':<28}{'edge':>8}{'protobuf':>10}{'host':>8}{'parse':>8}{'B/value':>9}")
    for name in ("40 doubles", "2 doubles", "40 mixed"):
        figures = [codec[f"{what}, {name}"] for what in ("edge", "protobuf encode", "host", "protobuf parse", "bytes a value")]
        print(f"{name:<28}{figures[0]:>8}{figures[1]:>10}{figures[2]:>8}{figures[3]:>8}{figures[4]:>9}")
    for name, cost in publish.items():
        print(f"publish, {name:<19}{cost:>8} us CPU")


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv)))
