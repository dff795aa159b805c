"""Masters that we did not write read the right values: Debian's mbpoll, pyModbusTCP and pymodbus."""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.framer import FramerType
from pyModbusTCP.client import ModbusClient

from lampwell.assets import County
from lampwell.profiles.encoding import decoder
from lampwell.profiles.model import Register, Space
from lampwell.profiles.wire_order import words_of
from simulators.app import Simulation

from .conftest import VALUES, Start, endpoint, make_profile, port_of

OPTIONS = ("-1", "-0", "-o", "5")


async def mbpoll(*arguments: str) -> list[str]:
    """What mbpoll shows for each reference, as text."""
    program = shutil.which("mbpoll")
    assert program, "Debian's mbpoll is needed for this test: apt-get install mbpoll"
    process = await asyncio.create_subprocess_exec(
        program, *OPTIONS, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    return re.findall(r"^\[\d+\]:\s+(\S+)", output, re.MULTILINE)


def reach(simulation: Simulation, link: str, unit: int) -> list[str]:
    """mbpoll's arguments for a link: TCP, or RTU on the pseudo-terminal."""
    if link == "rtu-1":
        return ["-m", "rtu", "-a", str(unit), "-b", "9600", "-P", "none", endpoint(simulation, link)]
    return ["-m", "tcp", "-a", str(unit), "-p", str(port_of(simulation, link)), "127.0.0.1"]


@pytest.mark.parametrize(("link", "unit"), [("tcp-1", 2), ("rtu-1", 9)])
async def test_mbpoll_reads_every_kind_of_register(start: Start, link: str, unit: int) -> None:
    """Words, signed words, 32-bit integers and floats in both word orders, coils and inputs, over TCP and on a serial line."""
    async with start() as simulation:
        where = reach(simulation, link, unit)
        assert await mbpoll("-t", "3:hex", "-r", "0", "-c", "3", *where) == ["0x9C41", "0xFB2E", "0x08A5"]
        assert await mbpoll("-t", "3:int", "-B", "-r", "3", *where) == [str(3_000_000_001 - 2**32)]
        assert await mbpoll("-t", "3:int", "-r", "5", *where) == [str(3_000_000_001 - 2**32)]
        assert await mbpoll("-t", "3:float", "-B", "-r", "9", *where) == ["9.875"]
        assert await mbpoll("-t", "3:float", "-r", "11", *where) == ["-0.15625"]
        assert await mbpoll("-t", "4:float", "-B", "-r", "0", *where) == ["12.5"]
        assert await mbpoll("-t", "0", "-r", "0", "-c", "2", *where) == ["1", "0"]
        assert await mbpoll("-t", "1", "-r", "0", *where) == ["1"]


async def test_mbpoll_writes(start: Start, world: object) -> None:
    """A set-point written by a foreign master reaches the plant."""
    async with start() as simulation:
        await mbpoll("-t", "4", "-r", "2", *reach(simulation, "tcp-1", 1), "3")
        assert await mbpoll("-t", "4", "-r", "2", *reach(simulation, "tcp-1", 1)) == ["3"]


def by_pymodbustcp(client: ModbusClient, register: Register) -> bytes | None:
    """The bytes of one register read by pyModbusTCP."""
    reads = {
        Space.COIL: client.read_coils,
        Space.DISCRETE: client.read_discrete_inputs,
        Space.HOLDING: client.read_holding_registers,
        Space.INPUT: client.read_input_registers,
    }
    count = words_of(register.encoding)
    answer = reads[register.space](register.address, count)
    if answer is None:
        return None
    return bytes(answer) if register.space.is_bits else struct.pack(f">{count}H", *answer)


def expected(register: Register) -> object:
    return VALUES[register.point.path]


async def test_pymodbustcp_reads_the_whole_profile(start: Start) -> None:
    """Every point, read alone by a blocking client, decodes to the plant's value."""
    async with start() as simulation:
        client = ModbusClient(host="127.0.0.1", port=port_of(simulation, "tcp-1"), unit_id=1, timeout=5)
        try:
            for register in make_profile().registers:
                data = await asyncio.to_thread(by_pymodbustcp, client, register)
                assert data is not None, register.point.path
                assert decoder(register.encoding)(data) == pytest.approx(expected(register)), register.point.path
        finally:
            client.close()


@pytest.mark.parametrize("link", ["tcp-1", "rtu-tcp-1", "rtu-1"])
async def test_pymodbus_reads_the_whole_profile(start: Start, link: str) -> None:
    """Every point over every transport, by the most used Python client."""
    async with start() as simulation:
        if link == "rtu-1":
            serial = endpoint(simulation, link)
            client: AsyncModbusSerialClient | AsyncModbusTcpClient = AsyncModbusSerialClient(
                serial, baudrate=9600, timeout=5, retries=0
            )
        else:
            framer = FramerType.RTU if link == "rtu-tcp-1" else FramerType.SOCKET
            client = AsyncModbusTcpClient("127.0.0.1", port=port_of(simulation, link), framer=framer, timeout=5, retries=0)
        assert await client.connect()
        try:
            for register in make_profile().registers:
                assert decoder(register.encoding)(await by_pymodbus(client, register)) == pytest.approx(expected(register)), (
                    register.point.path
                )
        finally:
            client.close()


async def by_pymodbus(client: AsyncModbusSerialClient | AsyncModbusTcpClient, register: Register) -> bytes:
    reads = {
        Space.COIL: client.read_coils,
        Space.DISCRETE: client.read_discrete_inputs,
        Space.HOLDING: client.read_holding_registers,
        Space.INPUT: client.read_input_registers,
    }
    count = words_of(register.encoding)
    answer = await reads[register.space](register.address, count=count, device_id=1)
    assert not answer.isError(), (register.point.path, answer)
    if register.space.is_bits:
        return bytes(answer.bits[:count])
    return struct.pack(f">{count}H", *answer.registers)


async def test_the_serial_port_is_a_link_in_the_data_folder(start: Start, county: County, tmp_path: Path) -> None:
    """Masters find the pseudo-terminal under the link's path; it is gone when the simulation ends."""
    async with start():
        assert (tmp_path / "data/tty/rtu-1").is_symlink()
    assert not (tmp_path / "data/tty/rtu-1").is_symlink()
