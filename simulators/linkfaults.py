"""Bad lines and bad electronics: what becomes of an answer between a device and its master. Pure: exchange in, timed bytes out.

The list follows domain alarms 3.3 (F17 to F20) and 3.4 (slave modes that popular masters believe). On RTU the check is made after
the header was falsified: well-formed lies. Only ``bit-flip``, ``truncated`` and ``garbage`` spoil the bytes themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from lampwell.assets import Transport
from simulators.frames import exception, rtu_frame, tcp_frame
from simulators.port import FaultRefused

Active = Mapping[str, float]
"""The faults now set: name -> value (each name's own unit)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A link fault that can be set: what it does, its value when none is given, and the bounds of that value."""

    zh: str
    en: str
    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    whole: bool = True
    tcp_only: bool = False
    link_only: bool = False


KINDS: Mapping[str, Kind] = {
    "silent": Kind("不应答", "does not answer"),
    "late": Kind(
        "应答迟到（秒），不影响后续应答",
        "answers so many seconds late; later answers are not held up",
        2.0,
        0.0,
        60.0,
        whole=False,
    ),
    "slow": Kind(
        "应答慢（秒），后续应答排队", "takes so many seconds for every answer, one after the other", 0.3, 0.0, 60.0, whole=False
    ),
    "wrong-unit": Kind("应答站号错误（加上该值）", "answers as another unit (number + value)", 1, 1, 255),
    "wrong-function": Kind("应答功能码错误（加上该值）", "answers with another function code (code + value)", 1, 1, 15),
    "wrong-count": Kind("应答数据多（正）或少（负）若干字节", "answers with so many bytes more (or fewer)", 2, -250, 250),
    "wrong-transaction": Kind(
        "应答事务号错误（加上该值）", "answers under another transaction number (+ value)", 1, 1, 65535, tcp_only=True
    ),
    "garbage": Kind("应答为乱码（字节数）", "sends so many random bytes in place of the answer", 64, 1, 4096),
    "truncated": Kind("应答缺尾（字节数）", "leaves off the last so many bytes", 3, 1, 260),
    "bit-flip": Kind("应答中若干位翻转", "flips so many bits of the answer", 1, 1, 64),
    "glued": Kind("应答前粘连上一帧", "glues the previous answer before this one"),
    "drip-feed": Kind("应答逐字节发出（秒/字节）", "sends one byte every so many seconds", 0.3, 0.001, 10, whole=False),
    "exception": Kind("以异常码应答（1–11）", "answers with an exception code (1-11)", 4, 1, 11),
    "drop-connection": Kind("应答中途断开连接", "drops the connection in the middle of the answer"),
    "no-path": Kind(
        "未知站号应答异常 11（网关目标无响应）", "answers for absent units with exception 11, as gateways do", link_only=True
    ),
    "refuse": Kind("拒绝连接（串口：拔出）", "accepts no connection (serial: unplugged)", link_only=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what the device made of it. ``previous`` is the last answer sent on this connection, as bytes on the wire."""

    transport: Transport
    transaction: int
    unit: int
    request: bytes
    answer: bytes
    previous: bytes = b""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent: (seconds from now, bytes) in order; then perhaps the connection drops. The line is busy for ``busy_s``."""

    steps: tuple[tuple[float, bytes], ...] = ()
    busy_s: float = 0.0
    drop: bool = False


NOTHING = Plan()
NO_FAULTS: Active = {}


def frame(exchange: Exchange) -> bytes:
    """The answer on the wire, undisturbed."""
    if exchange.transport is Transport.TCP:
        return tcp_frame(exchange.transaction, exchange.unit, exchange.answer)
    return rtu_frame(exchange.unit, exchange.answer)


def disturb(exchange: Exchange, active: Active, random: Random) -> Plan:
    """What the line makes of this exchange under the faults now set. Without any: the right answer at once."""
    if "silent" in active or "refuse" in active:
        return NOTHING
    data = _spoiled(frame(_falsified(exchange, active)), exchange.previous, active, random)
    if "drop-connection" in active:
        return Plan(((active.get("slow", 0.0), data[: len(data) // 2]),), drop=True)
    return _timed(data, active)


def _falsified(exchange: Exchange, active: Active) -> Exchange:
    """The lies told before framing: wrong header, wrong length, an exception in place of the data."""
    answer = exchange.answer
    if "exception" in active:
        answer = exception(exchange.request[0], int(active["exception"]))
    if "wrong-count" in active and not answer[0] & 0x80:
        answer = _recounted(answer, int(active["wrong-count"]))
    if "wrong-function" in active:
        answer = bytes(((answer[0] + int(active["wrong-function"])) & 0xFF,)) + answer[1:]
    return replace(
        exchange,
        transaction=(exchange.transaction + int(active.get("wrong-transaction", 0))) & 0xFFFF,
        unit=(exchange.unit + int(active.get("wrong-unit", 0))) & 0xFF,
        answer=answer,
    )


def _recounted(answer: bytes, more: int) -> bytes:
    """The answer with ``more`` data bytes (fewer if negative) and, for a read, a byte count that agrees."""
    body = answer[2:] if 1 <= answer[0] <= 4 else answer[1:]
    size = min(250, max(0, len(body) + more))
    body = (body + bytes(range(size)))[:size]
    return answer[:1] + (bytes((size,)) if 1 <= answer[0] <= 4 else b"") + body


def _spoiled(data: bytes, previous: bytes, active: Active, random: Random) -> bytes:
    """The damage done after framing: noise, missing tail, flipped bits, the last frame still in the pipe."""
    if "garbage" in active:
        return random.randbytes(int(active["garbage"]))
    if "truncated" in active:
        data = data[: max(0, len(data) - int(active["truncated"]))]
    if "bit-flip" in active and data:
        flipped = int.from_bytes(data, "big")
        for position in random.sample(range(len(data) * 8), min(int(active["bit-flip"]), len(data) * 8)):
            flipped ^= 1 << position
        data = flipped.to_bytes(len(data), "big")
    return (previous or data) + data if "glued" in active else data


def _timed(data: bytes, active: Active) -> Plan:
    slow, late, drip = active.get("slow", 0.0), active.get("late", 0.0), active.get("drip-feed")
    if drip is not None:
        steps = tuple((slow + late + i * drip, data[i : i + 1]) for i in range(len(data)))
        return Plan(steps, slow + len(data) * drip)
    return Plan(((slow + late, data),), slow)


class LinkFaults:
    """Which faults are set where. A target is a link id or a device id; a device suffers its own and its link's."""

    def __init__(self) -> None:
        self._set: dict[str, dict[str, float]] = {}

    def set(self, target: str, name: str, value: float | None = None) -> None:
        """Set a fault, with its usual value where none is given. FaultRefused names a value out of bounds."""
        kind = KINDS[name]
        if value is None:
            value = kind.value
        elif not kind.low <= value <= kind.high or (kind.whole and value != int(value)):
            raise FaultRefused(f"{target}: {name} takes {_bounds(kind)}, not {value:g}")
        self._set.setdefault(target, {})[name] = value

    def clear(self, target: str, name: str) -> None:
        """Take a fault away; nothing happens where it is not set."""
        self._set.get(target, {}).pop(name, None)
        if not self._set.get(target):
            self._set.pop(target, None)

    def on(self, link: str, device: str = "") -> Active:
        """All faults that an exchange with this device on this link suffers."""
        if not self._set:
            return NO_FAULTS
        return {**self._set.get(link, {}), **self._set.get(device, {})}

    def all(self) -> Mapping[str, Active]:
        """Everything set, by target."""
        return {target: dict(faults) for target, faults in self._set.items()}


def _bounds(kind: Kind) -> str:
    if kind.high <= kind.low:
        return "no value"
    return f"{'a whole number' if kind.whole else 'a number'} from {kind.low:g} to {kind.high:g}"
