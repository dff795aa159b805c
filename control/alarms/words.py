"""What people read: names of places and the reasons of conditions, Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping

from control.alarms.model import Limit, Side, Text
from lampwell.assets import Device, EdgeNode, Lamp
from lampwell.points import Point, Value
from lampwell.readings import Flag

COMPONENTS: Mapping[str, tuple[str, str]] = {
    "loop": ("回路", "loop"),
    "pump": ("泵", "pump"),
    "lamp": ("灯", "lamp"),
    "gate": ("闸门", "gate"),
}
LEVEL_NAMES: Mapping[str, Text] = {
    "blue": Text(zh="蓝色", en="blue"),
    "yellow": Text(zh="黄色", en="yellow"),
    "orange": Text(zh="橙色", en="orange"),
    "red": Text(zh="红色", en="red"),
}
_FLAGS = (
    (Flag.SENTINEL, "没有有效值", "there is no value"),
    (Flag.RANGE, "超出量程", "outside its range"),
    (Flag.RATE, "变化快于物理可能", "faster than physics allows"),
    (Flag.DEVICE, "设备自报故障", "the device calls its sensor faulty"),
    (Flag.BLIND, "进入传感器盲区", "in the sensor's blind zone"),
)
_YES, _NO = ("是", "yes"), ("否", "no")


# -- places --------------------------------------------------------------------------------------------------------------------


def device_name(device: Device) -> Text:
    """A device as people call it; its id where it has no name."""
    return Text(zh=device.zh or device.id, en=device.en or device.id)


def edge_name(edge: EdgeNode) -> Text:
    """An edge node as people call it."""
    return Text(zh=edge.zh or f"网关 {edge.id}", en=edge.en or f"gateway {edge.id}")


def component_name(component: str, lamp: Lamp | None = None) -> Text:
    """``loop3`` as 3号回路, loop 3; a lamp with its pole, where it is known which one it is."""
    found = re.fullmatch(r"([a-z_]+?)_?0*(\d+)", component)
    if found is None or found[1] not in COMPONENTS:
        return Text(zh=component, en=component)
    zh, en = COMPONENTS[found[1]]
    pole = (f"（灯杆 {lamp.pole}）", f" (pole {lamp.pole})") if lamp else ("", "")
    return Text(zh=f"{found[2]}号{zh}{pole[0]}", en=f"{en} {found[2]}{pole[1]}")


def inside(outer: Text, inner: Text) -> Text:
    """A part of a place."""
    return Text(zh=f"{outer.zh} {inner.zh}", en=f"{outer.en}, {inner.en}")


# -- reasons -------------------------------------------------------------------------------------------------------------------


def number(value: float, unit: str = "") -> str:
    """A number as people write it: at most three decimals, and its unit."""
    shown = f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:.6g}"
    return f"{shown} {unit}".rstrip()


def label(point: Point) -> Text:
    """A point as people call it."""
    return Text(zh=point.zh or point.path, en=point.en or point.path)


def beyond(point: Point, limit: Limit, level: str, value: float) -> Text:
    """``水位 0.31 m ≥ 红色 0.25 m``."""
    name, sign = label(point), "≥" if limit.side is Side.ABOVE else "≤"
    colour = LEVEL_NAMES.get(level, Text(zh="限值", en="limit"))
    seen, held = number(value, limit.unit), number(limit.value, limit.unit)
    return Text(zh=f"{name.zh} {seen} {sign} {colour.zh} {held}", en=f"{name.en} {seen} {sign} {colour.en} {held}")


def state(point: Point, value: Value) -> Text:
    """``门开：是``."""
    name = label(point)
    zh, en = (_YES if value else _NO) if isinstance(value, bool) else (str(value)[:60],) * 2
    return Text(zh=f"{name.zh}：{zh}", en=f"{name.en}: {en}")


def quality(point: Point, flags: int) -> Text:
    """Why a reading is not to be believed."""
    name = label(point)
    found = [(zh, en) for flag, zh, en in _FLAGS if flags & flag] or [("没有有效值", "there is no value")]
    return Text(zh=f"{name.zh}：" + "、".join(zh for zh, _ in found), en=f"{name.en}: " + ", ".join(en for _, en in found))


def span(seconds: float) -> Text:
    """A length of time."""
    if seconds < 120:
        return Text(zh=f"{seconds:.0f} 秒", en=f"{seconds:.0f} s")
    if seconds < 7200:
        return Text(zh=f"{seconds / 60:.0f} 分钟", en=f"{seconds / 60:.0f} min")
    return Text(zh=f"{seconds / 3600:.1f} 小时", en=f"{seconds / 3600:.1f} h")


def silent(seconds: float) -> Text:
    """No reading for so long."""
    long = span(seconds)
    return Text(zh=f"已超过 {long.zh} 没有任何读数", en=f"no reading at all for {long.en}")


NO_ANSWER = Text(zh="设备不应答", en="the device does not answer")
NOT_BORN = Text(zh="网关已上线，但设备没有随之上线", en="the edge node is there, but the device has not come with it")
WITH_EDGE = Text(zh="所属网关离线", en="its edge node is offline")
EDGE_GONE = Text(zh="网关与消息服务断开", en="the edge node left the broker")
EDGE_UNHEARD = Text(
    zh="消息服务正常，但一直没有收到该网关的消息", en="the broker is there, but nothing was ever heard of the edge node"
)
ANSWERS = Text(zh="恢复应答", en="it answers")
