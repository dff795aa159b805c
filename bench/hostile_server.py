"""A Modbus server that misbehaves on purpose, on Modbus TCP and RTU over TCP: for every request a fault chosen by chance.

Register ``a`` of unit ``u`` holds ``truth_of(u, a)`` for ever, so every answer can be judged. A late answer comes after
the master has given up; on RTU it meets whatever the master does then.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from bench.lies import RTU_LIES, TCP_LIES, Question, pieces, tcp
from gateway.modbus.frames import crc16, rtu_frame

RTU_REQUEST = 8
TIMED = ("silent", "late", "late_twice", "drip", "drop", "drop_halfway", "endless", "split", "true")


def truth_of(unit: int, address: int) -> int:
    """What a register holds."""
    return (unit * 7919 + address * 104729) % 65521


def truth_bytes(unit: int, address: int, count: int) -> bytes:
    """What a read must bring."""
    return b"".join(truth_of(unit, at).to_bytes(2, "big") for at in range(address, address + count))


class Liar:
    """The server. ``patience_s`` is the master's timeout: late answers come after 1.3 to 4 of it. ``counts``: faults."""

    def __init__(self, *, rtu: bool, seed: int, patience_s: float) -> None:
        self.counts: Counter[str] = Counter()
        self._rtu = rtu
        self._rng = Random(seed)
        self._patience_s = patience_s
        self._late: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        """Listen on a free port of loopback."""
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._answer(await self._question(reader), writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the master has left, or the test is over
        finally:
            writer.close()

    async def _question(self, reader: asyncio.StreamReader) -> Question:
        request = await reader.readexactly(RTU_REQUEST if self._rtu else 12)
        transaction, body = (0, request) if self._rtu else (int.from_bytes(request[:2], "big"), request[6:])
        assert not self._rtu or crc16(request) == 0
        unit, function = body[0], body[1]
        address, count = int.from_bytes(body[2:4], "big"), int.from_bytes(body[4:6], "big")
        return Question(unit, function, truth_bytes(unit, address, count), transaction)

    async def _answer(self, question: Question, writer: asyncio.StreamWriter) -> None:
        rng = self._rng
        lies = RTU_LIES if self._rtu else TCP_LIES
        name = rng.choice([*lies, *TIMED])
        self.counts[name] += 1
        true = rtu_frame(question.unit, question.pdu) if self._rtu else tcp(question.transaction, question.unit, question.pdu)
        if name in lies:
            await self._pieces(pieces(name, lies[name](question, rng), rng), writer, 0.0)
            return
        match name:
            case "late" | "late_twice":
                for _ in range(2 if name == "late_twice" else 1):
                    self._later(true, writer)
            case "drip":
                await self._pieces([bytes((byte,)) for byte in true[:12]], writer, self._patience_s / 6)
            case "drop" | "drop_halfway":
                writer.write(true[: len(true) // 2] if name == "drop_halfway" else b"")
                writer.close()
            case "endless":
                writer.write(rng.randbytes(4096))
            case "split":
                await self._pieces(pieces(name, true, rng), writer, 0.001)
            case "true":
                writer.write(true)

    async def _pieces(self, parts: list[bytes], writer: asyncio.StreamWriter, pause_s: float) -> None:
        for piece in parts:
            writer.write(piece)
            await writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)

    def _later(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        async def send() -> None:
            await asyncio.sleep(self._patience_s * self._rng.uniform(1.3, 4))
            if not writer.is_closing():
                writer.write(data)

        task = asyncio.ensure_future(send())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
