"""A profile file to the profile of one device: parameters filled in, repeats unrolled, every register checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lampwell.config import Entry
from lampwell.config_words import Key, either
from lampwell.errors import ConfigError, Problem
from lampwell.points import Deadband, Point, PollClass, Tests
from lampwell.profiles.checks import Placed, check_registers, check_windows
from lampwell.profiles.encoding import kind_of
from lampwell.profiles.files import DeadbandFile, DefaultsFile, PointFile, ProfileFile, RepeatFile, TestsFile
from lampwell.profiles.model import Encoding, Order, Profile, Register, Window, WireType, WriteLimits
from lampwell.profiles.parameters import Parameters, evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A profile file that was read and holds only known keys; ``entry`` knows its lines."""

    file: ProfileFile
    entry: Entry


def expand(source: Source, parameters: Parameters) -> Profile:
    """The profile with its parameters filled in and its repeats unrolled; ConfigError with all that is wrong with it."""
    expansion = _Expansion(source.entry, parameters, [])
    file = source.file
    placed = [*expansion.points(file), *expansion.repeats(file)]
    windows = [*expansion.windows(file)]
    if not expansion.problems:
        expansion.problems.extend(check_windows(windows, source.entry))
        expansion.problems.extend(check_registers(placed, [window for window, _ in windows], source.entry))
    if expansion.problems:
        raise ConfigError(dict.fromkeys(expansion.problems))
    return Profile(
        id=file.id,
        zh=file.zh,
        en=file.en,
        source=file.source,
        registers=tuple(p.register for p in placed),
        windows=tuple(window for window, _ in windows),
        workarounds=file.workarounds,
    )


@dataclass(frozen=True, slots=True)
class _Expansion:
    """One run of ``expand``: the parameters to fill in, and the problems met so far."""

    entry: Entry
    parameters: Parameters
    problems: list[Problem]

    def points(self, file: ProfileFile) -> Iterator[Placed]:
        for n, point in enumerate(file.point):
            if register := self._register(_merged(point, file.defaults), ("point", n), str, 0):
                yield Placed(register, ("point", n))

    def repeats(self, file: ProfileFile) -> Iterator[Placed]:
        for r, repeat in enumerate(file.repeat):
            points = [_merged(point, repeat.defaults, file.defaults) for point in repeat.point]
            for n in range(1, self._count(repeat, r) + 1):
                yield from self._component(repeat, points, r, n)

    def _component(self, repeat: RepeatFile, points: list[PointFile], r: int, n: int) -> Iterator[Placed]:
        component, base = repeat.component.format(n=n), repeat.base + repeat.stride * (n - 1)
        for p, point in enumerate(points):
            keys = ("repeat", r, "point", p)
            if "/" in point.path:
                self.problems.append(self.entry.problem("can not name a component: it is in a repeat already", *keys, "path"))
                continue
            inside = point.model_copy(update={"path": f"{component}/{point.path}"})
            if register := self._register(inside, keys, _numbered(n), base):
                yield Placed(register, keys)

    def windows(self, file: ProfileFile) -> Iterator[tuple[Window, tuple[Key, ...]]]:
        for n, window in enumerate(file.window):
            yield Window(**window.model_dump()), ("window", n)
        for r, repeat in enumerate(file.repeat):
            if repeat.window:
                yield from self._repeat_windows(repeat, r, file.defaults)

    def _repeat_windows(self, repeat: RepeatFile, r: int, defaults: DefaultsFile) -> Iterator[tuple[Window, tuple[Key, ...]]]:
        space = repeat.defaults.space or defaults.space
        if space is None or repeat.window is None:
            self.problems.append(self.entry.problem("needs defaults.space beside it", "repeat", r, "window"))
            return
        count, size = self._count(repeat, r), repeat.window.count
        joined = size == repeat.stride
        for n in range(1 if joined else count):
            first = repeat.base + n * repeat.stride
            last = first + (size * count if joined else size) - 1
            made = Window(space=space, first=first, last=last, bridge=repeat.window.bridge, max_count=repeat.window.max_count)
            yield made, ("repeat", r, "window")

    def _count(self, repeat: RepeatFile, r: int) -> int:
        count = self._number(repeat.count, "repeat", r, "count")
        if count is None or not 0 <= count <= 10_000 or count != int(count):
            self.problems.append(self.entry.problem(f"must be a whole number from 0 to 10000, not {count}", "repeat", r, "count"))
            return 0
        return int(count)

    def _register(self, point: PointFile, keys: tuple[Key, ...], label: Callable[[str], str], base: int) -> Register | None:
        for name, found in (("space", point.space), ("type", point.type)):
            if found is None:
                self.problems.append(self.entry.problem("is missing", *keys, name))
        if point.space is None or point.type is None:
            return None
        encoding = self._encoding(point, point.type, keys)
        made = Point(
            path=point.path,
            kind=kind_of(encoding),
            unit=point.unit,
            zh=label(point.zh),
            en=label(point.en),
            poll=point.poll or PollClass.FAST,
            deadband=self._deadband(point.deadband, (*keys, "deadband")),
            tests=self._tests(point.tests, label, (*keys, "tests")),
            writable=point.write is not None,
        )
        return Register(
            point=made, space=point.space, address=base + point.address, encoding=encoding, write=self._write(point, keys)
        )

    def _encoding(self, point: PointFile, type_: WireType, keys: tuple[Key, ...]) -> Encoding:
        wanted = [self._number(s, *keys, "sentinels") for s in point.sentinels or []]
        return Encoding(
            type=type_,
            order=self._order(point.order, keys),
            words=point.words,
            bit=point.bit,
            width=point.width,
            scale=self._number(point.scale, *keys, "scale") or 0.0,
            offset=self._number(point.offset, *keys, "offset") or 0.0,
            sentinels=tuple(s for s in wanted if s is not None),
        )

    def _order(self, order: str | None, keys: tuple[Key, ...]) -> Order:
        wanted = str(self.parameters.get(order, order)) if order else Order.ABCD
        if wanted in tuple(Order):
            return Order(wanted)
        reason = f"must be {either((*Order, 'a parameter that holds one'))}, not {wanted!r}"
        self.problems.append(self.entry.problem(reason, *keys, "order"))
        return Order.ABCD

    def _deadband(self, deadband: DeadbandFile | None, keys: tuple[Key, ...]) -> Deadband:
        if deadband is None:
            return Deadband()
        values = {name: self._number(value, *keys, name) or 0.0 for name, value in deadband}
        self.problems.extend(self.entry.problem("must not be negative", *keys, name) for name, v in values.items() if v < 0)
        return Deadband(**values)

    def _tests(self, tests: TestsFile | None, label: Callable[[str], str], keys: tuple[Key, ...]) -> Tests:
        if tests is None:
            return Tests()
        numbers = {name: self._number(v, *keys, name) for name, v in tests if name not in ("source", "status")}
        for name in ("rate_suspect", "rate_bad", "spike", "flat_s"):
            if (value := numbers[name]) is not None and value < 0:
                self.problems.append(self.entry.problem("must not be negative", *keys, name))
            numbers[name] = value or None
        return Tests(**numbers, status=label(tests.status) if tests.status else None)

    def _write(self, point: PointFile, keys: tuple[Key, ...]) -> WriteLimits | None:
        if point.write is None:
            return None
        low, high = (self._number(v, *keys, "write", name) for name, v in (("low", point.write.low), ("high", point.write.high)))
        return WriteLimits(low=low, high=high, pulse=point.write.pulse)

    def _number(self, value: float | str | None, *keys: Key) -> float | None:
        try:
            return evaluate(value, self.parameters)
        except ValueError as error:
            self.problems.append(self.entry.problem(str(error), *keys))
            return None


def _numbered(n: int) -> Callable[[str], str]:
    return lambda text: text.replace("{n}", str(n))


def _merged(point: PointFile, *defaults: DefaultsFile) -> PointFile:
    """The point with what it does not say taken from the nearest defaults that do."""
    for outer in defaults:
        given = {name: getattr(outer, name) for name in DefaultsFile.model_fields if getattr(point, name) is None}
        point = point.model_copy(update=given)
    return point
