"""What can not be true of a register map, whoever wrote it: pure checks on an expanded profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lampwell.config import Entry
from lampwell.config_words import Key
from lampwell.errors import Problem
from lampwell.points import Kind
from lampwell.profiles.model import Register, Space, Window, WireType
from lampwell.profiles.wire_order import raw_limits, words_of

LAST_ADDRESS = 65_535
MAX_WORDS, MAX_BITS = 125, 2_000  # per request, by the Modbus application protocol 1.1b3


@dataclass(frozen=True, slots=True)
class Placed:
    """A register and the key path of the file that it came from."""

    register: Register
    keys: tuple[Key, ...]


def check_windows(windows: Sequence[tuple[Window, tuple[Key, ...]]], entry: Entry) -> list[Problem]:
    """Windows that are impossible or overlap another of their space."""
    problems = []
    for n, (window, keys) in enumerate(windows):
        most = MAX_BITS if window.space.is_bits else MAX_WORDS
        if not 0 <= window.first <= window.last <= LAST_ADDRESS:
            problems.append(entry.problem(f"{_range(window)} is not a range of addresses within 0-{LAST_ADDRESS}", *keys))
        if window.max_count is not None and not 1 <= window.max_count <= most:
            problems.append(entry.problem(f"must be from 1 to {most}, not {window.max_count}", *keys, "max_count"))
        for other, _ in windows[:n]:
            if other.space == window.space and other.first <= window.last and window.first <= other.last:
                problems.append(entry.problem(f"{window.space} {_range(window)} overlaps the window {_range(other)}", *keys))
    return problems


def check_registers(placed: Sequence[Placed], windows: Sequence[Window], entry: Entry) -> list[Problem]:
    """Everything wrong with the registers; at most one problem for each place in the file (a repeat would tell it many times)."""
    paths = {p.register.point.path: p.register for p in placed}
    found: dict[tuple[Key, ...], Problem] = {}
    for one in placed:
        for keys, reason in _wrong_with(one.register, windows, paths):
            found.setdefault((*one.keys, keys), entry.problem(reason, *one.keys, *keys.split(".")))
    for one, reason in (*_duplicates(placed), *_overlaps(placed)):
        found.setdefault((*one.keys, "address"), entry.problem(reason, *one.keys))
    return list(found.values())


def _wrong_with(register: Register, windows: Sequence[Window], paths: dict[str, Register]) -> Iterator[tuple[str, str]]:
    yield from _wrong_place(register, windows)
    yield from _wrong_encoding(register)
    yield from _wrong_tests(register, paths)
    if register.write and register.space in (Space.INPUT, Space.DISCRETE):
        yield "write", f"{register.space} can only be read"
    low, high = (register.write.low, register.write.high) if register.write else (None, None)
    if low is not None and high is not None and low > high:
        yield "write", f"low {low:g} is above high {high:g}"


def _wrong_place(register: Register, windows: Sequence[Window]) -> Iterator[tuple[str, str]]:
    first, count = register.address, words_of(register.encoding)
    last = first + count - 1
    if not 0 <= first <= last <= LAST_ADDRESS:
        yield "address", f"{register.space} {_span(first, last)} is not within 0-{LAST_ADDRESS}"
        return
    home = next((w for w in windows if w.space == register.space and w.first <= first and last <= w.last), None)
    if home is None:
        yield "address", f"{register.space} {_span(first, last)} is in no readable window"
    elif count > (home.max_count or MAX_WORDS):
        yield "type", f"{register.encoding.type} takes {count} registers, one request may read {home.max_count or MAX_WORDS}"


def _wrong_encoding(register: Register) -> Iterator[tuple[str, str]]:
    encoding = register.encoding
    if (encoding.type is WireType.BOOL) is not register.space.is_bits:
        wanted = "must be bool" if register.space.is_bits else "can not be bool; use bits"
        yield "type", f"{wanted}: one address of {register.space} holds one {'bit' if register.space.is_bits else 'word'}"
        return
    if encoding.scale == 0:
        yield "scale", "must not be 0"
    if encoding.type is WireType.BITS and encoding.bit + encoding.width > 16:
        yield "bit", f"bits {encoding.bit} to {encoding.bit + encoding.width - 1} are not within the 16 bits of a word"
    yield from _wrong_sentinels(register)


def _wrong_sentinels(register: Register) -> Iterator[tuple[str, str]]:
    encoding = register.encoding
    if not encoding.sentinels:
        return
    if encoding.type in (WireType.BOOL, WireType.TEXT, WireType.BCD_TIME) or (
        encoding.type is WireType.BITS and encoding.width == 1
    ):
        yield "sentinels", f"{encoding.type} has no room for a 'not available' pattern"
        return
    low, high = (0, (1 << encoding.width) - 1) if encoding.type is WireType.BITS else raw_limits(encoding.type)
    whole = encoding.type not in (WireType.F32, WireType.F64)
    for sentinel in encoding.sentinels:
        if not low <= sentinel <= high or (whole and sentinel != int(sentinel)):
            yield "sentinels", f"{sentinel:g} is nothing that {encoding.type} can hold"


def _wrong_tests(register: Register, paths: dict[str, Register]) -> Iterator[tuple[str, str]]:
    point, tests = register.point, register.point.tests
    if tests.status is not None and tests.status not in paths:
        yield "tests.status", f"there is no point {tests.status!r}"
    if tests.low is not None and tests.high is not None and tests.low >= tests.high:
        yield "tests.low", f"{tests.low:g} is not below high {tests.high:g}"
    if tests.rate_suspect is not None and tests.rate_bad is not None and tests.rate_suspect > tests.rate_bad:
        yield "tests.rate_suspect", f"{tests.rate_suspect:g} is above rate_bad {tests.rate_bad:g}"
    limits = (tests.low, tests.high, tests.rate_suspect, tests.rate_bad, tests.spike, tests.blind_above)
    if point.kind not in (Kind.FLOAT, Kind.INT) and any(limit is not None for limit in limits):
        yield "tests", f"limits need a number, and this is {point.kind}"
    if point.kind not in (Kind.FLOAT, Kind.INT) and (point.deadband.absolute or point.deadband.percent):
        yield "deadband", f"needs a number, and this is {point.kind}"


def _duplicates(placed: Sequence[Placed]) -> Iterator[tuple[Placed, str]]:
    seen = set()
    for one in placed:
        path = one.register.point.path
        if path in seen:
            yield one, f"the path {path!r} is there twice"
        seen.add(path)


def _overlaps(placed: Sequence[Placed]) -> Iterator[tuple[Placed, str]]:
    """Two points that share a register, unless they are different bits of it."""
    owners: dict[tuple[Space, int], list[Register]] = {}
    for one in placed:
        register = one.register
        for address in range(register.address, register.address + words_of(register.encoding)):
            sharing = owners.setdefault((register.space, address), [])
            clash = next((other for other in sharing if not _share(register, other)), None)
            if clash:
                yield one, f"{register.space} {address} is in both {clash.point.path!r} and {register.point.path!r}"
            sharing.append(register)


def _share(one: Register, other: Register) -> bool:
    return one.encoding.type is WireType.BITS and other.encoding.type is WireType.BITS and not _mask(one) & _mask(other)


def _mask(register: Register) -> int:
    return (1 << register.encoding.width) - 1 << register.encoding.bit


def _range(window: Window) -> str:
    return _span(window.first, window.last)


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}-{last}"
