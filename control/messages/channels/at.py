"""Talking to a modem by AT commands (3GPP TS 27.007, 27.005): one command at a time, on the event loop, over an open port.

A modem speaks unasked (RING, +CMTI, vendors' own lines), may echo, and may still owe an answer from before. So lines that belong
to nothing are passed over, and a query is over only when its own line has come.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Protocol

ESCAPE, CTRL_Z = b"\x1b", b"\x1a"
_MAX_BUFFER = 65_536


class Port(Protocol):
    """An open serial port."""

    def fileno(self) -> int: ...

    def write(self, data: bytes, /) -> int | None: ...

    def close(self) -> None: ...


class Refused(Exception):
    """The modem said no: ``kind`` is CMS, CME or "" for a plain ERROR, ``number`` its reason (-1 without one)."""

    def __init__(self, kind: str, number: int) -> None:
        super().__init__(f"{kind or 'ERROR'} {number}")
        self.kind, self.number = kind, number


class Dialogue:
    """Commands and their answers; the port is closed with it."""

    def __init__(self, port: Port) -> None:
        self._port, self._fd = port, port.fileno()
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._lost = False
        self._loop.add_reader(self._fd, self._receive)

    def close(self) -> None:
        """Stop listening and close the port."""
        self._loop.remove_reader(self._fd)
        with contextlib.suppress(OSError):
            self._port.close()

    async def wake(self) -> None:
        """Leave a prompt that may be open from before, and wait until the modem answers."""
        self.write(ESCAPE + b"\r")
        for _ in range(3):
            with contextlib.suppress(Refused):
                return await self.order("AT")
        raise Refused("", -1)

    async def order(self, command: str) -> None:
        """A command that answers OK; Refused otherwise."""
        self._start(command)
        while await self._line() != "OK":
            pass

    async def query(self, command: str, prefix: str) -> str:
        """A command that answers ``prefix`` and a value, then OK; the value."""
        self._start(command)
        return await self.value(prefix)

    async def prompt(self, command: str) -> None:
        """A command that asks for more by ``>``."""
        self._start(command)
        while await self._line(prompt=True) != ">":
            pass

    async def value(self, prefix: str) -> str:
        """Wait for ``prefix`` and its value, then OK. Of several the last one: a modem tells of its network unasked, too."""
        found = ""
        while (line := await self._line()) != "OK" or not found:
            found = line if line.startswith(prefix) else found
        return found.removeprefix(prefix).strip()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._port.write(data)

    def _start(self, command: str) -> None:
        self._buffer.clear()
        self.write(command.encode("ascii") + b"\r")

    async def _line(self, *, prompt: bool = False) -> str:
        """The next line with something in it; Refused where it is an error, OSError where the port is gone."""
        while True:
            if prompt and self._buffer.lstrip(b"\r\n \0").startswith(b">"):
                self._buffer.clear()
                return ">"
            raw, end, rest = self._buffer.partition(b"\n")
            if end:
                self._buffer = bytearray(rest)
                if line := raw.decode("ascii", "ignore").strip("\r\0 "):
                    return _checked(line)
                continue
            if self._lost:
                raise OSError("the port is gone")
            self._news.clear()
            await self._news.wait()

    def _receive(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost = True
            self._loop.remove_reader(self._fd)
        self._buffer += data
        del self._buffer[:-_MAX_BUFFER]
        self._news.set()


def _checked(line: str) -> str:
    if line == "ERROR":
        raise Refused("", -1)
    for kind in ("CMS", "CME"):
        if line.startswith(f"+{kind} ERROR:"):
            number = line.rpartition(":")[2].strip()
            raise Refused(kind, int(number) if number.isdigit() else -1)
    return line
