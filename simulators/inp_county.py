"""A county made from nothing but a SWMM network: stations at its pumps, sensors at its junctions, two rain gauges."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lampwell.errors import ConfigError, Problem
from simulators.drawing import portable
from simulators.inp import read_inp
from simulators.network import Network, Node
from simulators.sites import candidates

MARK = "# Made by lampwell from the network "
WELLS, PONDINGS, GAUGES = 40, 6, 2
FIRST_PORT = 15120
PER_LINK = 20
CENTRE = (26.79, 114.90)
"""Where the network is laid on the map, for an .inp file does not say where it is."""
METRES_PER_DEGREE = 111_320.0
NETWORK_FILE = "network.inp"
Row = Mapping[str, object]


def county_from_inp(inp: Path, folder: Path) -> Path:
    """Write a county folder for a network file and return it; one made earlier is written anew.

    Raises ConfigError where the file is no network or has nothing to measure, or the folder holds a county of its own.
    """
    network = read_inp(inp)
    _check_ours(folder)
    stations, wells, pondings = _places(network)
    if not stations and not wells:
        raise ConfigError([Problem(str(inp), "", "has no pump and no junction to put a sensor at")])
    devices = [
        *(_station(network, n, node) for n, node in enumerate(stations, start=1)),
        *_sensors(network, "well", wells),
        *_sensors(network, "ponding", pondings),
        *_gauges(network),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "county.toml").write_text(_county_toml(inp), "utf-8")
    (folder / "defaults.toml").write_text(DEFAULTS, "utf-8")
    tags = _tags(devices, [*stations, *wells, *pondings])
    (folder / NETWORK_FILE).write_text(portable(network, tags), "utf-8")
    _write_csv(folder / "devices.csv", devices)
    _write_csv(folder / "links.csv", _links(devices))
    return folder


def _check_ours(folder: Path) -> None:
    file = folder / "county.toml"
    if file.exists() and not file.read_text("utf-8", "replace").startswith(MARK):
        raise ConfigError([Problem(str(file), "", "is a county of its own; a network's county would overwrite it")])


def _places(network: Network) -> tuple[list[Node], list[Node], list[Node]]:
    found = candidates(network, set())
    wells = [n for n in found.wells if n.depth >= 0.6]
    return found.stations, wells[:WELLS], [n for n in found.pondings if n.depth >= 0.6][:PONDINGS]


def _station(network: Network, number: int, node: Node) -> Row:
    depth = min(30.0, max(1.0, round(node.depth, 2)))
    pumps = len(network.stations[node.id])
    return {
        "id": f"station-{number}", "kind": "station", "link": f"st-{number}", "unit": 1,
        **_named(network, node, "泵站", "pump station"),
        **_levels(depth, (0.39, 0.52, 0.68, 0.84)), "modes.level.watch": round(0.33 * depth, 2),
        "modes.level.storm": round(0.45 * depth, 2), "parameters.depth_m": depth, "parameters.pumps": min(3, pumps),
    }  # fmt: skip


def _sensors(network: Network, kind: str, nodes: Sequence[Node]) -> list[Row]:
    rows: list[Row] = []
    for k, node in enumerate(nodes):
        profile = ("radar-level", "ultrasonic-level")[k % 2]
        row: dict[str, object] = {
            "id": f"{kind}-{k + 1:02d}" if kind == "well" else f"{kind}-{k + 1}", "kind": kind, "profile": profile,
            "link": f"{kind}s-{k // PER_LINK + 1}", "unit": k % PER_LINK + 1,
        }  # fmt: skip
        if kind == "well":
            row |= _named(network, node, "井", "well")
            row |= _levels(node.depth, (0.4, 0.6, 0.8, 0.95))
            row |= {"modes.level.watch": round(0.3 * node.depth, 2), "modes.level.storm": round(0.5 * node.depth, 2)}
            row["parameters.mount_m"] = min(30.0, round(node.depth - 0.1, 2))
        else:
            row |= _named(network, node, "路面积水", "street")
            row["parameters.mount_m"] = 3.5
        rows.append(row)
    return rows


def _gauges(network: Network) -> list[Row]:
    rain: list[Row] = [
        {"id": f"rain-{n}", "kind": "rain", "link": "rain", "unit": n, "zh": f"雨量站{n}", "en": f"Rain gauge {n}",
         "latitude": CENTRE[0], "longitude": round(CENTRE[1] + 0.01 * (n - 1), 6)}
        for n in range(1, GAUGES + 1)
    ]  # fmt: skip
    if not network.fixed_stages:
        return rain
    zero = min(network.fixed_stages.values()) - 5
    river = {"id": "river-1", "kind": "river", "link": "rain", "unit": GAUGES + 1, "zh": "河道水位站", "en": "River gauge"}
    return [*rain, river | {"datum.invert": round(zero, 3)}]


def _tags(devices: Sequence[Row], nodes: Sequence[Node]) -> dict[str, str]:
    """What stands at each node; the devices come in the order of the nodes, the gauges after them."""
    tags: dict[str, list[str]] = {}
    for device, node in zip(devices, nodes, strict=False):
        tags.setdefault(node.id, []).append(str(device["id"]))
    return {node: ",".join(ids) for node, ids in tags.items()}


def _named(network: Network, node: Node, zh: str, en: str) -> dict[str, object]:
    latitude, longitude = _on_map(network, node)
    return {
        "zh": f"{node.id} {zh}", "en": f"{node.id}: {en}", "latitude": latitude, "longitude": longitude,
        "datum.ground": round(node.ground, 3), "datum.invert": round(node.invert, 3),
    }  # fmt: skip


def _on_map(network: Network, node: Node) -> tuple[float, float]:
    """The file's coordinates taken as metres round the centre; a network without them, or in degrees, is one point."""
    places = [n.place for n in network.nodes.values() if n.place]
    if node.place is None or not places:
        return CENTRE
    x0, y0 = (sum(axis) / len(places) for axis in zip(*places, strict=True))
    north, east = (node.place[1] - y0) / METRES_PER_DEGREE, (node.place[0] - x0) / METRES_PER_DEGREE
    east /= math.cos(math.radians(CENTRE[0]))
    if max(abs(north), abs(east)) > 1:
        return CENTRE
    return round(CENTRE[0] + north, 6), round(CENTRE[1] + east, 6)


def _levels(depth: float, shares: Sequence[float]) -> dict[str, object]:
    names = ("blue", "yellow", "orange", "red")
    return {f"levels.{name}": round(share * depth, 3) for name, share in zip(names, shares, strict=True)}


def _links(devices: Sequence[Row]) -> list[Row]:
    names = list(dict.fromkeys(str(d["link"]) for d in devices))
    return [
        {"id": name, "edge": "edge-1", "transport": "tcp", "host": "127.0.0.1", "port": FIRST_PORT + k, "timeout_s": 1}
        for k, name in enumerate(names)
    ]


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _county_toml(inp: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", inp.stem).strip("-._")[:60] or "network"
    label = inp.stem.replace("\\", "").replace('"', "")[:100]
    return f"""{MARK}{inp.name}. Written anew each time.

id = "{name}"
zh = "{label}"
en = "{label}"
latitude = {CENTRE[0]}
longitude = {CENTRE[1]}
time_zone = "Asia/Shanghai"

[broker]
host = "127.0.0.1"
port = 1883

[[area]]
id = "town"
zh = "城区"
en = "Town"

[[edge]]
id = "edge-1"
area = "town"
zh = "网关"
en = "Gateway"
"""


DEFAULTS = """# What the devices of one kind have in common.

[station]
profile = "station"
intervals = { dry_s = 5, watch_s = 3, storm_s = 2, slow_s = 30 }

[well]
intervals = { dry_s = 10, watch_s = 7, storm_s = 5, slow_s = 60 }

[ponding]
intervals = { dry_s = 10, watch_s = 7, storm_s = 5, slow_s = 60 }
modes = { level = { watch = 0.03, storm = 0.10 } }
levels = { blue = 0.05, yellow = 0.15, orange = 0.25, red = 0.40 }
parameters = { rate_suspect = 0.10, rate_bad = 0.25, spike_m = 0.05, flat_s = 0, deadband_m = 0.002 }

[rain]
profile = "rain-gauge"
intervals = { dry_s = 10, watch_s = 5, storm_s = 5, slow_s = 60 }
modes = { rain_10min = { watch = 0.2, storm = 5.0 } }

[river]
profile = "river-gauge"
intervals = { dry_s = 10, watch_s = 10, storm_s = 5, slow_s = 60 }
"""
