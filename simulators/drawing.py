"""Rewriting an ``.inp`` file for a run that the simulator drives: its rain, its pumps, its length in time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from simulators.inp import rows
from simulators.network import Network

DRY = "lampwell_dry"
DATE = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}")
YEARS = 20


def runnable(network: Network, start: datetime, driven: Collection[str]) -> str:
    """The text to give to SWMM.

    Rain gages take their rain from the simulator; the pumps in ``driven`` start only when told (their own start depths and the
    control rules on them go); the run does not end and reports nothing. ``start`` (county local time) is when it begins, so that
    daily patterns fit, unless the file has time series with calendar dates: then it begins when the file says.
    """
    sections = {name: [line.partition("\t")[2] for line in lines] for name, lines in network.sections.items()}
    sections["OPTIONS"] = _options(network, start)
    sections["RAINGAGES"] = [f"{gage} INTENSITY 0:05 1.0 TIMESERIES {DRY}" for gage in network.gages]
    sections.setdefault("TIMESERIES", []).extend([f"{DRY} 0:00 0", f"{DRY} {YEARS * 9000}:00 0"])
    sections["PUMPS"] = [_pump(fields, driven) for _, fields in rows(network.sections.get("PUMPS", ()))]
    sections["REPORT"] = ["INPUT NO", "CONTROLS NO", "SUBCATCHMENTS NONE", "NODES NONE", "LINKS NONE"]
    sections["CONTROLS"] = _controls(sections.get("CONTROLS", []), driven)
    sections["FILES"] = [line for line in sections.get("FILES", []) if re.match(r"\s*USE\s+(?!HOT|RAIN)", line, re.IGNORECASE)]
    for name in ("FILES", "TIMESERIES", "TEMPERATURE"):
        sections[name] = [_absolute(line, network.path.parent) for line in sections.get(name, [])]
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items() if lines)


def portable(network: Network, tags: Mapping[str, str]) -> str:
    """The file for another folder: names of other files in it made absolute, its nodes tagged anew."""
    files = ("FILES", "TIMESERIES", "TEMPERATURE", "RAINGAGES")
    parts = []
    for name, lines in network.sections.items():
        if name == "TAGS":
            continue
        plain = [line.partition("\t")[2] for line in lines]
        body = [_absolute(line, network.path.parent) for line in plain] if name in files else plain
        parts.append("\n".join((f"[{name}]", *body)))
    parts.append("\n".join(("[TAGS]", *(f"Node {node} {tag}" for node, tag in tags.items()))))
    return "\n".join(parts) + "\n"


def _pump(fields: list[str], driven: Collection[str]) -> str:
    if fields[0] not in driven:
        return " ".join(fields)
    return " ".join((*fields[:3], fields[3] if len(fields) > 3 else "*", "OFF 0 0"))


def _options(network: Network, start: datetime) -> list[str]:
    old = {f[0].upper(): " ".join(f[1:]) for _, f in rows(network.sections.get("OPTIONS", ()))}
    if not _dated(network):
        old["START_DATE"], old["START_TIME"] = f"{start:%m/%d/%Y}", f"{start:%H:%M:%S}"
    begin = old.get("START_DATE", "01/01/2004")
    end_year = int(re.split(r"[/-]", begin)[-1]) + YEARS
    ours = {
        "FLOW_UNITS": network.flow_units,
        "END_DATE": f"01/01/{end_year}",
        "END_TIME": "00:00:00",
        "REPORT_START_DATE": begin,
        "REPORT_START_TIME": old.get("START_TIME", "00:00:00"),
        "REPORT_STEP": "24:00:00",
        "IGNORE_RAINFALL": "NO",
        "IGNORE_QUALITY": "YES",
        "THREADS": "1",
    }
    return [f"{key} {value}" for key, value in (old | ours).items()]


def _dated(network: Network) -> bool:
    lines = rows(network.sections.get("TIMESERIES", ()))
    return any(DATE.fullmatch(word) or word.upper() == "FILE" for _, fields in lines for word in fields[1:])


def _controls(lines: Iterable[str], driven: Collection[str]) -> list[str]:
    """The rules that move gates and weirs; those that act on a driven pump would fight its PLC."""
    rules: list[list[str]] = []
    for line in lines:
        if re.match(r"\s*RULE\b", line, re.IGNORECASE) or not rules:
            rules.append([])
        rules[-1].append(line)
    return [line for rule in rules if not _acts_on(rule, driven) for line in rule]


def _acts_on(rule: Iterable[str], driven: Collection[str]) -> bool:
    names = {pump.upper() for pump in driven}
    acting = False
    for line in rule:
        words = line.upper().split()
        if words[:1] in (["THEN"], ["ELSE"]):
            acting = True
        elif words[:1] in (["RULE"], ["IF"]):
            acting = False
        if acting and words[1:2] == ["PUMP"] and names.intersection(words[2:3]):
            return True
    return False


def _absolute(line: str, folder: Path) -> str:
    """File names in the text are relative to the file they stand in; the rewritten one lies elsewhere."""
    match = re.search(r'\b(?:FILE|INFLOWS|OUTFLOWS|RUNOFF|RDII)\s+("[^"]+"|\S+)', line, re.IGNORECASE)
    if not match:
        return line
    name = match[1].strip('"')
    return line[: match.start(1)] + f'"{(folder / name).resolve()}"' + line[match.end(1) :]
