"""What masters meet on real sockets and a real pseudo-terminal, faults included."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tty
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from lampwell.assets import County, Transport
from lampwell.clock import ScaledClock, SystemClock
from simulators.app import Simulation
from simulators.frames import crc16, rtu_frame, tcp_frame
from simulators.servers import AddressTaken

from .conftest import Start, TableWorld, endpoint, port_of, running

READ = bytes.fromhex("0400010001")
RIGHT = bytes.fromhex("0402fb2e")
SOON = 5.0
NEVER = 0.25


@contextlib.asynccontextmanager
async def connected(simulation: Simulation, link: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(simulation, link))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, size: int) -> bytes:
    writer.write(request)
    return await asyncio.wait_for(reader.readexactly(size), SOON)


async def is_silent(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), NEVER)
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("link", ["tcp-1", "rtu-tcp-1"])
async def test_absent_units_are_silent_and_do_not_disturb(start: Start, link: str) -> None:
    """Nothing comes for a unit that is not there; the next request for one that is gets its own answer."""
    frame = (lambda unit, pdu: tcp_frame(3, unit, pdu)) if link == "tcp-1" else rtu_frame
    async with start() as simulation, connected(simulation, link) as (reader, writer):
        writer.write(frame(99, READ))
        assert await is_silent(reader)
        assert await ask(reader, writer, frame(1, READ), len(frame(1, RIGHT))) == frame(1, RIGHT)


async def test_a_gateway_answers_for_absent_units_when_asked_to(start: Start) -> None:
    """With ``no-path`` an absent unit is exception 11, as TCP-to-serial converters do."""
    async with start() as simulation, connected(simulation, "tcp-1") as (reader, writer):
        simulation.fault("tcp-1", "no-path")
        assert await ask(reader, writer, tcp_frame(3, 99, READ), 9) == tcp_frame(3, 99, b"\x84\x0b")


async def test_requests_in_one_segment_are_answered_in_order(start: Start) -> None:
    """A master may pipeline; transactions come back in the order asked."""
    async with start() as simulation, connected(simulation, "tcp-1") as (reader, writer):
        requests = b"".join(tcp_frame(t, 1 + t % 2, READ) for t in range(50))
        answers = b"".join(tcp_frame(t, 1 + t % 2, RIGHT) for t in range(50))
        assert await ask(reader, writer, requests, len(answers)) == answers


async def test_several_masters_at_once(start: Start) -> None:
    """Each connection gets its own answers."""
    async with start() as simulation, contextlib.AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(connected(simulation, "tcp-1")) for _ in range(5)]
        answers = await asyncio.gather(*(ask(*end, tcp_frame(i, 1, READ), 11) for i, end in enumerate(ends)))
        assert answers == [tcp_frame(i, 1, RIGHT) for i in range(5)]
        assert simulation.status().links[0].clients == 5


async def test_a_broadcast_is_carried_out_and_not_answered(start: Start, world: TableWorld) -> None:
    """Unit 0 on a serial bus: all write, nobody answers."""
    async with start() as simulation, connected(simulation, "rtu-tcp-1") as (reader, writer):
        writer.write(rtu_frame(0, bytes.fromhex("0600020001")))
        assert await is_silent(reader)
        assert [world.plants[f"cabinet-{n:02}"].table["mode"] for n in (1, 3, 4)] == [2, 1, 1]


async def test_what_is_not_modbus_loses_its_connection(start: Start) -> None:
    """A browser on port 502 is hung up on; others are not disturbed."""
    async with start() as simulation, connected(simulation, "tcp-1") as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), SOON) == b""
        async with connected(simulation, "tcp-1") as other:
            assert await ask(*other, tcp_frame(1, 1, READ), 11) == tcp_frame(1, 1, RIGHT)


RIGHT_FRAME = tcp_frame(7, 1, RIGHT)


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("wrong-unit", None, tcp_frame(7, 2, RIGHT)),
        ("wrong-function", None, tcp_frame(7, 1, b"\x05" + RIGHT[1:])),
        ("wrong-count", 2, tcp_frame(7, 1, bytes.fromhex("0404fb2e0001"))),
        ("wrong-transaction", None, tcp_frame(8, 1, RIGHT)),
        ("truncated", 3, RIGHT_FRAME[:-3]),
        ("glued", None, RIGHT_FRAME * 2),
        ("drip-feed", 0.01, RIGHT_FRAME),
        ("slow", 0.1, RIGHT_FRAME),
        ("late", 0.1, RIGHT_FRAME),
        ("exception", 6, tcp_frame(7, 1, b"\x84\x06")),
    ],
)
async def test_faults_are_seen_on_the_wire(start: Start, name: str, value: float | None, seen: bytes) -> None:
    """Each fault makes exactly the frame it is named after, only for its device, until it is cleared."""
    async with start() as simulation, connected(simulation, "tcp-1") as (reader, writer):
        simulation.fault("cabinet-01", name, value=value)
        assert await ask(reader, writer, tcp_frame(7, 1, READ), len(seen)) == seen
        assert await is_silent(reader)
        assert await ask(reader, writer, tcp_frame(7, 2, READ), 11) == tcp_frame(7, 2, RIGHT)
        simulation.fault("cabinet-01", name, on=False)
        assert await ask(reader, writer, tcp_frame(7, 1, READ), 11) == RIGHT_FRAME


async def test_silence_of_one_device_is_not_its_neighbours(start: Start) -> None:
    """A dead unit says nothing; the other on its link answers."""
    async with start() as simulation, connected(simulation, "tcp-1") as (reader, writer):
        simulation.fault("cabinet-01", "silent")
        writer.write(tcp_frame(7, 1, READ))
        assert await is_silent(reader)
        assert await ask(reader, writer, tcp_frame(8, 2, READ), 11) == tcp_frame(8, 2, RIGHT)


async def test_a_late_answer_comes_after_the_next_one(start: Start) -> None:
    """The classic trap of RTU: an answer that belongs to an earlier request arrives among later ones."""
    async with start() as simulation, connected(simulation, "rtu-tcp-1") as (reader, writer):
        simulation.fault("cabinet-03", "late", value=0.3)
        writer.write(rtu_frame(1, READ))
        await asyncio.sleep(0.06)
        writer.write(rtu_frame(7, READ))
        assert await asyncio.wait_for(reader.readexactly(14), SOON) == rtu_frame(7, RIGHT) + rtu_frame(1, RIGHT)


async def test_noise(start: Start) -> None:
    """Garbage is as long as asked for; a flipped bit is what RTU's check is there for."""
    async with start() as simulation, connected(simulation, "rtu-tcp-1") as (reader, writer):
        simulation.fault("rtu-tcp-1", "garbage", value=40)
        assert len(await ask(reader, writer, rtu_frame(1, READ), 40)) == 40
        simulation.fault("rtu-tcp-1", "garbage", on=False)
        simulation.fault("rtu-tcp-1", "bit-flip")
        flipped = await ask(reader, writer, rtu_frame(1, READ), 7)
        assert crc16(flipped[:-2]) != flipped[-2:]


async def test_a_connection_dropped_in_the_answer(start: Start) -> None:
    """Half an answer, then the end of the connection."""
    async with start() as simulation, connected(simulation, "tcp-1") as (reader, writer):
        simulation.fault("tcp-1", "drop-connection")
        writer.write(tcp_frame(7, 1, READ))
        assert await asyncio.wait_for(reader.read(), SOON) == RIGHT_FRAME[:5]


async def test_a_link_that_refuses_and_comes_back(start: Start) -> None:
    """Connections are refused while the fault lasts, those there are cut, and the same port opens again after it."""
    async with start(clock=ScaledClock(0, 30)) as simulation, connected(simulation, "tcp-1") as (reader, _):
        port = port_of(simulation, "tcp-1")
        simulation.fault("tcp-1", "refuse")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), SOON) == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        simulation.fault("tcp-1", "refuse", on=False)
        await eventually(lambda: can_connect(port))


async def eventually(is_so: object) -> None:
    async with asyncio.timeout(SOON):
        while not is_so():  # type: ignore[operator]  # noqa: ASYNC110  nothing tells when a port opens
            await asyncio.sleep(0.02)


def can_connect(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def serial_ask(path: str, request: bytes, size: int) -> bytes:
    """Write to the pseudo-terminal as a master would and wait for so many bytes, fewer where the line hangs up."""
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(line)
        os.write(line, request)
        return await asyncio.wait_for(asyncio.to_thread(_read, line, size), SOON)
    finally:
        os.close(line)


def _read(line: int, size: int) -> bytes:
    data = b""
    with contextlib.suppress(OSError):  # EIO: the line hung up
        while len(data) < size and (more := os.read(line, size - len(data))):
            data += more
    return data


async def test_a_serial_line_that_is_unplugged_and_comes_back(start: Start) -> None:
    """``refuse`` takes the port away; afterwards it is there under the same name."""
    async with start(clock=ScaledClock(0, 30)) as simulation:
        path = endpoint(simulation, "rtu-1")
        assert await serial_ask(path, rtu_frame(9, READ), 7) == rtu_frame(9, RIGHT)
        simulation.fault("rtu-1", "refuse")
        await eventually(lambda: not Path(path).exists())
        simulation.fault("rtu-1", "refuse", on=False)
        await eventually(Path(path).exists)
        assert await serial_ask(path, rtu_frame(1, READ), 7) == rtu_frame(1, RIGHT)


async def test_a_serial_line_that_resets_in_an_answer(start: Start) -> None:
    """Half an answer, then a hang-up; the port comes back by itself."""
    async with start() as simulation:
        path = endpoint(simulation, "rtu-1")
        simulation.fault("rtu-1", "drop-connection")
        assert await serial_ask(path, rtu_frame(9, READ), 7) == rtu_frame(9, RIGHT)[:3]
        simulation.fault("rtu-1", "drop-connection", on=False)
        await eventually(Path(path).exists)
        assert await serial_ask(path, rtu_frame(9, READ), 7) == rtu_frame(9, RIGHT)


async def test_a_paced_line_takes_the_time_of_its_baud_rate(county: County, world: TableWorld, tmp_path: Path) -> None:
    """At 1200 baud, eight bytes there and seven back take 0.15 s."""
    links = tuple(replace(link, baud=1200) if link.transport is Transport.RTU_OVER_TCP else link for link in county.links)
    simulation = Simulation(replace(county, links=links), clock=SystemClock(), data_dir=tmp_path, world=world, paced=True)
    async with running(simulation), connected(simulation, "rtu-tcp-1") as (reader, writer):
        begin = asyncio.get_running_loop().time()
        await ask(reader, writer, rtu_frame(1, READ), 7)
        assert asyncio.get_running_loop().time() - begin >= 0.15


async def test_a_port_that_is_taken_is_told_with_link_and_port(county: County, world: TableWorld, tmp_path: Path) -> None:
    """The message says which link, which address and why; what was opened before is closed again, the world as well."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        links = (county.links[0], replace(county.links[1], port=port), county.links[2])
        simulation = Simulation(replace(county, links=links), clock=SystemClock(), data_dir=tmp_path, world=world)
        with pytest.raises(AddressTaken, match=rf"link rtu-tcp-1: .* 127\.0\.0\.1:{port}: the port is already in use"):
            await simulation.run()
    assert world.closed
    assert not (tmp_path / "sim.sock").exists()


async def test_a_file_in_the_place_of_a_serial_link_is_not_touched(start: Start, tmp_path: Path) -> None:
    """Only symbolic links are replaced."""
    place = tmp_path / "data/tty/rtu-1"
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    with pytest.raises(AddressTaken, match=r"rtu-1.*left as it is"):
        async with start():
            pass
    assert place.read_text() == "mine"
