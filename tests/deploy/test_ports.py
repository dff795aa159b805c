"""Ports of the virtual county: conflicts are told by port and link, and all can be shifted together."""

import socket
from pathlib import Path

import pytest

from deploy.ports import PortsTaken, must_be_free, shifted
from lampwell.assets import Link, Transport

from .conftest import free_port, make_county


def test_conflict_names_port_and_link(tmp_path: Path) -> None:
    """A newcomer with another Modbus server on the port must read which port, which link and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        links = (Link(id="east", edge="edge-1", transport=Transport.TCP, host="127.0.0.1", port=port),)
        with pytest.raises(PortsTaken, match=rf"port {port} \(link east.*in use.*\n.*--port-base"):
            must_be_free(make_county(tmp_path, links=links))


def test_free_ports_pass(tmp_path: Path) -> None:
    """A port that closed a moment ago (TIME_WAIT) is no conflict, or a quick restart would be refused."""
    links = (Link(id="east", edge="edge-1", transport=Transport.TCP, host="127.0.0.1", port=free_port()),)
    must_be_free(make_county(tmp_path, links=links))


def test_an_address_of_the_field_is_refused(tmp_path: Path) -> None:
    """The demo of a real county must not listen on, or poll, the addresses of real devices."""
    links = (Link(id="east", edge="edge-1", transport=Transport.TCP, host="192.0.2.7", port=502),)
    with pytest.raises(PortsTaken, match=r"192\.0\.2\.7"):
        must_be_free(make_county(tmp_path, links=links))


def test_shift_keeps_shared_ports_shared_and_serial_lines_alone(tmp_path: Path) -> None:
    """Links are moved in the order of their ports; a serial link has none."""
    moved = shifted(make_county(tmp_path), 20000)
    assert [link.port for link in moved.links] == [20000, 20001, 0]


def test_shift_beyond_the_last_port_is_refused(tmp_path: Path) -> None:
    """Never clamped in silence."""
    with pytest.raises(PortsTaken, match="65536"):
        shifted(make_county(tmp_path), 65535)
