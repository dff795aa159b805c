"""The Modbus ports of the virtual county: shifted together, and checked before anything starts.

The county's files give each link its own loopback port. Another program on one of them is told with port and link, because a
gateway that polls a stranger's server would store a stranger's numbers.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import replace

from lampwell.assets import County, Link, Transport
from lampwell.errors import LampwellError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PortsTaken(LampwellError):
    """Ports of the virtual county are in use; the message names each port and its link."""


def shifted(county: County, base: int) -> County:
    """The county with its TCP links on ``base``, ``base + 1``, ... in the order of their ports."""
    ports = sorted({link.port for link in _tcp(county)})
    moved = {port: base + step for step, port in enumerate(ports)}
    if moved and max(moved.values()) > 65535:
        raise PortsTaken(f"--port-base {base}: {len(moved)} ports do not fit below 65536")
    links = tuple(replace(link, port=moved[link.port]) if link.transport is not Transport.RTU else link for link in county.links)
    return replace(county, links=links)


def must_be_free(county: County) -> None:
    """Raise PortsTaken if any TCP link of the county cannot be served on this machine."""
    taken = [f"  port {link.port} (link {link.id}, {link.endpoint}): {reason}" for link, reason in _conflicts(county)]
    if taken:
        raise PortsTaken(
            "the virtual county cannot serve its links:\n" + "\n".join(taken) + "\nshift them all with --port-base N"
        )


def _tcp(county: County) -> Iterator[Link]:
    return (link for link in county.links if link.transport is not Transport.RTU)


def _conflicts(county: County) -> Iterator[tuple[Link, str]]:
    seen = set()
    for link in _tcp(county):
        if (link.host, link.port) not in seen and (reason := _unusable(link.host, link.port)):
            yield link, reason
        seen.add((link.host, link.port))


def _unusable(host: str, port: int) -> str:
    """Why this address cannot be listened on, or ""."""
    if host not in LOOPBACK:
        return "not an address of this machine alone; the virtual county is served on loopback"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return "in use by another program" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
    return ""
