"""Figures day by day: a table of the telling ones for a terminal, all of them for programs and for Excel."""

from __future__ import annotations

import json
from collections.abc import Sequence

from control.kpi.measures import GROUPS
from control.kpi.model import Day
from control.kpi.report import number
from lampwell.columns import table
from lampwell.spreadsheet import as_csv

MEASURES = {one.id: one for _, _, measures in GROUPS for one in measures}
SHOWN = ("alarms", "most_ten", "fleeting", "unanswered", "ack_in_time_1", "ack_in_time_2", "dead", "orders", "in_sla")
"""What a leader looks at first; the project's own choice."""
EMPTY = "还没有按日指标，每天早上六点后形成 no days yet: each is kept in the morning after it"


def days_as_text(days: Sequence[Day]) -> str:
    """For a terminal; a dash where there is no data."""
    if not days:
        return EMPTY
    heads = [("日期 day", *(MEASURES[each].zh for each in SHOWN)), ("", *(MEASURES[each].en for each in SHOWN))]
    rows = [(f"{one.day}", *(number(one.values.get(each), MEASURES[each].unit) for each in SHOWN)) for one in days]
    return "\n".join(table([*heads, *rows], right=range(1, len(SHOWN) + 1)))


def days_as_json(days: Sequence[Day]) -> str:
    """For programs."""
    rows = [{"day": f"{one.day}", "area": one.area, "values": one.values} for one in days]
    return json.dumps(rows, ensure_ascii=False, allow_nan=False, indent=2)


def days_as_csv(days: Sequence[Day]) -> str:
    """For Excel; shares are 0 to 1."""
    titles = ("日期 day", "片区 area", *(f"{one.zh} {name}" for name, one in MEASURES.items()))
    return as_csv(titles, [(f"{one.day}", one.area, *(one.values.get(name) for name in MEASURES)) for one in days])
