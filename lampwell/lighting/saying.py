"""Why a level holds, as one sentence, Chinese and English, that an engineer can check against the plan and the clock."""

from __future__ import annotations

from functools import lru_cache

from lampwell.lighting.model import Event, Layer, LuxRule, Moment, Override, Period, Program, Rule, Text
from lampwell.lighting.moments import clock_text, say_moment
from lampwell.lighting.night import Night
from lampwell.lighting.program import Piece
from lampwell.times import local

_LAYERS = {
    Layer.CREW_LOCK: Text(zh="检修挂牌", en="crew lock"),
    Layer.INTERLOCK: Text(zh="联锁", en="interlock"),
    Layer.LEASE: Text(zh="限时指令", en="lease"),
}


def of_piece(program: Program, rule: Rule | None, piece: Piece, night: Night, *, festival: bool) -> Text:
    """A calendar's program at work, or outside its hours."""
    head = _head(program, rule, festival=festival)
    if not piece.active:
        hours = _hours(piece.edge, night)
        return Text(
            zh=f"{head.zh}：不在运行时段{_in(hours.zh, '（', '）')}，关灯",
            en=f"{head.en}: outside its hours{_in(hours.en, ' (', ')')}, off",
        )
    since = _since(piece, night)
    adjusted = _adjusted(piece, night)
    return Text(
        zh=f"{head.zh}：{since.zh}起 {piece.level}%{adjusted.zh}",
        en=f"{head.en}: {piece.level} % from {since.en}{adjusted.en}",
    )


def of_lux(rule: LuxRule, edge: Text, *, before: bool) -> Text:
    """The sensors switched on earlier or keep on longer."""
    if before:
        return Text(
            zh=f"照度低于 {rule.on_lx:g} lx：在开灯前{rule.advance_min}分钟内提前开灯（方案 {edge.zh}）",
            en=f"darker than {rule.on_lx:g} lx: on early, within {rule.advance_min} min before the program's {edge.en}",
        )
    return Text(
        zh=f"照度未达 {rule.off_lx:g} lx：在关灯后{rule.delay_min}分钟内延迟关灯（方案 {edge.zh}）",
        en=f"not yet {rule.off_lx:g} lx: kept on, within {rule.delay_min} min after the program's {edge.en}",
    )


def of_override(one: Override, night: Night) -> Text:
    """Who set it, to what, until when and why."""
    name = _LAYERS[one.layer]
    until = clock_at(one.end, night) if one.end is not None else ""
    return Text(
        zh=f"{name.zh} {one.id}：{one.level}%{_in(until, '，至 ')}{_in(one.who, '，')}{_in(one.reason.zh, '，原因：')}",
        en=f"{name.en} {one.id}: {one.level} %{_in(until, ' until ')}{_in(one.who, ', by ')}{_in(one.reason.en, ', because: ')}",
    )


@lru_cache(maxsize=4096)
def of_group(said: Text, chosen: Text, group: str, level: int) -> Text:
    """What a loop map, by its name, made of it."""
    return Text(
        zh=f"{said.zh}；{chosen.zh}：{group} 组今夜 {level}%",
        en=f"{said.en}; {chosen.en}: group {group} {level} % tonight",
    )


def of_dead_loop(loop: str, said: Text) -> Text:
    """A lamp whose loop is off."""
    return Text(zh=f"所在回路 {loop} 已断电（{said.zh}）", en=f"its loop {loop} is off ({said.en})")


def clock_at(at: int, night: Night) -> str:
    """Local time, with the date where it is not of this night."""
    then = local(at, night.zone)
    return f"{then:%H:%M}" if night.start <= at < night.end else f"{then:%Y-%m-%d %H:%M}"


def moment_in(moment: Moment, night: Night) -> Text:
    """``日落后10分钟（19:23）``: a moment of the sun with the time it has tonight."""
    said = say_moment(moment)
    at = night.instant(moment)
    if moment.event is Event.CLOCK:
        return said
    if at is None:
        return Text(zh=f"{said.zh}（今夜没有）", en=f"{said.en} (none tonight)")
    return Text(zh=f"{said.zh}（{clock_at(at, night)}）", en=f"{said.en} ({clock_at(at, night)})")


def _head(program: Program, rule: Rule | None, *, festival: bool) -> Text:
    zh, en = f"方案“{program.zh}”", f"program “{program.en}”"
    if rule is None or not (rule.zh or rule.en):
        return Text(zh=zh, en=en)
    kind = ("节日", "festival") if festival else ("日历规则", "calendar rule")
    return Text(zh=f"{kind[0]}“{rule.zh or rule.en}”的{zh}", en=f"{en} of {kind[1]} “{rule.en or rule.zh}”")


def _hours(period: Period | None, night: Night) -> Text:
    if period is None:
        return Text(zh="", en="")
    start, end = moment_in(period.start, night), moment_in(period.end, night)
    return Text(zh=f"{start.zh}至{end.zh}", en=f"{start.en} to {end.en}")


def _since(piece: Piece, night: Night) -> Text:
    """The step that set the level, or the switch-on where no step has come yet or it came before."""
    step = piece.step
    at = night.instant(step.at) if step else None
    opened = night.instant(piece.edge.start) if piece.edge else None
    if step and at is not None and (opened is None or at >= opened):
        return moment_in(step.at, night)
    if piece.edge:
        return moment_in(piece.edge.start, night)
    return Text(zh=clock_text(12 * 3600), en=clock_text(12 * 3600))


def _adjusted(piece: Piece, night: Night) -> Text:
    found = piece.adjustment
    if found is None:
        return Text(zh="", en="")
    since = moment_in(found.at, night)
    did = f"{found.operation} {found.level}"
    return Text(zh=f"（{since.zh}起修正 {did}）", en=f" (adjusted from {since.en}: {did})")


def _in(text: str, before: str, after: str = "") -> str:
    return f"{before}{text}{after}" if text else ""
