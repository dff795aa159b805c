"""`python -m bench.hostile`: 100,000 hostile answers against the guard; not one wrong value may be believed.

Most go straight into the framing, in pieces as a stream brings them; some thousands through real sockets, where time and order
lie as well. The same requests through pymodbus show what the guard is for. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.hostile_server import Liar, truth_bytes
from bench.lies import RTU_LIES, SPACES, TCP_LIES, Question, pieces
from gateway.modbus.client import open_link
from gateway.modbus.frames import Request, read_request
from gateway.modbus.port import Block, LinkCounters
from gateway.modbus.rtu import RtuWire
from gateway.modbus.tcp import MbapWire
from lampwell.assets import Link, Transport
from lampwell.errors import ModbusError
from lampwell.profiles.model import Space

AT_ONCE = 500
PATIENCE_S = 0.03
RTU_CHOICE, TCP_CHOICE = list(RTU_LIES.items()), list(TCP_LIES.items())


@dataclass(slots=True)
class Tally:
    """By fault: how many, how many believed and true, how many believed and wrong."""

    sent: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def judge(self, fault: str, answer: bytes | None, truth: bytes) -> None:
        """Count one answer; None = refused."""
        self.sent[fault] += 1
        if answer is not None:
            (self.true if answer == truth else self.wrong)[fault] += 1


class Pipe:
    """In place of a transport: keeps what was written."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        pass


# -- straight into the framing -------------------------------------------------------------------------------------------------


async def framing(answers: int, seed: int = 1) -> Tally:
    """Hostile bytes fed to fresh wires, half of them on each framing."""
    rng, tally = Random(seed), Tally()
    while sum(tally.sent.values()) < answers:
        await _batch(rng, tally)
    return tally


async def _batch(rng: Random, tally: Tally) -> None:
    """Some hundred exchanges at once, so that the silence that ends an RTU frame is waited for only once."""
    asked = []
    for number in range(AT_ONCE):
        rtu = number % 2 == 0
        question, request = _question(rng)
        wire, pipe = _wire(rtu=rtu), Pipe()
        wire.connection_made(pipe)  # type: ignore[arg-type]
        answer = wire.ask(question.unit, request, 60.0)
        if not rtu:
            question = Question(question.unit, question.function, question.truth, int.from_bytes(pipe.sent[:2], "big"))
        fault, lie = rng.choice(RTU_CHOICE if rtu else TCP_CHOICE)
        for piece in pieces(fault, lie(question, rng), rng):
            if not wire.lost:
                wire.data_received(piece)
        asked.append((f"{'rtu' if rtu else 'tcp'} {fault}", question, wire, answer))
    for _ in range(2):  # a held frame's timer fires twice; after a stall of our own both may still be due
        await asyncio.sleep(0.015)
    for fault, question, wire, answer in asked:
        wire.close("judged")
        believed = answer.result() if answer.done() and answer.exception() is None else None
        tally.judge(fault, believed, question.truth)


def _question(rng: Random) -> tuple[Question, Request]:
    space = rng.choice(list(SPACES))
    count = rng.choice((1, 2, 8, 17, 40, 125))
    request = read_request(Block(space, rng.randrange(60000), count))
    return Question(rng.randint(1, 247), SPACES[space], rng.randbytes(request.size - 2)), request


def _wire(*, rtu: bool) -> MbapWire | RtuWire:
    if rtu:
        return RtuWire("hostile", LinkCounters(), quiet_s=0.0, hold_s=0.004, reopens=True)
    return MbapWire("hostile", LinkCounters())


# -- through sockets -----------------------------------------------------------------------------------------------------------


async def sockets(transport: Transport, answers: int, *, masters: int = 16, seed: int = 2) -> Tally:
    """Masters reading a liar, each on its own connection, giving up and connecting anew as the real owner does."""
    liar = Liar(rtu=transport is not Transport.TCP, seed=seed, patience_s=PATIENCE_S)
    tally = Tally()
    server = await liar.start()
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*(_master(transport, port, answers // masters, Random(seed + n), tally) for n in range(masters)))
    server.close()
    sent, wrong = sum(liar.counts.values()), sum(tally.wrong.values())
    tally.sent, tally.wrong = Counter({f"{transport} any": sent}), Counter({f"{transport} any": wrong})
    return tally


async def _master(transport: Transport, port: int, answers: int, rng: Random, tally: Tally) -> None:
    modbus = open_link(
        Link(id="x", edge="x", transport=transport, host="127.0.0.1", port=port, timeout_s=PATIENCE_S, baud=115200)
    )
    for _ in range(answers):
        unit, address, count = rng.randint(1, 5), rng.randrange(1000), rng.choice((1, 2, 2, 2, 20))
        try:
            await modbus.connect()
            answer = await modbus.read(unit, Block(Space.HOLDING, address, count))
        except ModbusError:
            continue
        tally.judge(f"{transport} any", answer, truth_bytes(unit, address, count))
    await modbus.close()


async def peer(answers: int, *, masters: int = 16, seed: int = 2) -> Tally:
    """The same liar and the same requests, through pymodbus as its documentation has it, on Modbus TCP."""
    from pymodbus.client import AsyncModbusTcpClient  # only here: it is a peer, not a part
    from pymodbus.exceptions import ModbusException

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)  # the peer lets exceptions out of data_received

    liar, tally = Liar(rtu=False, seed=seed, patience_s=PATIENCE_S), Tally()
    server = await liar.start()
    port = server.sockets[0].getsockname()[1]

    async def master(rng: Random) -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=PATIENCE_S, retries=0, reconnect_delay=0)
        for _ in range(answers // masters):
            unit, address, count = rng.randint(1, 5), rng.randrange(1000), rng.choice((1, 2, 2, 2, 20))
            try:
                if not client.connected:
                    await client.connect()
                found = await client.read_holding_registers(address, count=count, device_id=unit)
            except (ModbusException, OSError):
                client.close()
                continue
            if not found.isError():
                data = b"".join(word.to_bytes(2, "big") for word in getattr(found, "registers", []))
                tally.judge("pymodbus any", data, truth_bytes(unit, address, count))
        client.close()

    await asyncio.gather(*(master(Random(seed + n)) for n in range(masters)))
    server.close()
    tally.sent = Counter({"pymodbus any": sum(liar.counts.values())})
    return tally


# -- the table -----------------------------------------------------------------------------------------------------------------


async def _all(*, quick: bool) -> dict[str, Any]:
    began = time.perf_counter()
    ours = [
        await framing(20_000 if quick else 100_000),
        await sockets(Transport.TCP, 1_600 if quick else 10_000),
        await sockets(Transport.RTU_OVER_TCP, 800 if quick else 5_000),
    ]
    theirs = await peer(800 if quick else 5_000)
    print(f"{'fault':<40} {'answers':>8} {'true':>7} {'wrong':>6}")
    for tally in (*ours, theirs):
        for fault in sorted(tally.sent):
            print(f"{fault:<40} {tally.sent[fault]:>8} {tally.true[fault]:>7} {tally.wrong[fault]:>6}")
    answers, wrong = (sum(sum(getattr(t, name).values()) for t in ours) for name in ("sent", "wrong"))
    return {
        "answers": answers,
        "wrong": wrong,
        "peer_answers": sum(theirs.sent.values()),
        "peer_wrong": sum(theirs.wrong.values()),
        "seconds": round(time.perf_counter() - began, 1),
        "targets": {"wrong values believed": [wrong, 0, "<="]},
    }


def run(quick: bool) -> dict[str, Any]:
    """The figures; the table goes to the screen."""
    return asyncio.run(_all(quick=quick))


def main() -> int:
    """Exit code 1 if a wrong value was believed."""
    parser = argparse.ArgumentParser(prog="bench.hostile", description="Hostile Modbus answers: is a wrong value ever believed?")
    parser.add_argument("--quick", action="store_true")
    result = run(parser.parse_args().quick)
    print(json.dumps(result))
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
