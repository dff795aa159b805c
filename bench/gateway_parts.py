"""The child processes of the gateway's bench: the field, and the two loops that the gateway is compared with.

``field``: the fast Modbus server on every loopback address, so that each link has an endpoint of its own.
``bare``: uvloop, our Modbus client, our decoding and encoding, publish; no schedule, quality, deadband or journal.
``pymodbus``: the well-known library on uvloop, reading the same registers and publishing nothing.
Each ends with one line of JSON: values, CPU seconds (user and system), seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from bench.county_files import EDGE
from bench.gateway_county import POINTS
from bench.modbus_server import Answers, Connection, Options
from gateway.field import LinkPlan, plan_edge
from gateway.modbus.client import open_link
from lampwell.county import load
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.fastwire import ScanEncoder
from lampwell.sparkplug.messages import Message, Subscription
from lampwell.sparkplug.transport import MqttTransport


class Bare:
    """An owner of the transport that has nothing to say."""

    def will(self) -> Message:
        return Message("bench/will", b"", qos=1)

    def subscriptions(self) -> tuple[Subscription, ...]:
        return (Subscription("bench/none", 1),)

    def on_connected(self) -> None: ...

    def on_disconnected(self, reason: str) -> None: ...

    def on_message(self, topic: str, payload: bytes) -> None: ...

    def farewell(self) -> tuple[Message, ...]:
        return ()


async def field(change: str) -> None:
    """Serve until killed; the first line printed is the port."""
    answers = Answers(Options(change=change))
    server = await asyncio.get_running_loop().create_server(lambda: Connection(answers), "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare(folder: Path, seconds: float, interval_s: float) -> int:
    """Poll every link at its interval and publish every answer; the number of values."""
    county = load(folder)
    transport = MqttTransport(county.broker, "bench-bare", Bare())
    task = asyncio.create_task(transport.run())
    await until(lambda: transport.connected, 20)
    count = [0]
    polls = [_poll_bare(plan, transport, interval_s, count) for plan in plan_edge(county, EDGE).values()]
    values = await _for(seconds, interval_s, polls, count)
    await transport.stop()
    await task
    return values


async def _poll_bare(plan: LinkPlan, transport: MqttTransport, interval_s: float, count: list[int]) -> None:
    link = open_link(plan.link)
    await link.connect()
    block, device = plan.plans[0].fast[0], plan.devices[0]
    layout = Layout(NodeId("bench", EDGE), device.id, device.profile.points)
    encoder, index, flags, due, seq = ScanEncoder(layout), tuple(range(POINTS)), (0,) * POINTS, time.monotonic(), 0
    while True:
        raws = block.raw(await link.read(device.unit, block.block))
        values = tuple([convert(raw) for convert, raw in zip(block.convert, raws, strict=True)])
        now, seq = time.time_ns() // 1_000_000, (seq + 1) & 255
        payload = encoder.encode(Scan(layout, now, index, values, flags), seq, now)
        transport.publish(Message(f"bench/{device.id}", payload))
        count[0] += POINTS
        due += interval_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def pymodbus(folder: Path, seconds: float, interval_s: float) -> int:
    """Poll every link at its interval with pymodbus; the number of values."""
    from pymodbus.client import AsyncModbusTcpClient

    count = [0]

    async def poll(host: str, port: int, unit: int) -> None:
        client, due = AsyncModbusTcpClient(host, port=port, retries=0), time.monotonic()
        await client.connect()
        while not _meter.ended:  # its read can swallow a cancellation
            answer = await client.read_holding_registers(0, count=POINTS, device_id=unit)
            count[0] += len(answer.registers)
            due += interval_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    plans = plan_edge(load(folder), EDGE).values()
    return await _for(seconds, interval_s, [poll(p.link.host, p.link.port, p.devices[0].unit) for p in plans], count)


async def _for(seconds: float, interval_s: float, polls: Sequence[Coroutine[Any, Any, None]], count: list[int]) -> int:
    """Run the loops that long after a second to settle; the values of just the time that the meter is charged with."""
    tasks = [asyncio.create_task(poll) for poll in polls]
    await asyncio.sleep(1.0)
    before = count[0]
    _meter.begin()
    await asyncio.sleep(seconds)
    _meter.end()
    values = count[0] - before
    await asyncio.wait(tasks, timeout=2 * interval_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return values


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Return once the condition holds, or after so long."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process makes it true
        await asyncio.sleep(0.01)


class Meter:
    """CPU and wall seconds between two instants."""

    cpu_s = 0.0
    seconds = 0.0
    ended = False

    def begin(self) -> None:
        self.cpu_s, self.seconds = -self._cpu(), -time.monotonic()

    def end(self) -> None:
        self.cpu_s, self.seconds = self.cpu_s + self._cpu(), self.seconds + time.monotonic()
        self.ended = True

    @staticmethod
    def _cpu() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime


_meter = Meter()


def main() -> None:
    """One part, chosen by name."""
    parser = argparse.ArgumentParser(prog="bench.gateway_parts")
    parser.add_argument("part", choices=("field", "bare", "pymodbus"))
    parser.add_argument("--change", default="all")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--interval", type=float, default=0.1)
    given = parser.parse_args()
    if given.part == "field":
        uvloop.run(field(given.change))
        return
    loop = {"bare": bare, "pymodbus": pymodbus}[given.part]
    values = uvloop.run(loop(given.folder, given.seconds, given.interval))
    print(json.dumps({"values": values, "cpu_s": _meter.cpu_s, "seconds": _meter.seconds}))


if __name__ == "__main__":
    main()
