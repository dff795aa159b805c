"""A SWMM ``.inp`` file as a drainage network, in metres and m3/s whatever its units. SWMM remains the judge of the file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lampwell.errors import ConfigError, Problem
from simulators.network import FLOW_UNITS, FOOT, US_UNITS, Conduit, Network, Node, Pump


def read_inp(path: Path) -> Network:
    """Read a file. Raises ConfigError with file, line and reason where it makes no sense even before SWMM sees it."""
    try:
        text = _decode(path.read_bytes())
    except OSError as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from error
    sections = _sections(text)
    if not sections.keys() & {"JUNCTIONS", "STORAGE"}:
        raise ConfigError([Problem(str(path), "", "is no SWMM network: it has no [JUNCTIONS] and no [STORAGE]")])
    return _Reader(path, sections).network()


def _decode(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


SECTIONS = (
    "TITLE", "OPTIONS", "REPORT", "FILES", "RAINGAGES", "EVAPORATION", "TEMPERATURE", "SUBCATCHMENTS", "SUBAREAS",
    "INFILTRATION", "AQUIFERS", "GROUNDWATER", "GWF", "SNOWPACKS", "JUNCTIONS", "OUTFALLS", "DIVIDERS", "STORAGE", "CONDUITS",
    "PUMPS", "ORIFICES", "WEIRS", "OUTLETS", "XSECTIONS", "TRANSECTS", "LOSSES", "CONTROLS", "POLLUTANTS", "LANDUSES",
    "COVERAGES", "BUILDUP", "WASHOFF", "TREATMENT", "INFLOWS", "DWF", "RDII", "HYDROGRAPHS", "LOADINGS", "CURVES", "TIMESERIES",
    "PATTERNS", "LID_CONTROLS", "LID_USAGE", "ADJUSTMENTS", "EVENTS", "STREETS", "INLETS", "INLET_USAGE", "MAP", "POLYGONS",
    "COORDINATES", "VERTICES", "LABELS", "SYMBOLS", "BACKDROP", "TAGS", "PROFILES",
)  # fmt: skip


def _section_name(header: str) -> str:
    """SWMM takes any unambiguous beginning of a section's name, in any case."""
    name = header.strip().strip("[]").upper()
    return next((known for known in SECTIONS if known == name), None) or next(
        (known for known in SECTIONS if known.startswith(name[:4]) and name[:4]), name
    )


def _sections(text: str) -> dict[str, tuple[str, ...]]:
    """Lines by section; each line keeps its number in front, so that messages can name it."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            current = found.setdefault(_section_name(line.split("]")[0]), [])
        elif current is not None:
            current.append(f"{number}\t{line}")
    return {name: tuple(lines) for name, lines in found.items()}


def rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every line that says something."""
    for line in lines:
        number, _, content = line.partition("\t")
        fields = re.findall(r'"[^"]*"|\S+', content.split(";")[0])
        if fields:
            yield int(number), [f.strip('"') for f in fields]


class _Reader:
    """Reads the tables of one file, in metres."""

    def __init__(self, path: Path, sections: Mapping[str, tuple[str, ...]]) -> None:
        self.path, self.sections = path, sections
        options = {f[0].upper(): f[1].upper() for _, f in self._rows("OPTIONS") if len(f) > 1}
        self.flow_units = options.get("FLOW_UNITS", "CFS")
        if self.flow_units not in FLOW_UNITS:
            raise self._error(0, f"FLOW_UNITS {self.flow_units}: must be one of {', '.join(FLOW_UNITS)}")
        self.length = FOOT if self.flow_units in US_UNITS else 1.0

    def network(self) -> Network:
        nodes = self._nodes()
        conduits = self._conduits(nodes)
        nodes = {key: _with_depth(node, conduits.values()) for key, node in nodes.items()}
        return Network(
            path=self.path,
            flow_units=self.flow_units,
            sections=self.sections,
            nodes=nodes,
            conduits=conduits,
            pumps=self._pumps(),
            gages=tuple(f[0] for _, f in self._rows("RAINGAGES")),
            has_subcatchments=any(self._rows("SUBCATCHMENTS")),
            fixed_stages=self._fixed_stages(),
            tags={f[1]: f[2] for _, f in self._rows("TAGS") if len(f) > 2 and f[0].upper() == "NODE"},
        )

    def _rows(self, section: str) -> Iterator[tuple[int, list[str]]]:
        return rows(self.sections.get(section, ()))

    def _error(self, line: int, reason: str) -> ConfigError:
        return ConfigError([Problem(str(self.path), f"line {line}" if line else "", reason)])

    def _number(self, line: int, fields: list[str], index: int, default: float | None = None) -> float:
        if index >= len(fields) and default is not None:
            return default
        try:
            return float(fields[index])
        except IndexError:
            raise self._error(line, f"{fields[0]}: wants at least {index + 1} fields, has {len(fields)}") from None
        except ValueError:
            if fields[index] == "*":
                return default or 0.0
            raise self._error(line, f"{fields[0]}: {fields[index]!r} is not a number") from None

    def _nodes(self) -> dict[str, Node]:
        places = {f[0]: (float(f[1]), float(f[2])) for _, f in self._rows("COORDINATES") if len(f) > 2}
        depth_at = {"JUNCTIONS": 2, "STORAGE": 2, "DIVIDERS": None, "OUTFALLS": None}
        nodes: dict[str, Node] = {}
        for section, column in depth_at.items():
            for line, fields in self._rows(section):
                depth = 0.0 if column is None else self._number(line, fields, column, 0.0)
                invert = self._number(line, fields, 1)
                nodes[fields[0]] = Node(
                    id=fields[0],
                    kind=section.rstrip("S").lower(),
                    invert=invert * self.length,
                    depth=depth * self.length,
                    place=places.get(fields[0]),
                )
        return nodes

    def _conduits(self, nodes: Mapping[str, Node]) -> dict[str, Conduit]:
        heights = {f[0]: f[2] for _, f in self._rows("XSECTIONS") if len(f) > 2}
        found: dict[str, Conduit] = {}
        for line, fields in self._rows("CONDUITS"):
            if len(fields) < 5:
                raise self._error(line, f"{fields[0]}: wants two nodes, a length and a roughness")
            try:
                height = float(heights.get(fields[0], 0)) * self.length
            except ValueError:  # an irregular section names its transect there
                height = 0.0
            length, rough = self._number(line, fields, 3) * self.length, self._number(line, fields, 4)
            fall = _invert(nodes, fields[1]) - _invert(nodes, fields[2])
            full = _manning(height or 1.0, rough, fall / length if length > 0 else 0.0)
            found[fields[0]] = Conduit(id=fields[0], inlet=fields[1], outlet=fields[2], height=height, full=full)
        return found

    def _pumps(self) -> dict[str, Pump]:
        flows = self._curve_tops()
        found: dict[str, Pump] = {}
        for line, fields in self._rows("PUMPS"):
            if len(fields) < 3:
                raise self._error(line, f"pump {fields[0]}: wants two nodes")
            found[fields[0]] = Pump(
                id=fields[0],
                inlet=fields[1],
                outlet=fields[2],
                start=self._number(line, fields, 5, 0.0) * self.length,
                stop=self._number(line, fields, 6, 0.0) * self.length,
                flow=flows.get(fields[3] if len(fields) > 3 else "*", 0.0),
            )
        return found

    def _curve_tops(self) -> dict[str, float]:
        """The largest flow on each pump curve, m3/s."""
        tops: dict[str, float] = {}
        pump_curves: set[str] = set()
        for line, fields in self._rows("CURVES"):
            values = fields[1:]
            if values and values[0].upper().startswith("PUMP"):
                pump_curves.add(fields[0])
                values = values[1:]
            if fields[0] in pump_curves:
                for k in range(1, len(values), 2):
                    flow = self._number(line, [fields[0], *values], k + 1) * FLOW_UNITS[self.flow_units]
                    tops[fields[0]] = max(tops.get(fields[0], 0.0), flow)
        return tops

    def _fixed_stages(self) -> dict[str, float]:
        """Outfalls whose water level the file fixes: the ones a river can be laid on."""
        found = {}
        for line, fields in self._rows("OUTFALLS"):
            if len(fields) > 2 and fields[2].upper() == "FIXED":
                found[fields[0]] = self._number(line, fields, 3) * self.length
        return found


def _with_depth(node: Node, conduits: Iterable[Conduit]) -> Node:
    """A junction of depth 0 reaches to the crown of its highest pipe, as SWMM takes it (offsets are not looked at)."""
    if node.kind != "junction" or node.depth > 0:
        return node
    return replace(node, depth=max((c.height for c in conduits if node.id in (c.inlet, c.outlet)), default=0.0))


def _invert(nodes: Mapping[str, Node], node: str) -> float:
    return nodes[node].invert if node in nodes else 0.0


def _manning(diameter: float, roughness: float, slope: float) -> float:
    """A full circular pipe, m3/s; a slope under 0.05 % counts as that."""
    return float(math.pi / 4 ** (5 / 3) / max(roughness, 1e-3) * diameter ** (8 / 3) * max(slope, 5e-4) ** 0.5)
