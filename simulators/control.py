"""Live control of a running simulation: one JSON object a line over a Unix socket that only its owner may open."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lampwell.errors import LampwellError

SOCKET_NAME = "sim.sock"
_LONGEST_PATH = 107  # of a Unix socket on Linux
_LONGEST_LINE = 1 << 16
_ANSWER_S = 5.0

Handle = Callable[[Mapping[str, Any]], object]
"""Carries out a request and returns what is to be told; raises LampwellError or ValueError with the reason for a refusal."""


class NoSimulation(LampwellError):
    """Nobody answers on the control socket, or it can not be opened; the message says where and what to do."""


class ControlSocket:
    """The serving end. Answers ``{"ok": true, "result": ...}`` or ``{"ok": false, "error": "..."}``."""

    def __init__(self, path: Path, handle: Handle) -> None:
        self._path = path
        self._handle = handle
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the socket, mode 0600. NoSimulation when another simulation lives in this folder."""
        _check_length(self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if _is_alive(self._path):
            raise NoSimulation(
                f"{self._path}: another simulation is running in this folder; end it, or choose another with --data"
            )
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._talk, sock=_private_socket(self._path), limit=_LONGEST_LINE)

    async def close(self) -> None:
        """Close and take the socket away."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):  # a client that left or talks nonsense
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        writer.close()

    def _answer(self, line: bytes) -> Mapping[str, object]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                return {"ok": False, "error": "a request is a JSON object"}
            return {"ok": True, "result": self._handle(request)}
        except (LampwellError, ValueError) as error:
            return {"ok": False, "error": str(error)}


def ask(path: Path, request: Mapping[str, object]) -> Any:
    """Send one request and return its result. ValueError with the simulation's reason when it refuses; NoSimulation when
    nobody answers there.
    """
    _check_length(path)
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_ANSWER_S)
        try:
            line.connect(str(path))
            line.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(line.makefile("rb").readline())
        except (OSError, ValueError) as error:
            raise NoSimulation(
                f"{path}: no simulation answers there ({error}); is one running? --data names its folder"
            ) from error
    if not answer["ok"]:
        raise ValueError(answer["error"])
    return answer["result"]


def _check_length(path: Path) -> None:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise NoSimulation(f"{path}: a Unix socket's path may have {_LONGEST_PATH} bytes; choose a shorter folder with --data")


def _private_socket(path: Path) -> socket.socket:
    """Bound with the mode it will have: nobody else can slip in between."""
    server = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        server.bind(str(path))
    finally:
        os.umask(mask)
    return server


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_ANSWER_S)
        try:
            line.connect(str(path))
        except OSError:
            return False
        return True
