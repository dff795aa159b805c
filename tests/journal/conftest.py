"""A journal in a temporary folder, and scans to put into it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.journal import Journal
from lampwell.clock import VirtualClock
from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan

NODE = NodeId("old-town", "edge-1")
WELL = Layout(NODE, "well-01", (Point(path="level"), Point(path="status", kind=Kind.INT), Point(path="name", kind=Kind.TEXT)))


@pytest.fixture
def machine() -> VirtualClock:
    """The machine's clock, moved by the test."""
    return VirtualClock()


@pytest.fixture
def scan() -> Callable[[int], Scan]:
    """The n-th scan of a well."""
    return lambda n: Scan(WELL, 1_780_000_000_000 + n, (0, 1, 2), (n / 10, n, f"no. {n}"), (0, 0, 0))


@pytest.fixture
def open_journal(tmp_path: Path, machine: VirtualClock) -> Callable[..., Journal]:
    """Open the one journal of this test, again and again if wanted."""
    return lambda limit_mb=10.0: Journal.open(tmp_path / "journal.db", limit_mb=limit_mb, now_ms=1, machine=machine)
