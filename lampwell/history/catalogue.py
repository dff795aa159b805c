"""The series catalogue of the embedded store: a small number for every series, found once per layout."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from re import compile as compile_pattern

from lampwell.history.port import SeriesId, SeriesInfo
from lampwell.points import Kind
from lampwell.readings import Layout

_SHAPES_PER_LAYOUT = 256


def order(info: SeriesInfo) -> tuple[str, str, str, str]:
    """How series are listed: by area, edge node, device, point."""
    return (info.id.node.group, info.id.node.edge, info.id.device, info.id.point)


def matcher(pattern: str) -> Callable[[str], object]:
    """A test of a series' written form (``cabinet-03/loop3/i_a``) against a shell pattern."""
    return compile_pattern(translate(pattern)).match


@dataclass(slots=True)
class Shape:
    """One choice of a layout's columns: the series numbers side by side; ``plain`` when none of them is text."""

    ids: array[int]
    plain: bool


@dataclass(slots=True)
class Numbered:
    """A layout with its series numbers. ``newest`` is the newest time among its series' latest readings."""

    layout: Layout
    ids: array[int]
    newest: int = -(1 << 62)
    shapes: dict[tuple[int, ...], Shape] = field(default_factory=dict)

    def shape(self, index: tuple[int, ...]) -> Shape:
        """The numbers of these columns; made once per choice of columns."""
        found = self.shapes.get(index)
        if found is None:
            if len(self.shapes) >= _SHAPES_PER_LAYOUT:
                self.shapes.clear()
            points = self.layout.points
            plain = all(points[i].kind is not Kind.TEXT for i in index)
            found = self.shapes[index] = Shape(array("I", [self.ids[i] for i in index]), plain)
        return found


class Catalogue:
    """All series of a store by number. ``unsaved`` are those made or changed since ``saved`` was last called."""

    def __init__(self, known: Iterable[tuple[int, SeriesInfo]]) -> None:
        self.infos: dict[int, SeriesInfo] = dict(known)
        self.numbers: dict[SeriesId, int] = {info.id: number for number, info in self.infos.items()}
        self.unsaved: set[int] = set()
        self._next = max(self.infos, default=0) + 1
        self._listed: list[tuple[str, int, SeriesInfo]] | None = None
        self._layouts: dict[tuple[object, str], Numbered] = {}

    def numbered(self, layout: Layout) -> Numbered:
        """The layout with its numbers; new series get the next ones, a changed kind or unit is noted."""
        key = (layout.node, layout.device)
        known = self._layouts.get(key)
        if known is None or known.layout is not layout:
            ids = array("I", [self._number(layout, i) for i in range(len(layout.points))])
            known = self._layouts[key] = Numbered(layout, ids)
        return known

    def matching(self, pattern: str) -> list[tuple[int, SeriesInfo]]:
        """Numbers and series whose written form matches, in order."""
        if self._listed is None:
            infos = list(self.infos.items())  # in one step: the writer may add meanwhile
            infos.sort(key=lambda item: order(item[1]))
            self._listed = [(str(info.id), number, info) for number, info in infos]
        if pattern == "*":
            return [(number, info) for _, number, info in self._listed]
        found = matcher(pattern)
        return [(number, info) for text, number, info in self._listed if found(text)]

    def saved(self) -> None:
        """The unsaved ones are in the store now."""
        self.unsaved.clear()

    def known(self, series: Sequence[SeriesId]) -> dict[int, SeriesInfo]:
        """Those of the series that were ever stored, by number."""
        numbers = [self.numbers[one] for one in series if one in self.numbers]
        return {number: self.infos[number] for number in numbers}

    def _number(self, layout: Layout, position: int) -> int:
        point = layout.points[position]
        info = SeriesInfo(SeriesId(layout.node, layout.device, point.path), point.kind, point.unit)
        number = self.numbers.get(info.id)
        if number is None:
            number = self.numbers[info.id] = self._next
            self._next += 1
        if self.infos.get(number) != info:
            self.infos[number] = info
            self._listed = None
            self.unsaved.add(number)
        return number
