"""What the hydraulics process and its parent say to each other: msgpack arrays behind a 4-byte big-endian length. SI units."""

from __future__ import annotations

import msgspec


class Open(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """Open a rewritten ``.inp`` in ``folder`` and start; ``hotstart`` is a state to begin from, or ""."""

    inp: str
    folder: str
    length: float  # metres per length unit of the file
    flow: float  # m3/s per flow unit of the file
    hotstart: str = ""
    inflow_nodes: tuple[str, ...] = ()  # where rain enters a file that has no subcatchments


class Step(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """Move on by whole seconds with these in force: pairs of index and value, only what changed.

    ``rain`` mm/h by gage, ``pumps`` setting 0..1 by link, ``limits`` m3/s by link (0 = none), ``stages`` m by node,
    ``inflow`` m3/s into each of the nodes named when opening (-1 = leave it).
    """

    seconds: int
    rain: tuple[tuple[int, float], ...] = ()
    pumps: tuple[tuple[int, float], ...] = ()
    limits: tuple[tuple[int, float], ...] = ()
    stages: tuple[tuple[int, float], ...] = ()
    inflow: float = -1.0
    save: str = ""


class Opened(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """The model runs; the order of ids is the order of every list to come; ``depths`` is ground above invert by node."""

    nodes: tuple[str, ...]
    links: tuple[str, ...]
    gages: tuple[str, ...]
    depths: tuple[float, ...]
    version: str


class State(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """After a step: m above invert and m3/s lost or ponding by node, m3/s by link."""

    depth: tuple[float, ...]
    flooding: tuple[float, ...]
    flow: tuple[float, ...]


class Totals(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """Ask for, and be told, the balance since the start: m3 in (rain, sewage, the file's own inflows), out and flooded, and
    SWMM's continuity error in percent.
    """

    inflow: float = 0.0
    outflow: float = 0.0
    flooded: float = 0.0
    error: float = 0.0


class Failed(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """SWMM said no; ``reason`` is its own text."""

    reason: str


Request = Open | Step | Totals
Answer = Opened | State | Totals | Failed
