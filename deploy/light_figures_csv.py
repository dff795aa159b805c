"""The figures of lighting for machines: one table of CSV, or JSON. What is not known is empty or null, never zero."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import msgspec

from control.lighting.figures.led import Led
from control.lighting.figures.report import Report


def json_text(one: Report) -> str:
    """One JSON document."""
    return msgspec.json.encode(one).decode()


def csv_lines(one: Report) -> Iterator[str]:
    """A table of figures that a spreadsheet takes; an empty value is not known."""
    yield _csv_row(("section", "name", "figure", "value", "unit"))
    for section, name, figure, value, unit in _figures(one):
        yield _csv_row((section, name, figure, "" if value is None else f"{value:.6g}", unit))


def _csv_row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


Figure = tuple[str, str, str, float | None, str]


def _figures(one: Report) -> Iterator[Figure]:
    for row in one.lit:
        name = row.road or row.road_class or "all"
        for which in ("lower", "upper", "coverage", "target"):
            yield "lit", name, which, getattr(row, which), "share"
        yield "lit", name, "met", None if row.met is None else float(row.met), ""
        yield "lit", name, "lamps", float(row.lamps), "lamps"
        yield "lit", name, "dark", row.dark, "lamps"
        yield "lit", name, "judged_by_dark", float(row.by_dark_lamps), ""
    for part in one.intact:
        for which in ("lower", "upper", "coverage", "target"):
            yield "intact", part.facility or "all", which, getattr(part, which), "share"
        for which in ("intact", "damaged", "unknown"):
            yield "intact", part.facility or "all", which, getattr(part, which), "facilities"
    for damage in one.damaged:
        yield "damaged", damage.name, damage.rule, damage.hours, "h"
    yield from _energy_figures(one)
    for loop in one.loops:
        yield "loop", loop.loop, "kwh", loop.kwh, "kWh"
        yield "loop", loop.loop, "burn", loop.burn_h, "h"
        yield "loop", loop.loop, "operations", loop.operations, ""
        yield "loop", loop.loop, "coverage", loop.coverage, "share"
    yield from _repair_figures(one)


def _energy_figures(one: Report) -> Iterator[Figure]:
    for row in one.energy:
        name = " ".join(filter(None, ("all" if row.program is None else row.program or "unknown", row.when)))
        yield "energy", name, "kwh", row.energy.kwh, "kWh"
        yield "energy", name, "bridged", row.energy.bridged_kwh, "kWh"
        yield "energy", name, "cny", None if row.saved_cny is None else row.energy.cny, "CNY"
        yield "energy", name, "baseline", row.energy.baseline_kwh, "kWh"
        yield "energy", name, "saved", row.saved, "share"
        yield "energy", name, "saved_cny", row.saved_cny, "share"
        yield "energy", name, "kw", row.kw, "kW"
    if one.led is not None:
        yield from _led_figures(one.led)


def _led_figures(one: Led) -> Iterator[Figure]:
    """``rated_kw`` and ``saved_rated`` are the inventory's, an estimate; all else is measured."""
    for name, side in (("before", one.before), ("after", one.after)):
        for which, unit in (("kwh", "kWh"), ("dark_h", "h"), ("burn_h", "h"), ("kw", "kW"), ("lit_kw", "kW"), ("rated_kw", "kW")):
            yield "led", name, which, getattr(side, which), unit
    for which in ("saved", "saved_lit", "saved_rated"):
        yield "led", "all", which, getattr(one, which), "share"
    yield "led", "all", "loops", float(one.loops), ""


def _repair_figures(one: Report) -> Iterator[Figure]:
    for row in one.repairs:
        for which in ("response_median_h", "response_p90_h", "repair_median_h", "repair_p90_h"):
            yield "repair", row.sla or "all", which.removesuffix("_h"), getattr(row.repairs, which), "h"
        yield "repair", row.sla or "all", "in_time", row.in_time, "share"
        yield "repair", row.sla or "all", "orders", float(row.repairs.orders), ""
