"""The demo's terminal screen: a pure function from a View and a size to something rich can draw.

Calm display rules (domain alarms 5.1): grey base, colour only for what needs attention, then always with shape and number beside
it; numbers stand against their limits; what is unknown or stale shows ``- -`` and why, never the last value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy import duty_view
from deploy.view import Count, Event, Flow, Lights, Limit, Place, View
from lampwell.assets import Levels

WIDE, LEFT, DUTY_ROWS = 110, 48, 6
PLAIN, DIM, STRONG = "grey70", "grey50", "bold grey85"
SLOW, DEAD = "yellow3", "bold red"
COLOURS = {
    Limit.NONE: PLAIN,
    Limit.BLUE: "dodger_blue1",
    Limit.YELLOW: "yellow3",
    Limit.ORANGE: "dark_orange",
    Limit.RED: "bold red",
}
MARKS = {Limit.NONE: "  ", Limit.BLUE: "●4", Limit.YELLOW: "◆3", Limit.ORANGE: "▲2", Limit.RED: "■1"}
ASCII_MARKS = {Limit.NONE: "  ", Limit.BLUE: "o4", Limit.YELLOW: "<3", Limit.ORANGE: "^2", Limit.RED: "#1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The terminal: columns, rows, and whether it can show more than ASCII."""

    width: int
    height: int
    unicode: bool = True


def render(view: View, size: Size) -> RenderableType:
    """The whole screen, never wider or higher than the terminal."""
    draw = _Draw(size)
    head = [*draw.header(view), draw.rule()]
    counts = list(draw.counts(view, _column(size)))
    flow = [*draw.flow(view.flow), *draw.weather(view)]
    if size.width >= WIDE:
        body = _side_by_side(
            [*counts, Text(), *flow], list(draw.levels(view.places, size.width - LEFT - 4, size.height - 8)), size
        )
        used = len(head) + max(len(counts) + 1 + len(flow), len(view.places) + 1)
        return Group(*head, body, draw.rule(), *draw.below(view, size.height - used - 3))
    room = size.height - len(head) - len(counts) - len(flow) - 6
    places = list(draw.levels(view.places, size.width, room))
    used = len(head) + len(counts) + len(flow) + len(places)
    return Group(*head, *counts, *flow, *places, draw.rule(), *draw.below(view, size.height - used - 3))


def _panes(left: Sequence[RenderableType], right: Sequence[RenderableType], width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=width, no_wrap=True)
    table.add_column(width=width - 2, no_wrap=True)
    table.add_row(Group(*left), Group(*right))
    return table


def _column(size: Size) -> int:
    """The width of the counts."""
    return LEFT if size.width >= WIDE else size.width


def _side_by_side(left: Sequence[RenderableType], right: Sequence[RenderableType], size: Size) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=LEFT, no_wrap=True)
    table.add_column(width=size.width - LEFT - 4, no_wrap=True)
    table.add_row(Group(*left), Group(*right))
    return table


@dataclass(frozen=True, slots=True)
class _Draw:
    """Draws the parts for one terminal."""

    size: Size

    def label(self, zh: str, en: str) -> str:
        """Chinese first, English beside it; English alone where the terminal cannot show Chinese."""
        return f"{zh} {en}" if self.size.unicode else en

    def line(self, *parts: tuple[str, str], width: int = 0) -> Text:
        """One line of styled parts, cut to the width."""
        text = Text.assemble(*((self._safe(part), style) for part, style in parts), no_wrap=True, overflow="crop")
        text.truncate(width or self.size.width, overflow="crop")
        return text

    def rule(self) -> Text:
        return Text(("─" if self.size.unicode else "-") * self.size.width, DIM)

    def header(self, view: View) -> Iterator[Text]:
        speed = f"  x{view.speed:g}" if view.speed != 1 else ""
        yield self.line((f" {self.label(view.zh, view.en)}", STRONG), (f"   {view.local_time}{speed}", PLAIN), ("   Ctrl-C", DIM))
        yield self.line((f" {self.label('数据', 'data')} {view.folder}  {view.note}", DIM))
        if view.problem:
            yield self.line((f" {view.problem}", DEAD))

    def counts(self, view: View, width: int) -> Iterator[Text]:
        """How many there are; anything not fine is said in words and colour. Two to a line where rows are scarce."""
        every = (*view.kinds, view.links, view.units)
        if self.size.width >= WIDE:
            yield from (self._count(count, width) for count in every)
            return
        cells = [self._count(count, width // 2) for count in every]
        for left, right in zip(cells[::2], [*cells[1::2], Text()], strict=False):
            yield left + right

    def _count(self, count: Count, width: int) -> Text:
        text = self.line((f" {_pad(self.label(count.zh, count.en), 19)}", PLAIN), (f"{count.all:>3}", STRONG), width=width)
        for number, zh, en, style in (
            (count.dead, "失联", "dead", DEAD),
            (count.slow, "缓慢", "slow", SLOW),
            (count.unknown, "未知", "unknown", DIM),
        ):
            if number:
                text.append(f" {number} {zh if self.size.unicode else en}", style)
        if count.ok == count.all:
            text.append(" 正常" if self.size.unicode else " ok", DIM)
        text.truncate(width, overflow="crop", pad=True)
        return text

    def flow(self, flow: Flow) -> Iterator[Text]:
        """Rates, and what waits."""
        oldest = "- -" if flow.oldest_s is None else _seconds(flow.oldest_s)
        yield from self._fields(
            (self.label("轮询", "polls"), f"{flow.polls_per_s:.1f}/s"),
            (self.label("入库", "stored"), f"{flow.stored_per_s:.0f}/s"),
            (self.label("积压", "backlog"), f"{flow.backlog}"),
            (self.label("最旧", "oldest"), oldest),
        )

    def weather(self, view: View) -> Iterator[Text]:
        """Rain, and what is done about it."""
        rain, running = view.rain, "- -" if view.pumps_running is None else str(view.pumps_running)
        yield from self._fields(
            (self.label("雨强", "rain"), f"{_number(rain.mm_per_h, 1)} mm/h"),
            (self.label("累计", "total"), f"{_number(rain.total_mm, 1)} mm"),
            (self.label("运行泵", "pumps"), f"{running}/{view.pumps}"),
            (self.label("亮灯", "lit"), f"{'- -' if view.loops_lit is None else view.loops_lit}/{view.loops}"),
        )
        if view.duty is not None and view.duty.lights is not None:
            yield from self.lights(view.duty.lights)

    def lights(self, lights: Lights) -> Iterator[Text]:
        """The plan that is in force, and what stands above it."""
        unlike = "- -" if lights.unlike is None else str(lights.unlike)
        yield from self._fields(
            (self.label("方案", "plan"), f"v{lights.version} {lights.following}/{lights.edges}"),
            (self.label("不符", "unlike"), unlike),
        )
        for one in lights.overrides[:2]:
            yield self.line((f" {one}", SLOW), width=LEFT if self.size.width >= WIDE else 0)

    def _fields(self, *fields: tuple[str, str]) -> Iterator[Text]:
        """Names and numbers: one line, or two to a line where the column is narrow."""
        size, width = (2, LEFT // 2) if self.size.width >= WIDE else (4, self.size.width // 4)
        for start in range(0, len(fields), size):
            line = Text()
            for name, value in fields[start : start + size]:
                cell = self.line((f" {name} ", DIM), (value, STRONG), width=width)
                cell.truncate(width, overflow="crop", pad=True)
                line.append_text(cell)
            yield line

    def levels(self, places: Sequence[Place], width: int, rows: int) -> Iterator[Text]:
        """Bars against limits. Where there is no room for all, those that matter most, and how many are left out."""
        yield self.line((f" {self.label('水位', 'levels')}", DIM), width=width)
        rows = max(1, rows)
        shown = places if len(places) <= rows else _first(places, rows - 1)
        for place in shown:
            yield self._place(place, width)
        if left := len(places) - len(shown):
            yield self.line((f" {self.label(f'另有 {left} 处', f'{left} more')}", DIM), width=width)

    def _place(self, place: Place, width: int) -> Text:
        colour = COLOURS[place.limit]
        mark = (MARKS if self.size.unicode else ASCII_MARKS)[place.limit]
        name = f"{_pad(place.zh, 14)} {_pad(place.id, 10)}" if self.size.unicode else _pad(place.id, 25)
        if place.level is None:
            return self.line((f" {mark} {name}", PLAIN), (f"- -  {place.why}", DIM), width=width)
        value = f"{round(place.level, 2) + 0.0:7.2f} {place.unit:<2}"  # + 0.0: a dry street reads 0.00, not -0.00
        rise = f" {place.rise:+.2f}/10min" if place.rise and abs(place.rise) >= 0.01 else ""
        room = width - cell_len(name) - len(value) - 18
        bar = self._bar(place.level, place.levels, room) if place.levels and room >= 8 else Text()
        return self.line((f" {mark} {name}", colour), (value, colour), width=width) + Text(" ") + bar + Text(rise, DIM)

    def _bar(self, level: float, levels: Levels, width: int) -> Text:
        """Filled up to the level; the four limits are marked even where the bar has passed them."""
        full, empty, tick = ("█", "·", "│") if self.size.unicode else ("#", ".", "|")
        low, high = bar_range(levels)
        filled = round((level - low) / (high - low) * width)
        text = Text("".join(full if cell < filled else empty for cell in range(width)), DIM)
        for limit, at in zip(list(Limit)[1:], (levels.blue, levels.yellow, levels.orange, levels.red), strict=True):
            cell = min(width - 1, int((at - low) / (high - low) * width))
            reached = level >= at
            text = text[:cell] + Text(full if reached else tick, COLOURS[limit] if reached else DIM) + text[cell + 1 :]
        return text

    def below(self, view: View, rows: int) -> Iterator[RenderableType]:
        """What happens: the duty desk with its alarms and phones where there is one, and the newest events."""
        if view.duty is None or rows < DUTY_ROWS:
            yield from self.events(view, rows)
            return
        room = rows - 2
        left = list(self._spans(duty_view.alarm_lines(view.duty, room, view.zone), self._half()))
        if view.duty.detail:
            right = list(self._spans(duty_view.detail_lines(view.duty.detail, view.zone), self._half()))
        else:
            right = list(self._spans(duty_view.phone_lines(view.duty, room, view.zone), self._half()))
        if self.size.width >= WIDE:
            yield _panes(left[:room], right[:room], self._half())
        else:
            below = right if view.duty.detail else right[: max(1, room // 3)]
            yield Group(*left[: room - len(below)], *below[:room])
        yield self.line((f" {view.duty.said or duty_view.HELP}", PLAIN if view.duty.said else DIM))
        yield from self.events(view, 1)

    def _half(self) -> int:
        return self.size.width // 2 - 1 if self.size.width >= WIDE else self.size.width

    def _spans(self, spans: Iterable[duty_view.Span], width: int) -> Iterator[Text]:
        marks = MARKS if self.size.unicode else ASCII_MARKS
        for span in spans:
            colour = COLOURS[span.limit] if span.limit else (STRONG if span.strong else PLAIN)
            style = f"{colour} bold" if span.strong and "bold" not in colour else colour
            mark = f"{'>' if span.chosen else ' '}{marks[span.limit]} " if span.mark else " "
            yield self.line((f"{mark}{span.text}", style + (" reverse" if span.chosen else "")), width=width)

    def events(self, view: View, rows: int) -> Iterator[Text]:
        for event in view.events[: max(1, rows)]:
            yield self._event(event)

    def _event(self, event: Event) -> Text:
        mark = (MARKS if self.size.unicode else ASCII_MARKS)[event.limit]
        return self.line((f" {mark} {self.label(event.zh, event.en)}", COLOURS[event.limit]))

    def _safe(self, text: str) -> str:
        return text if self.size.unicode else text.encode("ascii", "replace").decode()


def bar_range(levels: Levels) -> tuple[float, float]:
    """What a bar spans: from 1.5 times blue-to-red below blue (a depth never below zero) to a little above red."""
    span = levels.red - levels.blue
    low = levels.blue - 1.5 * span
    return (0.0 if levels.blue >= 0 and low < 0 else low), levels.red + 0.15 * span


def _first(places: Sequence[Place], rows: int) -> list[Place]:
    """The places nearest to or farthest above their limits, unknown ones before fine ones, in their usual order."""
    ranked = sorted(places, key=_urgency, reverse=True)[:rows]
    return [place for place in places if place in ranked]


def _urgency(place: Place) -> tuple[int, float]:
    if place.level is None or place.levels is None:
        return (1, 0.0) if place.level is None else (0, 0.0)
    low, high = bar_range(place.levels)
    return (place.limit * 2, (place.level - low) / (high - low))


def _number(value: float | None, digits: int) -> str:
    return "- -" if value is None else f"{value:.{digits}f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _pad(text: str, width: int) -> str:
    return set_cell_size(text, width)
