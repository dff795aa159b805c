"""A modem as 3GPP TS 27.005 describes it, on a pseudo terminal, and the phones that its messages reach.

Written from the standards, apart from the code under test.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import tty
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """A decoded SMS-SUBMIT. ``header``: reference, count, number; None for a message of its own."""

    number: str
    data: bytes
    header: tuple[int, int, int] | None
    octets: int


def decoded(text: str) -> Part:
    """TS 23.040, 9.2.2.2: octet by octet."""
    raw = bytes.fromhex(text)
    assert raw[0] == 0, "no service centre of its own"
    first, digits, kind = raw[1], raw[3], raw[4]
    assert first & 0x03 == 0x01, "SMS-SUBMIT"
    assert first & 0x18 == 0x10, "relative validity"
    address = raw[5 : 5 + (digits + 1) // 2]
    number = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in address)[:digits]
    protocol, coding, _, length = rest = raw[5 + len(address) : 9 + len(address)]
    assert (protocol, coding, len(rest)) == (0, 8, 4), "UCS2"
    data = raw[9 + len(address) :]
    assert len(data) == length
    header = None
    if first & 0x40:
        assert data[:3] == bytes((5, 0, 3)), "concatenation with an octet as reference"
        header = (data[3], data[4], data[5])
        data = data[6:]
    return Part(("+" if kind == 0x91 else "") + number, data, header, length)


@dataclass
class Phone:
    """Puts parts together."""

    _single: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _parts: dict[tuple[str, int, int], dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))

    def take(self, part: Part) -> None:
        if part.header is None:
            self._single[part.number].append(part.data.decode("utf-16-be"))
        else:
            reference, count, n = part.header
            self._parts[part.number, reference, count][n] = part.data

    def read(self, number: str) -> list[str]:
        """Whole messages."""
        whole = [
            b"".join(parts[n] for n in range(1, count + 1)).decode("utf-16-be")
            for (whose, _, count), parts in self._parts.items()
            if whose == number and len(parts) == count
        ]
        return self._single[number] + whole

    def torn(self) -> int:
        """Messages of which parts are missing."""
        return sum(len(parts) < count for (_, _, count), parts in self._parts.items())


@dataclass
class GsmModem:
    """What it answers can be changed by command (``answers``); ``prompts``: whether it ever shows the prompt; ``results``: what a
    handed-over unit is answered, one after the other, then the good answer. ``noise`` comes before every answer.
    """

    path: str
    answers: dict[str, str] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    prompts: bool = True
    prompt_after: int = 0
    noise: bytes = b""
    silent: bool = False
    phone: Phone = field(default_factory=Phone)
    heard: list[str] = field(default_factory=list)
    _fd: int = -1
    _echo: bool = True
    _pending: bytes = b""
    _in_text: bool = False
    _length: int = 0
    _reference: int = 0

    def receive(self) -> None:
        self._pending += os.read(self._fd, 4096)
        while (end := re.search(rb"[\x1a\x1b]" if self._in_text else rb"[\r\x1b]", self._pending)) is not None:
            text, mark = self._pending[: end.start()], self._pending[end.start() : end.end()]
            self._pending = self._pending[end.end() :]
            self._escaped() if mark == b"\x1b" else self._unit(text) if self._in_text else self._command(text)

    def _escaped(self) -> None:
        if self._in_text:
            self._in_text = False
            self.heard.append("ESC")
            self._say("OK")

    def _command(self, raw: bytes) -> None:
        command = raw.decode("ascii").strip()
        if self._echo:
            os.write(self._fd, raw + b"\r")
        if self.silent or not command:
            return
        self.heard.append(command)
        name = command.partition("=")[0] if command.startswith("AT+CMGS") else command
        if name in self.answers:
            self._say(*self.answers[name].split("\n"))
        elif name == "AT+CMGS":
            self._length, self._in_text = int(command.partition("=")[2]), True
            if self.prompts:
                asyncio.get_running_loop().call_later(self.prompt_after / 1000, os.write, self._fd, self.noise + b"\r\n> ")
        else:
            self._echo = self._echo and command != "ATE0"
            known = {"AT+CPIN?": "+CPIN: READY", "AT+CREG?": "+CREG: 0,1", "AT+CEREG?": "+CEREG: 0,0"}
            self._say(*([known[command], "OK"] if command in known else ["OK"]))

    def _unit(self, text: bytes) -> None:
        self._in_text = False
        result = self.results.pop(0) if self.results else ""
        if result == "nothing":
            return
        if result:
            self._say(*result.split("\n"))
            return
        assert len(text) // 2 - 1 == self._length, "as AT+CMGS announced"
        self.phone.take(decoded(text.decode("ascii")))
        self._reference += 1
        self._say(f"+CMGS: {self._reference}", "OK")

    def _say(self, *lines: str) -> None:
        os.write(self._fd, self.noise + b"".join(b"\r\n" + line.encode() + b"\r\n" for line in lines))


@contextlib.contextmanager
def gsm_modem() -> Iterator[GsmModem]:
    """A modem on a pseudo terminal; its ``path`` is the serial port."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    modem = GsmModem(os.ttyname(slave), _fd=master)
    loop = asyncio.get_running_loop()
    loop.add_reader(master, modem.receive)
    try:
        yield modem
    finally:
        loop.remove_reader(master)
        os.close(slave)
        with contextlib.suppress(OSError):
            os.close(master)
