"""Conditions concluded from several facts of the edge nodes, the broker and the collector. No I/O, no clock.

``store-away`` (county): what arrives is not stored. The collector's STATE is offline, or the oldest unacknowledged scan of
*every* living edge node is old: one cause, not one alarm per node. It lasts until the nodes that fell behind have caught up, so
that none of them is told of while it does.

``broker-away`` (county): this program itself has no broker; everything else keeps its last state until it is back.

``sender-silent`` (county): the sender of messages has not shown itself for longer than it may (``control.messages.sender``), so
alarms are raised and nobody is told. ``channel-broken`` (county): a channel does not work until a person has mended it.

``scans-dropped`` (edge): one of the counters of scans that the journal had to give up has risen. It is gone with the next report
that shows no rise: the rule's off-delay says for how long it is worth showing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from control.alarms.model import NOTHING, Evidence, Text
from control.alarms.words import span

SUBJECTS: Mapping[str, str] = {
    "store-away": "county",
    "broker-away": "county",
    "sender-silent": "county",
    "channel-broken": "county",
    "scans-dropped": "edge",
}
"""The names a rule may use, and the subject each speaks of."""

OLDEST = "journal/oldest_age"
DROPPED = "journal/dropped_"

BEHIND_S = 60.0
"""An edge node whose oldest unacknowledged scan is older is behind; usual is about a second. Unverified choice."""


@dataclass(slots=True)
class EdgeFacts:
    """What is known of one edge node: whether it lives (None: not known) and the newest of its journal's readings."""

    alive: bool | None = None
    readings: dict[str, Evidence] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Facts:
    """What the derived conditions are concluded from. ``connected``, ``collector``: None = not known."""

    edges: dict[str, EdgeFacts]
    connected: bool | None = None
    collector: bool | None = None
    behind: set[str] = field(default_factory=set)
    messages: Messages | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """What is known of the sending of messages. ``silent_s``: since when (s) no sender has shown itself, ``most_s`` how long it
    may; ``broken``: why, by channel.
    """

    silent_s: float
    most_s: float
    broken: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows; ``value`` None = not known."""

    value: bool | None
    why: Text = NOTHING
    evidence: tuple[Evidence, ...] = ()


def conclude(name: str, facts: Facts, edge: str = "") -> Verdict:
    """The verdict on a derived condition, of one edge node where it speaks of those. KeyError for an unknown name."""
    match name:
        case "broker-away":
            return _broker_away(facts)
        case "store-away":
            return _store_away(facts)
        case "sender-silent":
            return _sender_silent(facts.messages)
        case "channel-broken":
            return _channel_broken(facts.messages)
        case "scans-dropped":
            return _dropped(facts.edges[edge])
    raise KeyError(name)


def _broker_away(facts: Facts) -> Verdict:
    if facts.connected is None:
        return Verdict(None)
    return Verdict(not facts.connected, Text(zh="报警服务与消息服务断开", en="the alarm service has no connection to the broker"))


def _store_away(facts: Facts) -> Verdict:
    if not facts.connected:
        return Verdict(None)
    living = {name: edge.readings.get(OLDEST) for name, edge in facts.edges.items() if edge.alive}
    late = {name: one for name, one in living.items() if one is not None and _age(one) > BEHIND_S}
    if facts.collector is False or (living and len(late) == len(living)):
        facts.behind = set(late)
        return Verdict(True, _away_text(facts, late), tuple(late.values()))
    facts.behind &= late.keys()
    if facts.behind:
        names = ", ".join(sorted(facts.behind))
        text = Text(zh=f"已恢复入库，仍在补传：{names}", en=f"storing again, still catching up: {names}")
        return Verdict(True, text, tuple(late[name] for name in sorted(facts.behind)))
    known = facts.collector is not None or any(one is not None for one in living.values())
    return Verdict(False if known else None)


def _sender_silent(known: Messages | None) -> Verdict:
    if known is None:
        return Verdict(None)
    how_long = span(known.silent_s)
    text = Text(zh=f"发送服务已{how_long.zh}没有动静", en=f"the sender has not shown itself for {how_long.en}")
    return Verdict(known.silent_s > known.most_s, text)


def _channel_broken(known: Messages | None) -> Verdict:
    if known is None:
        return Verdict(None)
    said = "; ".join(f"{channel}: {reason}" for channel, reason in sorted(known.broken.items()))
    return Verdict(bool(known.broken), Text(zh=f"通道故障 {said}", en=f"broken channels: {said}") if said else NOTHING)


def _age(one: Evidence) -> float:
    return float(one.value) if isinstance(one.value, int | float) else 0.0


def _away_text(facts: Facts, late: Mapping[str, Evidence]) -> Text:
    if facts.collector is False:
        return Text(zh="采集服务离线", en="the collector is offline")
    oldest = span(max(map(_age, late.values())))
    return Text(
        zh=f"全部 {len(late)} 个在线网关的数据未入库，最久 {oldest.zh}",
        en=f"nothing of all {len(late)} living edge nodes is being stored, oldest {oldest.en}",
    )


def _dropped(edge: EdgeFacts) -> Verdict:
    """A counter begins anew with its gateway: a fall is a start from 0, and what is known first is only remembered."""
    rises: list[Evidence] = []
    known = False
    for path, one in edge.readings.items():
        if path.startswith(DROPPED) and isinstance(one.value, int | float):
            known, before = True, edge.counted.get(path)
            if before is not None and one.value > (before if one.value >= before else 0):
                rises.append(one)
            edge.counted[path] = float(one.value)
    if not known or not edge.alive:
        return Verdict(None)
    names = ", ".join(f"{one.point.rpartition(DROPPED)[2]} {one.value}" for one in rises)
    return Verdict(
        bool(rises), Text(zh=f"新增丢弃：{names}", en=f"scans were given up: {names}") if rises else NOTHING, tuple(rises)
    )
