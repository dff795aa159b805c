"""Servers of other makes for healthy reads, a scripted one for the rest, and a pseudo-terminal pair."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import DataBank, ModbusServer

from gateway.modbus.client import ModbusClient, open_link
from lampwell.assets import Link, Transport

REGISTERS = 200
OpenLink = Callable[..., Awaitable[ModbusClient]]


def bit(address: int) -> bool:
    """What coil or discrete input ``address`` holds in every healthy server."""
    return address % 3 == 0


@pytest.fixture
async def linked() -> AsyncIterator[OpenLink]:
    """Open links; they are closed at the end of the test."""
    opened: list[ModbusClient] = []

    async def make(port: int = 0, *, transport: Transport = Transport.TCP, connect: bool = True, **options: Any) -> ModbusClient:
        options.setdefault("timeout_s", 2.0)
        client = open_link(Link(id="test", edge="test", transport=transport, host="127.0.0.1", port=port, **options))
        opened.append(client)
        if connect:
            await client.connect()
        return client

    yield make
    for client in opened:
        await client.close()


@pytest.fixture
def pymodbustcp_port() -> Iterator[int]:
    """pyModbusTCP's server (threads): register = address, coil = every third."""
    bank = DataBank(coils_size=REGISTERS, d_inputs_size=REGISTERS, h_regs_size=REGISTERS, i_regs_size=REGISTERS)
    bank.set_holding_registers(0, list(range(REGISTERS)))
    bank.set_input_registers(0, [10_000 + n for n in range(REGISTERS)])
    bank.set_coils(0, [bit(n) for n in range(REGISTERS)])
    bank.set_discrete_inputs(0, [not bit(n) for n in range(REGISTERS)])
    server = ModbusServer(host="127.0.0.1", port=0, no_block=True, data_bank=bank)
    server.start()
    yield server._service.server_address[1]
    server.stop()


def pymodbus_device(unit: int) -> SimDevice:
    """pymodbus's unit with the same content."""
    blocks = (
        [SimData(0, values=[bit(n) for n in range(REGISTERS)], datatype=DataType.BITS)],
        [SimData(0, values=[not bit(n) for n in range(REGISTERS)], datatype=DataType.BITS)],
        [SimData(0, values=list(range(REGISTERS)), datatype=DataType.REGISTERS)],
        [SimData(0, values=[10_000 + n for n in range(REGISTERS)], datatype=DataType.REGISTERS)],
    )
    return SimDevice(unit, simdata=blocks)


@pytest.fixture
async def pymodbus_port() -> AsyncIterator[int]:
    """pymodbus's TCP server."""
    server = ModbusTcpServer([pymodbus_device(1), pymodbus_device(7)], address=("127.0.0.1", 0))
    async with _serving(server):
        yield server.transport.sockets[0].getsockname()[1]


@pytest.fixture
async def pymodbus_rtu_port() -> AsyncIterator[int]:
    """pymodbus's server with RTU frames over TCP."""
    server = ModbusTcpServer([pymodbus_device(1)], framer=FramerType.RTU, address=("127.0.0.1", 0))
    async with _serving(server):
        yield server.transport.sockets[0].getsockname()[1]


@pytest.fixture
async def pymodbus_line(tmp_path: Path) -> AsyncIterator[str]:
    """pymodbus's serial server on one end of a socat pair; gives the other end."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    socat = await asyncio.create_subprocess_exec("socat", f"pty,raw,echo=0,link={ours}", f"pty,raw,echo=0,link={theirs}")
    for _ in range(200):
        if ours.exists() and theirs.exists():
            break
        await asyncio.sleep(0.02)
    server = ModbusSerialServer([pymodbus_device(1)], port=str(theirs), baudrate=115200)
    async with _serving(server):
        yield str(ours)
    socat.terminate()
    await socat.wait()


@asynccontextmanager
async def _serving(server: Any) -> AsyncIterator[None]:
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


Script = Callable[[bytes, Callable[[bytes], None]], Awaitable[None] | None]


class Scripted:
    """A server that does what the test says: ``script(request, send)`` for every chunk received. ``requests`` keeps them all."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.script: Script = lambda _request, _send: None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> int:
        """Listen; gives the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while request := await reader.read(1000):
            self.requests.append(request)
            outcome = self.script(request, lambda data: None if writer.is_closing() else writer.write(data))
            if outcome is not None:
                task = asyncio.ensure_future(outcome)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def drop(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    def stop(self) -> None:
        """End it."""
        self.drop()
        self._server.close()
        for task in self._tasks:
            task.cancel()


@pytest.fixture
async def scripted() -> AsyncIterator[tuple[Scripted, int]]:
    """A scripted server and its port."""
    server = Scripted()
    port = await server.start()
    yield server, port
    server.stop()


class Line:
    """The far end of a pseudo-terminal, driven by the test like ``Scripted``."""

    def __init__(self) -> None:
        self.far, near = os.openpty()
        tty.setraw(near)
        tty.setraw(self.far)
        self.path = os.ttyname(near)
        self._near = near
        self.requests: list[tuple[float, bytes]] = []
        self.script: Script = lambda _request, _send: None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.far, self._readable)

    def send(self, data: bytes) -> None:
        """Put bytes on the line."""
        os.write(self.far, data)

    def _readable(self) -> None:
        request = os.read(self.far, 1000)
        self.requests.append((self._loop.time(), request))
        outcome = self.script(request, self.send)
        if outcome is not None:
            task = asyncio.ensure_future(outcome)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Unplug it."""
        if self.far >= 0:
            self._loop.remove_reader(self.far)
            os.close(self.far)
            os.close(self._near)
            self.far = -1


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A pseudo-terminal pair; the near end is ``line.path``."""
    made = Line()
    yield made
    made.close()
