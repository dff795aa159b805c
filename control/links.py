"""The page to acknowledge on, served, and the links that lead to it."""

from __future__ import annotations

import logging
import socket
from contextlib import nullcontext

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection

from control.messages import acklink
from control.messages.reach import Reach
from control.messages.sender import Links
from lampwell.errors import LampwellError

log = logging.getLogger(__name__)

__all__ = ["CanNotListen", "LinkServer", "linker"]


class CanNotListen(LampwellError):
    """The page's address is taken, or not this machine's."""


class LinkServer:
    """Listens from the start, so that its address is known before anyone is sent there; serves while ``run`` runs.

    CanNotListen where the address is taken, or not this machine's.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            raise CanNotListen(f"channels.toml: links.listen: {host}:{port}: {error.strerror}") from error
        self._host = host
        self._server: uvicorn.Server | None = None

    @property
    def address(self) -> str:
        """Where this machine reaches it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._socket.getsockname()[1]}"

    async def run(self, app: FastAPI) -> None:
        """Serve until ``stop``. No access log: the addresses are secrets."""
        config = uvicorn.Config(
            app, access_log=False, log_config=None, lifespan="off", server_header=False, timeout_graceful_shutdown=2
        )
        self._server = server = uvicorn.Server(config)
        server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]  # they are the service's own affair
        await server.serve(sockets=[self._socket])

    async def stop(self) -> None:
        """End ``run``, what is being answered first; and listen no more."""
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """Listen no more, where it never ran."""
        self._socket.close()


def linker(reach: Reach, served_at: str, secret: bytes) -> Links | None:
    """Makes links; None where no phone could follow them."""
    base = reach.base or served_at
    if not base:
        return None

    def link(connection: Connection, number: int, person: str, now: int) -> str:
        return f"{base}/a/{acklink.make(connection, secret, number, person, now)}"

    return link
