"""The points of one block, sample by sample: what changed, is it believable, is it worth reporting.

An equal sample costs one comparison of bytes. Only raw items that changed, and those that are pending (a jump not yet
confirmed, a changed device status) or due (heartbeat, flat line), are converted, judged and held against their deadband.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from math import inf
from operator import ne

from gateway.decode import Convert
from gateway.plan import BlockPlan
from gateway.report import Columns, Report
from lampwell.points import Point, Value
from lampwell.quality import Judge, make_judge
from lampwell.readings import BAD_FLAGS, Flag

_SENTINEL, _DEVICE = int(Flag.SENTINEL), int(Flag.DEVICE)


class Track:
    """State of one block's points. ``fresh`` makes the next sample report everything."""

    def __init__(self, plan: BlockPlan, points: Sequence[Point], convert: Sequence[Convert]) -> None:
        self._unpack, self._convert = plan.raw, convert
        self.fresh = True
        self.time = 0
        self.positions = plan.positions
        self.sources: tuple[int, ...] = ()  # items that are the status of some point
        chosen = [points[position] for position in plan.positions]
        size = len(chosen)
        made = [make_judge(point) for point in chosen]
        tested = [judge if isinstance(judge, Judge) else None for judge in made]
        self._judge: list[Callable[[Value | None, int, int, bool], int] | None] = [
            judge.judge if tests or point.tests.status else None for judge, tests, point in zip(made, tested, chosen, strict=True)
        ]
        self._motion = [judge.motion if judge else None for judge in tested]
        self._still = [(i, judge.stillness) for i, judge in enumerate(tested) if judge and judge.stillness]
        self._report = Report(chosen)
        self._all = range(size)
        self._data: bytes | None = None
        self._raws: Sequence[object] = (_NOTHING,) * size
        self._values: list[Value | None] = [None] * size
        self._flags = [0] * size
        self._bad = [False] * size
        self._pending: set[int] = set()
        self._flat_ms = inf

    # -- what a sample asks for --------------------------------------------------------------------------------------------

    def differs(self, data: bytes, time: int) -> Sequence[int]:
        """Take a sample's bytes; the items to look at, before what is pending. A clock set back makes everything fresh."""
        changed: Sequence[int] = ()
        if data != self._data:
            raws = self._unpack(data)
            changed = tuple(compress(self._all, map(ne, raws, self._raws)))
            self._data, self._raws = data, raws
        if self.fresh or time < self.time:
            self.fresh = True
            return self._all
        return sorted({*changed, *self._due(time)}) if time >= self._report.due_ms or time >= self._flat_ms else changed

    def status(self, items: Iterable[int]) -> Mapping[int, bool]:
        """Of the given items those that are some point's status: layout position -> does it call its points bad?

        An unknown status calls nothing bad: unknown is not failed.
        """
        chosen = [i for i in items if i in self.sources]
        values = [self._convert[i](self._raws[i]) for i in chosen]  # type: ignore[arg-type]
        return {self.positions[i]: bool(value) for i, value in zip(chosen, values, strict=True)}

    def disown(self, item: int, *, bad: bool) -> None:
        """The status of this item changed: its next sample is judged by it."""
        if self._bad[item] != bad:
            self._bad[item] = bad
            self._pending.add(item)

    # -- the hot path ------------------------------------------------------------------------------------------------------

    def judge(self, items: Sequence[int], time: int, clock_flag: int, out: Columns, before: Columns) -> None:
        """Convert and judge the items and what is pending; what is to be reported goes to ``out``. ``before`` gets the last
        unreported sample ahead of a jump, of the time of the sample before this one, so that trend lines stay true.
        """
        if self._pending:
            items = sorted({*items, *self._pending})
        elif not items:
            self.time = time
            return
        convert, raws, judges, motions, last = self._convert, self._raws, self._judge, self._motion, self.time
        values, flags, bad, positions = self._values, self._flags, self._bad, self.positions
        worth, said, times, fresh = self._report.worth, self._report.said, self._report.times, self.fresh
        for i in items:
            value = convert[i](raws[i])  # type: ignore[arg-type]
            judge = judges[i]
            if judge is None:
                flag = clock_flag if value is not None else _SENTINEL | clock_flag
            else:
                flag = judge(value, time, last, bad[i]) | clock_flag
                if flag & _SENTINEL:
                    value = None
                motion = motions[i]
                if motion is not None and (motion.flags or motion.mood):
                    self._pending.add(i)
                elif self._pending:
                    self._pending.discard(i)
            if fresh or worth(i, value, flag, time):
                if times[i] != last and self._jumped(i, value):
                    before.add(positions[i], values[i], flags[i])
                out.index.append(positions[i])
                out.values.append(value)
                out.flags.append(flag)
                said(i, value, flag, time)
            values[i], flags[i] = value, flag
        self._end(time)

    def refuse(self, time: int, clock_flag: int, out: Columns) -> None:
        """The device refused this block: its points are bad and have no value. Said once, then at each heartbeat."""
        flag = _DEVICE | clock_flag
        for i in self._all:
            motion = self._motion[i]
            if motion is not None:
                motion.lost(self.time)
            if self.fresh or self._report.worth(i, None, flag, time):
                out.add(self.positions[i], None, flag)
                self._report.said(i, None, flag, time)
            self._values[i], self._flags[i] = None, flag
        self._data, self._raws = None, (_NOTHING,) * len(self._all)
        self._end(time)

    def believed(self, item: int) -> Value | None:
        """The value last sampled; None where there is none or it is bad."""
        return None if self._flags[item] & BAD_FLAGS else self._values[item]

    def latest(self) -> Iterable[tuple[int, Value | None, int]]:
        """Position, value and flags of every point as last sampled; before the first sample: no value, stale."""
        if not self.time:
            return [(position, None, int(Flag.STALE)) for position in self.positions]
        return zip(self.positions, self._values, self._flags, strict=True)

    # -- deadlines -----------------------------------------------------------------------------------------------------------

    def _jumped(self, i: int, value: Value | None) -> bool:
        """Whether the sample before this one was kept back and lies a whole deadband from this one: a jump, not a creep."""
        last = self._values[i]
        return not self.fresh and last != value and self._report.said_otherwise(i, last) and self._report.moved(i, value, last)

    def _due(self, time: int) -> Iterable[int]:
        return {*self._report.beats(time), *(i for i, still in self._still if time >= still.due_ms)}

    def _end(self, time: int) -> None:
        """A sample is done: find the next instant at which an equal one would have to be looked at."""
        if self.fresh or time >= self._report.due_ms:
            self._report.settle()
        # what is flat already stays so without being asked
        self._flat_ms = min((still.due_ms for _, still in self._still if still.due_ms > time), default=inf)
        self.fresh, self.time = False, time


class _Nothing:
    """Differs from every raw item, itself included: the first sample is all change."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return False


_NOTHING = _Nothing()
