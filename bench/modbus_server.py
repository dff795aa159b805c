"""A Modbus TCP server that is never the limit: prebuilt answers, raw protocol, uvloop, its own process.

Holding and input registers 0..124 of every unit. ``change``: ``all`` registers of an answer, 5 % of them (every 20th), or
``none``, differ from poll to poll, through 64 variants (a changing register is 1000 + variant, the others 500 + address). Dead
units are silent. ``line_s``: the address stands for a converter with a serial line behind it: requests are served one after the
other, each takes so long, and a silent unit blocks the line for ``silence_s``, as real converters do.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvloop

VARIANTS = 64
CHANGES = {"all": 1, "5%": 20, "none": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the server does; see the module."""

    port: int = 0
    dead: frozenset[int] = frozenset()
    change: str = "all"
    line_s: float = 0.0
    silence_s: float = 1.0


class Answers:
    """Prebuilt answers: everything behind the transaction id."""

    def __init__(self, options: Options) -> None:
        self._every = CHANGES[options.change]
        self._dead = options.dead
        self._ready: dict[bytes, list[bytes] | None] = {}
        self._turn: dict[bytes, int] = {}

    def answer(self, question: bytes) -> bytes | None:
        """The answer to unit + PDU, behind the transaction id; None from a dead unit."""
        try:
            variants = self._ready[question]
        except KeyError:
            variants = self._ready[question] = self._build(question)
            self._turn[question] = 0
        if variants is None:
            return None
        turn = self._turn[question]
        self._turn[question] = turn + 1
        return variants[turn % len(variants)]

    def _build(self, question: bytes) -> list[bytes] | None:
        unit, function = question[0], question[1]
        address, count = int.from_bytes(question[2:4], "big"), int.from_bytes(question[4:6], "big")
        if unit in self._dead:
            return None
        if function not in (3, 4) or not 1 <= count <= 125 or address + count > 125:
            return [_framed(unit, bytes((function | 0x80, 2 if function in (3, 4) else 1)))]
        return [
            _framed(unit, bytes((function, 2 * count)) + self._data(address, count, v))
            for v in range(VARIANTS if self._every else 1)
        ]

    def _data(self, address: int, count: int, variant: int) -> bytes:
        words = [1000 + variant if self._every and at % self._every == 0 else 500 + at for at in range(address, address + count)]
        return b"".join(word.to_bytes(2, "big") for word in words)


def _framed(unit: int, pdu: bytes) -> bytes:
    return b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu


class Connection(asyncio.Protocol):
    """One master. Requests are 12 bytes (reads); anything else is not expected here."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        for at in range(0, len(data) - 11, 12):
            self.asked(data[at : at + 2], data[at + 6 : at + 12])
        self._buffer = data[len(data) - len(data) % 12 :]

    def asked(self, transaction: bytes, question: bytes) -> None:
        answer = self._answers.answer(question)
        if answer is not None:
            self._transport.write(transaction + answer)


class Converter(Connection):
    """One master of a converter: a line behind it that carries one request at a time."""

    def __init__(self, answers: Answers, options: Options) -> None:
        super().__init__(answers)
        self._options = options
        self._queue: deque[tuple[bytes, bytes]] = deque()
        self._busy = False

    def asked(self, transaction: bytes, question: bytes) -> None:
        self._queue.append((transaction, question))
        self._next()

    def _next(self) -> None:
        if self._busy or not self._queue:
            return
        transaction, question = self._queue.popleft()
        answer = self._answers.answer(question)
        self._busy = True
        delay_s = self._options.silence_s if answer is None else self._options.line_s
        asyncio.get_running_loop().call_later(delay_s, self._done, transaction, answer)

    def _done(self, transaction: bytes, answer: bytes | None) -> None:
        self._busy = False
        if answer is not None and not self._transport.is_closing():
            self._transport.write(transaction + answer)
        self._next()


async def serve(options: Options) -> asyncio.Server:
    """Start listening on loopback."""
    answers = Answers(options)
    make = (lambda: Converter(answers, options)) if options.line_s else (lambda: Connection(answers))
    return await asyncio.get_running_loop().create_server(make, "127.0.0.1", options.port, backlog=4096)


@contextmanager
def spawned(*, dead: Sequence[int] = (), change: str = "all", line_s: float = 0.0, silence_s: float = 1.0) -> Iterator[int]:
    """The server in a process of its own; gives its port."""
    command = [
        sys.executable,
        "-m",
        "bench.modbus_server",
        "--change",
        change,
        "--line",
        str(line_s),
        "--silence",
        str(silence_s),
    ]
    if dead:
        command += ["--dead", ",".join(map(str, dead))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def _main(options: Options) -> None:
    server = await serve(options)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until killed; the first line printed is the port."""
    parser = argparse.ArgumentParser(prog="bench.modbus_server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dead", default="", help="silent units, e.g. 3,13")
    parser.add_argument("--change", choices=sorted(CHANGES), default="all")
    parser.add_argument("--line", type=float, default=0.0, help="serial line behind it: seconds a request takes")
    parser.add_argument("--silence", type=float, default=1.0, help="seconds that a dead unit blocks the line")
    given = parser.parse_args()
    dead = frozenset(int(unit) for unit in given.dead.split(",") if unit)
    uvloop.run(_main(Options(port=given.port, dead=dead, change=given.change, line_s=given.line, silence_s=given.silence)))


if __name__ == "__main__":
    main()
