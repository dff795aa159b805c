"""A figure held against its limits: very likely acceptable, manageable or over; without data there is no verdict but that.

Nothing here certifies conformity: the standards' texts were not at hand, and each measure carries its source and a mark (after
domain alarms): S = found in public material, K = known but not checked, P = this project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from control.kpi.model import Figures

Of = Callable[[Figures], float | None]
MARKS = {"S": "有公开出处 public source", "K": "未核实 unverified", "P": "本项目自定 this project's own", "": ""}


class Verdict(StrEnum):
    """How a figure stands. TOLD: no limit is set on it."""

    ACCEPTABLE = "very likely acceptable"
    MANAGEABLE = "manageable"
    OVER = "over"
    NO_DATA = "no data"
    FEW = "too few to judge"
    TOLD = ""


VERDICTS_ZH = {
    Verdict.ACCEPTABLE: "合格",
    Verdict.MANAGEABLE: "可管理",
    Verdict.OVER: "超限",
    Verdict.NO_DATA: "无数据",
    Verdict.FEW: "样本太少",
    Verdict.TOLD: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is measured and its limits: at most ``good`` (``below``: less than it) is very likely acceptable, at most ``most`` is
    manageable; None = no such limit. ``aim``: what is aimed at where there is no limit, in words. ``unit``: "%" is of a share 0
    to 1. ``fewest``: judged only from so many alarms on.
    """

    id: str
    zh: str
    en: str
    of: Of
    unit: str = ""
    good: float | None = None
    most: float | None = None
    below: bool = False
    aim: str = ""
    fewest: int = 0
    source: str = ""
    mark: str = ""


def judge(measure: Measure, found: Figures | None) -> tuple[float | None, Verdict]:
    """The value of a measure and how it stands."""
    value = None if found is None else measure.of(found)
    if found is None or value is None:
        return None, Verdict.NO_DATA
    if measure.good is None:
        return value, Verdict.TOLD
    if found.load.alarms < measure.fewest:
        return value, Verdict.FEW
    if value < measure.good or (value == measure.good and not measure.below):
        return value, Verdict.ACCEPTABLE
    if measure.most is not None and value <= measure.most:
        return value, Verdict.MANAGEABLE
    return value, Verdict.OVER
