"""``lampwell tail``: decodes what is on a real broker, filters it, and stays an onlooker."""

import asyncio
import json
from zoneinfo import ZoneInfo

import aiomqtt
import pytest

from deploy.tail import Listener, Printer
from lampwell.assets import Broker
from lampwell.clock import VirtualClock
from lampwell.points import Kind, Point
from lampwell.readings import Flag, Layout, NodeId, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import ScanReceived
from lampwell.sparkplug.transport import MqttTransport

from .conftest import Mosquitto, until

NODE = NodeId("town", "edge-1")
POINTS = (Point(path="loop3/i_a", unit="A"), Point(path="door", kind=Kind.BOOL), Point(path="level", unit="m"))
CABINET = Layout(NODE, "cabinet-03", POINTS)
NOON = 1_780_027_200_123  # 2026-05-29 12:00:00.123 in Shanghai


def scan(values: tuple, flags: tuple = (0, 0, 0), **changes: object) -> Scan:
    return Scan(CABINET, NOON, (0, 1, 2), values, flags, **changes)  # type: ignore[arg-type]


def lines(*scans: Scan, **options: object) -> list[str]:
    printer = Printer(zone=ZoneInfo("Asia/Shanghai"), **options)  # type: ignore[arg-type]
    return list(printer.lines([ScanReceived(each) for each in scans]))


def test_one_readable_line_a_scan() -> None:
    """Local time, node, device, points with units; a null is never a number and flags are named."""
    line, late = lines(scan((12.3, True, None), (0, 0, int(Flag.SENTINEL))), scan((1.0, False, 0.5), historical=True))
    assert line == "12:00:00.123  town/edge-1        cabinet-03     loop3/i_a 12.3A  door on  level --!SENTINEL"
    assert "[历史 historical]" in late


def test_filters_by_device_and_point() -> None:
    """Patterns select columns; a scan without one gives no line."""
    assert lines(scan((1.0, True, 2.0)), device="cabinet-1*") == []
    assert lines(scan((1.0, True, 2.0)), point="pump1/*") == []
    assert lines(scan((1.0, True, 2.0)), point="loop3/*")[0].endswith("  loop3/i_a 1A")


def test_json_is_one_object_a_line() -> None:
    """Machines read the same scan with full precision."""
    (text,) = lines(scan((12.345678901, True, None), (0, 0, 1)), as_json=True)
    told = json.loads(text)
    assert told["readings"]["loop3/i_a"] == {"value": 12.345678901, "unit": "A", "flags": ""}
    assert told["readings"]["level"] == {"value": None, "unit": "m", "flags": "SENTINEL"}
    assert told["time"] == NOON


@pytest.mark.parametrize(("passive", "asks"), [(False, True), (True, False)])
async def test_listens_on_a_broker_without_being_a_host(
    mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str], *, passive: bool, asks: bool
) -> None:
    """It asks for the births it has missed (not when passive), and never publishes STATE or an acknowledgement."""
    clock = VirtualClock(start_ms=NOON)
    listener = Listener(HostSession("lampwell"), Printer(zone=ZoneInfo("Asia/Shanghai")), clock, passive)
    broker = Broker(host="127.0.0.1", port=mosquitto.port, username="control")
    transport = MqttTransport(broker, "tail", listener, password=mosquitto.password("control"))
    running = asyncio.create_task(transport.run())
    edge = EdgeSession(Layout(NODE, "", ()), bd_seq=0, journal="j", host_id="lampwell")
    account = {"username": "admin", "password": mosquitto.password("admin")}
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, **account) as hands, asyncio.timeout(20):
        await hands.subscribe("spBv1.0/#")
        await until(lambda: transport.connected)
        edge.will(NOON)
        edge.connected(NOON, journal_first=0, acknowledged={})
        edge.device_born(CABINET, scan((1.0, False, 0.1)))
        data = edge.scan(scan((2.0, True, 0.2)))  # its birth was published before we listened
        assert data is not None
        await hands.publish(data.topic, data.payload)
        asked = []
        for _ in range(20):
            asked += listener.tick()
            await asyncio.sleep(0.02)
        assert any("NCMD" in message.topic for message in asked) is asks
        again, _ = (
            edge.received("spBv1.0/town/NCMD/edge-1", asked[0].payload, NOON)
            if asked
            else (edge.node_layout(Layout(NODE, "", ()), NOON), [])
        )
        live = edge.scan(scan((3.0, True, 0.3)))
        assert live is not None
        for message in (*again, live):
            await hands.publish(message.topic, message.payload)
        out = []
        await until(lambda: out.append(capsys.readouterr().out) or "loop3/i_a 3A" in "".join(out))
        await transport.stop()
        await running
        await hands.publish("spBv1.0/end", b"")
        heard = []
        async for message in hands.messages:
            if str(message.topic) == "spBv1.0/end":
                break
            heard.append(str(message.topic))
    assert "cabinet-03" in "".join(out)
    assert not [topic for topic in heard if "STATE" in topic or "NCMD" in topic]
