"""The read plan: which requests read a device, made once, printed, then polled.

Registers are merged into blocks over gaps inside windows that may be bridged, up to the device's own limit or Modbus's (125
registers, 2,000 bits). In a window that may not be bridged every point has its own request (some radar sensors refuse a block
read: domain drainage 2.7). On slow lines a gap is bridged only while its bytes cost less than another request.

How the pipeline uses it: ``raws = block.raw(data)``; where ``raws[i]`` differs from the last round's,
``values[block.positions[i]] = block.convert[i](raws[i])``. ``positions`` are columns of the device's layout, which are the
positions in ``profile.registers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.decode import Convert, Unpack, converter, unpacker
from gateway.modbus.port import Block
from lampwell.assets import Device, Intervals, Link, Transport
from lampwell.errors import ConfigError, Problem
from lampwell.points import PollClass
from lampwell.profiles.model import Profile, Register, Space, Window
from lampwell.profiles.wire_order import words_of

MAX_REGISTERS = 125
MAX_BITS = 2000
TURNAROUND_S = 0.020  # a device's own thinking time on a line: 20 to 100 ms (domain streetlights 2.5)
TCP_ROUND_TRIP_S = 0.010  # an estimate for plans only (unverified): LAN 1 ms, fibre 5, 4G 60; the bus measures the real one


class Mode(StrEnum):
    """How closely a device is watched; decided at the edge."""

    DRY = "dry"
    WATCH = "watch"
    STORM = "storm"

    def interval_s(self, intervals: Intervals) -> float:
        """Seconds between polls of the fast points in this mode."""
        return {Mode.DRY: intervals.dry_s, Mode.WATCH: intervals.watch_s, Mode.STORM: intervals.storm_s}[self]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockPlan:
    """One request and what it carries: raw item ``i`` of ``raw(data)`` belongs to column ``positions[i]`` of the device's
    layout and becomes a value by ``convert[i]`` (None = "not available"). Compared by identity: it is made once per device.
    """

    block: Block
    poll: PollClass
    positions: tuple[int, ...]
    raw: Unpack
    convert: tuple[Convert, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DevicePlan:
    """All requests of a device by poll class."""

    device: Device
    fast: tuple[BlockPlan, ...]
    slow: tuple[BlockPlan, ...]
    demand: tuple[BlockPlan, ...]

    @property
    def blocks(self) -> tuple[BlockPlan, ...]:
        """Every block: fast, slow, demand."""
        return self.fast + self.slow + self.demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """What polling costs a link: bus seconds of one fast and one slow round of all devices, and the share of time per mode."""

    fast_s: float
    slow_s: float
    load: dict[Mode, float]


def plan_device(device: Device, link: Link | None = None) -> DevicePlan:
    """The requests for a device. With a ``link``, gaps are bridged only while that is cheaper there than another request.

    ConfigError where a register lies outside every readable window of its profile.
    """
    gap = MAX_REGISTERS if link is None else bridge_gap(link)
    by_class: dict[PollClass, tuple[BlockPlan, ...]] = {}
    for poll in PollClass:
        chosen = [i for i, r in enumerate(device.profile.registers) if r.point.poll is poll]
        by_class[poll] = tuple(_block_plan(device.profile, poll, group) for group in _groups(device, chosen, gap))
    return DevicePlan(
        device=device, fast=by_class[PollClass.FAST], slow=by_class[PollClass.SLOW], demand=by_class[PollClass.DEMAND]
    )


# -- merging -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Group:
    """Registers (by position) that one request reads: ``first`` to ``end`` (exclusive)."""

    first: int
    end: int
    positions: tuple[int, ...]


def _groups(device: Device, chosen: Sequence[int], gap: int) -> list[_Group]:
    """Positions grouped into requests, window by window, addresses ascending."""
    by_window: dict[int, list[int]] = {}
    for position in chosen:
        by_window.setdefault(_window_of(device, device.profile.registers[position]), []).append(position)
    groups: list[_Group] = []
    for number, positions in sorted(by_window.items()):
        groups += _merge(device.profile, device.profile.windows[number], positions, gap)
    return groups


def _window_of(device: Device, register: Register) -> int:
    last = register.address + words_of(register.encoding) - 1
    for number, window in enumerate(device.profile.windows):
        if window.space is register.space and window.first <= register.address and last <= window.last:
            return number
    reason = f"{register.space} {register.address}..{last} ({register.point.path}) lies outside every readable window"
    raise ConfigError([Problem(f"profile {device.profile.id}", device.id, reason)])


def _merge(profile: Profile, window: Window, positions: Iterable[int], gap: int) -> list[_Group]:
    limit = min(window.max_count or MAX_BITS, MAX_BITS if window.space.is_bits else MAX_REGISTERS)
    reach = (gap * 16 if window.space.is_bits else gap) if window.bridge else 0
    groups: list[_Group] = []
    for position in sorted(positions, key=lambda i: profile.registers[i].address):
        register = profile.registers[position]
        first, end = register.address, register.address + words_of(register.encoding)
        last = groups[-1] if groups else None
        if last and _joins(last, first, end, reach=reach, limit=limit, bridge=window.bridge):
            groups[-1] = _Group(last.first, max(last.end, end), (*last.positions, position))
        else:
            groups.append(_Group(first, end, (position,)))
    return groups


def _joins(group: _Group, first: int, end: int, *, reach: int, limit: int, bridge: bool) -> bool:
    """Whether the span may share the request. Without bridging only the very same registers may (bits of one word)."""
    if not bridge:
        return first >= group.first and end <= group.end
    return first - group.end <= reach and max(end, group.end) - group.first <= limit


def _block_plan(profile: Profile, poll: PollClass, group: _Group) -> BlockPlan:
    registers = [profile.registers[i] for i in group.positions]
    space, count = registers[0].space, group.end - group.first
    return BlockPlan(
        block=Block(space, group.first, count),
        poll=poll,
        positions=group.positions,
        raw=unpacker(space, group.first, count, registers),
        convert=tuple(converter(r) for r in registers),
    )


# -- time on the bus -----------------------------------------------------------------------------------------------------------


def char_s(link: Link) -> float:
    """Seconds one character takes on the line: start bit, 8 data bits, parity if any, stop bits."""
    return (9 + (link.parity != "N") + link.stop_bits) / link.baud


def answer_bytes(block: Block) -> int:
    """Data bytes of the answer to a read."""
    return (block.count + 7) // 8 if block.space.is_bits else 2 * block.count


def line_s(link: Link, block: Block) -> float:
    """Seconds that request and answer occupy a serial line: 8 characters out, 5 + data back, 3.5 of silence before each
    (1.75 ms above 19,200 baud, as the Modbus serial guide fixes it).
    """
    one = char_s(link)
    silence = 0.00175 if link.baud > 19200 else 3.5 * one
    return (13 + answer_bytes(block)) * one + 2 * silence


def request_s(link: Link, block: Block) -> float:
    """Bus seconds of one request, pauses included. On TCP an estimate (``TCP_ROUND_TRIP_S``); what lies behind is not known."""
    if link.transport is Transport.TCP:
        return TCP_ROUND_TRIP_S / link.in_flight + link.pause_s
    return line_s(link, block) + TURNAROUND_S + link.pause_s


def bus_seconds(link: Link, blocks: Iterable[BlockPlan]) -> float:
    """Bus seconds to read these blocks once."""
    return sum(request_s(link, b.block) for b in blocks)


def bridge_gap(link: Link) -> int:
    """The widest gap, in registers, that is cheaper to read than to leave out."""
    if link.transport is Transport.TCP:
        return MAX_REGISTERS
    overhead_s = request_s(link, Block(Space.HOLDING, 0, 0))
    return int(overhead_s / (2 * char_s(link)))


def cycle(link: Link, plans: Sequence[DevicePlan]) -> Cycle:
    """What polling these devices costs their link. A load above 1 can not be met."""
    fast = {p: bus_seconds(link, p.fast) for p in plans}
    slow = {p: bus_seconds(link, p.slow) for p in plans}
    load = {
        mode: sum(fast[p] / mode.interval_s(p.device.intervals) + slow[p] / p.device.intervals.slow_s for p in plans)
        for mode in Mode
    }
    return Cycle(fast_s=sum(fast.values()), slow_s=sum(slow.values()), load=load)
