"""Healthy reads and writes against servers of other makes, and the pitfalls of a shared line."""

import asyncio
import itertools
from typing import Any

import pytest

from gateway.modbus.frames import rtu_frame
from gateway.modbus.port import Block
from lampwell.assets import Transport
from lampwell.errors import BadAnswer, DeviceRefused, LinkDown, NoAnswer
from lampwell.profiles.model import Space

from .conftest import Line, OpenLink, Scripted, bit


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def bits(data: bytes, count: int) -> list[bool]:
    return [bool(data[n // 8] >> n % 8 & 1) for n in range(count)]


async def check_all_spaces(link: Any, unit: int = 1) -> None:
    """Every function against the content all healthy servers hold."""
    assert await link.read(unit, Block(Space.HOLDING, 3, 4)) == words(3, 4, 5, 6)
    assert await link.read(unit, Block(Space.HOLDING, 0, 125)) == words(*range(125))
    assert await link.read(unit, Block(Space.INPUT, 5, 2)) == words(10_005, 10_006)
    assert bits(await link.read(unit, Block(Space.COIL, 1, 19)), 19) == [bit(n) for n in range(1, 20)]
    assert bits(await link.read(unit, Block(Space.DISCRETE, 0, 8)), 8) == [not bit(n) for n in range(8)]
    await link.write_registers(unit, 10, [4711])
    await link.write_registers(unit, 11, [1, 65535])
    assert await link.read(unit, Block(Space.HOLDING, 10, 3)) == words(4711, 1, 65535)
    await link.write_coils(unit, 30, [True])
    await link.write_coils(unit, 31, [True] * 9 + [False])
    assert bits(await link.read(unit, Block(Space.COIL, 30, 11)), 11) == [True] * 10 + [False]
    with pytest.raises(DeviceRefused, match="illegal data address") as refusal:
        await link.read(unit, Block(Space.HOLDING, 60_000, 1))
    assert refusal.value.code == 2
    assert await link.read(unit, Block(Space.HOLDING, 7, 1)) == words(7)


async def test_healthy_reads_from_pymodbustcp(linked: OpenLink, pymodbustcp_port: int) -> None:
    """Our client against a server that shares no code with it."""
    await check_all_spaces(await linked(pymodbustcp_port))


async def test_healthy_reads_from_pymodbus(linked: OpenLink, pymodbus_port: int) -> None:
    """Our client against pymodbus's server, two units behind one address."""
    link = await linked(pymodbus_port)
    await check_all_spaces(link, 1)
    await check_all_spaces(link, 7)


async def test_healthy_reads_of_rtu_over_tcp(linked: OpenLink, pymodbus_rtu_port: int) -> None:
    """RTU frames through TCP against pymodbus's framer."""
    await check_all_spaces(await linked(pymodbus_rtu_port, transport=Transport.RTU_OVER_TCP, baud=115200))


async def test_healthy_reads_on_a_serial_line(linked: OpenLink, pymodbus_line: str) -> None:
    """A serial line (socat pair) with pymodbus's serial server at its far end."""
    await check_all_spaces(await linked(transport=Transport.RTU, path=pymodbus_line, baud=115200))


async def test_several_in_flight_come_back_to_their_own_requests(linked: OpenLink, pymodbustcp_port: int) -> None:
    """Forty reads at once through a window of eight: each gets its own registers."""
    link = await linked(pymodbustcp_port, in_flight=8)
    found = await asyncio.gather(*(link.read(1, Block(Space.HOLDING, n, 2)) for n in range(40)))
    assert found == [words(n, n + 1) for n in range(40)]


async def test_an_endpoint_that_is_not_there_is_link_down(linked: OpenLink) -> None:
    """Nobody listens: LinkDown that names the endpoint; the same for a serial path that does not exist."""
    with pytest.raises(LinkDown, match=r"127\.0\.0\.1:1"):
        await linked(1)
    with pytest.raises(LinkDown, match="/dev/no-such-line"):
        await linked(transport=Transport.RTU, path="/dev/no-such-line")


async def test_a_read_without_connection_is_link_down(linked: OpenLink) -> None:
    """Nothing connects by itself: that is the owner's decision."""
    link = await linked(1, connect=False)
    with pytest.raises(LinkDown, match="not connected"):
        await link.read(1, Block(Space.HOLDING, 0, 1))


async def test_a_dropped_connection_fails_what_is_in_flight_at_once(linked: OpenLink, scripted: tuple[Scripted, int]) -> None:
    """The other side closes: LinkDown without waiting for the timeout, and connect opens a new one."""
    server, port = scripted
    server.script = lambda _request, _send: server.drop()
    link = await linked(port, timeout_s=30)
    with pytest.raises(LinkDown):
        await asyncio.wait_for(link.read(1, Block(Space.HOLDING, 0, 1)), 10)
    assert not link.connected
    await link.connect()
    assert link.connected
    assert server.connections == 2


def late_then_prompt(delay_s: float, rtu: bool) -> Any:
    """A device whose first answer (of registers 100, 101) comes late and whose others come at once."""
    seen: list[bytes] = []

    async def script(request: bytes, send: Any) -> None:
        seen.append(request)
        body = request[:-2] if rtu else request[6:]
        address, count = int.from_bytes(body[2:4], "big"), int.from_bytes(body[4:6], "big")
        pdu = bytes((body[1], 2 * count)) + words(*range(address, address + count))
        if len(seen) == 1:
            await asyncio.sleep(delay_s)
        send(rtu_frame(body[0], pdu) if rtu else request[:4] + (len(pdu) + 1).to_bytes(2, "big") + body[:1] + pdu)

    return script


async def test_pitfall_1_a_late_answer_on_tcp_is_counted_and_teaches(linked: OpenLink, scripted: tuple[Scripted, int]) -> None:
    """Modbus TCP: the late answer finds no request, is dropped and says how slow the unit is."""
    server, port = scripted
    server.script = late_then_prompt(0.3, rtu=False)
    link = await linked(port)
    with pytest.raises(NoAnswer, match=r"read holding 100\+2 of unit 1"):
        await link.read(1, Block(Space.HOLDING, 100, 2), 0.1)
    assert await link.read(1, Block(Space.HOLDING, 200, 2)) == words(200, 201)
    await asyncio.sleep(0.4)
    assert await link.read(1, Block(Space.HOLDING, 300, 2)) == words(300, 301)
    assert link.counters.late == 1
    assert 0.25 < link.counters.late_s[1] < 2
    assert server.connections == 1


async def test_pitfall_1_a_timeout_on_rtu_over_tcp_returned_the_wrong_registers(
    linked: OpenLink, scripted: tuple[Scripted, int]
) -> None:
    """RTU over TCP: after a timeout the connection is made anew, so that the late answer meets nobody."""
    server, port = scripted
    server.script = late_then_prompt(0.3, rtu=True)
    link = await linked(port, transport=Transport.RTU_OVER_TCP)
    with pytest.raises(NoAnswer):
        await link.read(1, Block(Space.HOLDING, 100, 2), 0.1)
    assert not link.connected
    await link.connect()
    for first in (200, 300):
        assert await link.read(1, Block(Space.HOLDING, first, 2)) == words(first, first + 1)
    await asyncio.sleep(0.4)
    assert await link.read(1, Block(Space.HOLDING, 400, 2)) == words(400, 401)


async def test_pitfall_1_a_timeout_on_a_serial_line_returned_the_wrong_registers(linked: OpenLink, line: Line) -> None:
    """Serial: nothing is sent until the late answer has come and was dropped."""
    line.script = late_then_prompt(0.4, rtu=True)
    link = await linked(transport=Transport.RTU, path=line.path, timeout_s=1.0)
    with pytest.raises(NoAnswer):
        await link.read(1, Block(Space.HOLDING, 100, 2), 0.1)
    assert await link.read(1, Block(Space.HOLDING, 200, 2)) == words(200, 201)
    assert link.counters.late == 1
    (first, _), (second, _) = line.requests[:2]
    assert second - first > 0.4


async def test_a_serial_line_stays_quiet_when_the_late_answer_never_comes(linked: OpenLink, line: Line) -> None:
    """Serial: after a timeout the line is silent for the configured timeout before the next request."""
    line.script = lambda _request, _send: None
    link = await linked(transport=Transport.RTU, path=line.path, timeout_s=0.4)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            await link.read(1, Block(Space.HOLDING, 100, 2), 0.05)
    (first, _), (second, _) = line.requests
    assert second - first > 0.44


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.RTU_OVER_TCP])
async def test_pitfall_2_a_cancelled_read_left_its_answer_to_the_next(
    linked: OpenLink, scripted: tuple[Scripted, int], transport: Transport
) -> None:
    """Whoever cancels a read from outside does not hand its answer to the next one."""
    server, port = scripted
    server.script = late_then_prompt(0.2, rtu=transport is not Transport.TCP)
    link = await linked(port, transport=transport)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(link.read(1, Block(Space.HOLDING, 100, 2)), 0.1)
    await link.connect()
    assert await link.read(1, Block(Space.HOLDING, 200, 2)) == words(200, 201)
    await asyncio.sleep(0.2)
    assert await link.read(1, Block(Space.HOLDING, 300, 2)) == words(300, 301)


async def test_pitfall_2_a_cancelled_read_on_a_serial_line(linked: OpenLink, line: Line) -> None:
    """The same on a line that can not be reopened: it is quiet first."""
    line.script = late_then_prompt(0.3, rtu=True)
    link = await linked(transport=Transport.RTU, path=line.path, timeout_s=0.6)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(link.read(1, Block(Space.HOLDING, 100, 2)), 0.1)
    assert await link.read(1, Block(Space.HOLDING, 200, 2)) == words(200, 201)


async def test_one_request_in_flight_on_rtu(linked: OpenLink, scripted: tuple[Scripted, int]) -> None:
    """Ten readers at once on an RTU link: the next request leaves only when the answer before it has come."""
    server, port = scripted
    waiting: list[int] = []

    async def script(request: bytes, send: Any) -> None:
        waiting.append(1)
        assert len(waiting) == 1, "two requests at a time"
        assert len(request) == 8
        await asyncio.sleep(0.01)
        waiting.pop()
        send(rtu_frame(request[0], b"\x03\x02" + request[2:4]))

    server.script = script
    link = await linked(port, transport=Transport.RTU_OVER_TCP, in_flight=5)
    found = await asyncio.gather(*(link.read(1, Block(Space.HOLDING, n, 1)) for n in range(10)))
    assert found == [words(n) for n in range(10)]


@pytest.mark.parametrize("garbage", [b"\0\0\0\1\0\3\1\3\0", b"\0\0\0\0\0\1\1", b"HTTP/1.1 400 Bad Request"])
async def test_a_header_that_is_none_closes_the_link(linked: OpenLink, scripted: tuple[Scripted, int], garbage: bytes) -> None:
    """Modbus TCP: after a malformed header no byte of the stream can be trusted."""
    server, port = scripted
    server.script = lambda _request, send: send(garbage)
    link = await linked(port)
    with pytest.raises(BadAnswer, match="not a Modbus TCP header"):
        await link.read(1, Block(Space.HOLDING, 0, 1))
    assert not link.connected


async def test_marstek_299_an_unasked_frame_makes_an_rtu_line_untrusted(linked: OpenLink, scripted: tuple[Scripted, int]) -> None:
    """Bytes that nobody asked for: the connection is made anew rather than carry them into the next answer."""
    server, port = scripted

    async def script(request: bytes, send: Any) -> None:
        send(rtu_frame(1, b"\x03\x02\x00\x07"))
        await asyncio.sleep(0.1)
        send(rtu_frame(1, b"\x03\x02\x00\x08"))

    server.script = script
    link = await linked(port, transport=Transport.RTU_OVER_TCP)
    assert await link.read(1, Block(Space.HOLDING, 0, 1)) == words(7)
    await asyncio.sleep(0.3)
    assert not link.connected
    assert link.counters.stray == 1


async def test_an_unplugged_serial_line_is_link_down(linked: OpenLink, line: Line) -> None:
    """The port vanishes under us: LinkDown, no traceback."""
    line.script = lambda _request, _send: line.close()
    link = await linked(transport=Transport.RTU, path=line.path, timeout_s=0.5)
    with pytest.raises((LinkDown, NoAnswer)):
        await link.read(1, Block(Space.HOLDING, 0, 1))


async def test_telegraf_9253_a_pause_lies_between_requests(linked: OpenLink, scripted: tuple[Scripted, int]) -> None:
    """The configured pause is kept between an answer and the next request, and after connecting."""
    server, port = scripted
    times: list[float] = []

    def script(request: bytes, send: Any) -> None:
        times.append(asyncio.get_running_loop().time())
        send(request[:4] + b"\0\5" + request[6:8] + b"\2\0\1")

    server.script = script
    began = asyncio.get_running_loop().time()
    link = await linked(port, pause_s=0.05, connect_pause_s=0.1)
    for _ in range(3):
        await link.read(1, Block(Space.HOLDING, 0, 1))
    assert times[0] - began > 0.099
    assert min(b - a for a, b in itertools.pairwise(times)) > 0.049


async def test_after_a_thousand_unanswered_requests_the_connection_is_new(
    linked: OpenLink, scripted: tuple[Scripted, int]
) -> None:
    """Transaction ids that were given up are never used again on a connection; when many are gone it is made anew."""
    _, port = scripted
    link = await linked(port, in_flight=1000)
    reads = [link.read(1, Block(Space.HOLDING, 0, 1), 0.05) for _ in range(1000)]
    found = await asyncio.gather(*reads, return_exceptions=True)
    assert all(isinstance(each, (NoAnswer, LinkDown)) for each in found)
    assert not link.connected
