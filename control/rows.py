"""What other processes, screens and the REST API see of alarms: plain values, every text in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from control.alarms.model import Alarm, Evidence
from control.alarms.view import AlarmView
from lampwell.points import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """One line of the alarm list. Times are epoch ms, None = has not happened; ``number`` 0 = no open occurrence. ``state`` is
    the ISA-18.2 letter A-F. ``known``: whether the newest observation was usable; ``first``: came first in its group;
    ``why``: what the readings say of it now.
    """

    key: str
    number: int
    state: str
    priority: int
    zh: str
    en: str
    place_zh: str
    place_en: str
    area: str
    device: str
    known: bool
    first: bool = False
    value: Value | None = None
    limit: float | None = None
    unit: str = ""
    why_zh: str = ""
    why_en: str = ""
    raised_at: int | None = None
    announced_at: int | None = None
    acked_at: int | None = None
    acked_by: str = ""
    ack_note: str = ""
    cleared_at: int | None = None
    shelved_until: int | None = None
    out_of_service: bool = False
    suppressed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDetail:
    """Everything about one alarm: its row, what the rule says of it, the evidence, and what happened so far, oldest first, as
    (time, effects, who, note).
    """

    row: AlarmRow
    rule: str
    cause_zh: str
    cause_en: str
    consequence_zh: str
    consequence_en: str
    response_zh: str
    response_en: str
    respond_s: float
    source: str
    parents: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    history: tuple[tuple[int, str, str, str], ...] = ()


def row(view: AlarmView) -> AlarmRow:
    """A view as a row."""
    alarm, state, one = view.alarm, view.state, view.occurrence
    return AlarmRow(
        key=alarm.key,
        number=one.number if one else 0,
        state=str(state.core),
        priority=int(alarm.rule.priority),
        zh=alarm.rule.text.zh,
        en=alarm.rule.text.en,
        place_zh=alarm.place.text.zh,
        place_en=alarm.place.text.en,
        area=alarm.place.area,
        device=alarm.place.device or alarm.place.edge,
        known=state.known,
        first=view.first,
        value=state.value if one is None else one.value,
        limit=alarm.limit.value if alarm.limit else None,
        unit=alarm.limit.unit if alarm.limit else "",
        why_zh=view.why.zh,
        why_en=view.why.en,
        raised_at=one.raised_at if one else None,
        announced_at=one.annunciated_at if one else None,
        acked_at=one.acked_at if one else None,
        acked_by=one.acked_by if one else "",
        ack_note=one.ack_note if one else "",
        cleared_at=one.cleared_at if one else None,
        shelved_until=state.shelved_until,
        out_of_service=state.out_of_service,
        suppressed=state.suppressed,
    )


def detail(view: AlarmView, history: tuple[tuple[int, str, str, str], ...]) -> AlarmDetail:
    """A view with its rule, its evidence and its history."""
    alarm: Alarm = view.alarm
    rule = alarm.rule
    return AlarmDetail(
        row=row(view),
        rule=rule.id,
        cause_zh=rule.cause.zh,
        cause_en=rule.cause.en,
        consequence_zh=rule.consequence.zh,
        consequence_en=rule.consequence.en,
        response_zh=rule.response.zh,
        response_en=rule.response.en,
        respond_s=rule.timing.respond_s,
        source=rule.source,
        parents=alarm.parents,
        evidence=view.occurrence.evidence if view.occurrence else (),
        history=history,
    )
