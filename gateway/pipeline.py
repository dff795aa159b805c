"""From a poll round's bytes to the scans worth keeping, per device: convert, judge, report by exception.

The first round after a start or a revival reports everything; after that a point is reported when it left its deadband, when its
quality changed, or when its heartbeat is due. Nothing here does I/O or reads time.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.decode import Convert
from gateway.plan import BlockPlan, DevicePlan
from gateway.report import Columns
from gateway.track import Track
from lampwell.points import Value
from lampwell.profiles.model import Register, WireType
from lampwell.readings import Flag, Layout, Scan

Round = Sequence[tuple[BlockPlan, bytes | None]]
"""The blocks of one poll round and their data; None where the device refused the block."""


class Pipeline:
    """One device; ``layout`` has the points of its profile, in their order."""

    def __init__(self, layout: Layout, plan: DevicePlan) -> None:
        self.layout = layout
        registers = plan.device.profile.registers
        self._tracks = {block: Track(block, layout.points, _converters(block, registers)) for block in plan.blocks}
        self._places = {p: (track, i) for track in self._tracks.values() for i, p in enumerate(track.positions)}
        self._followers = self._wire_status()
        self._clock_flag = 0

    def feed(self, time: int, blocks: Round, clock_flag: int = 0) -> list[Scan]:
        """The scans of one round, oldest first: often none, mostly one, two where a jump wants the sample before it (historical:
        it is older than what hosts know already).
        """
        if clock_flag != self._clock_flag:
            self._clock_flag = clock_flag
            self.revive()
        work = [(self._tracks[block], data) for block, data in blocks]
        items = [() if data is None else track.differs(data, time) for track, data in work]
        if self._followers:
            for (track, data), chosen in zip(work, items, strict=True):
                self._apply_status(track, data, chosen)
        out, befores = Columns(), dict[int, Columns]()
        for (track, data), chosen in zip(work, items, strict=True):
            if data is None:
                track.refuse(time, clock_flag, out)
            else:
                track.judge(chosen, time, clock_flag, out, befores.setdefault(track.time, Columns()))
        scans = [self._scan(at, columns, historical=True) for at, columns in sorted(befores.items()) if columns.index]
        return [*scans, self._scan(time, out)] if out.index else scans

    def revive(self) -> None:
        """The device answers again, or its birth was lost: the next round reports everything."""
        for track in self._tracks.values():
            track.fresh = True

    def latest(self, time: int) -> Scan:
        """Every point of the layout as last sampled, for a birth; what was never read has no value and is stale."""
        known = {position: (value, flags) for track in self._tracks.values() for position, value, flags in track.latest()}
        rows = [known.get(position, (None, int(Flag.STALE))) for position in range(len(self.layout.points))]
        values, flags = zip(*rows, strict=True) if rows else ((), ())
        return Scan(self.layout, time, tuple(range(len(rows))), values, flags)

    def value(self, position: int) -> Value | None:
        """The value of a point as last sampled; None where there is none or it is bad."""
        place = self._places.get(position)
        return place[0].believed(place[1]) if place else None

    def _scan(self, time: int, columns: Columns, *, historical: bool = False) -> Scan:
        index, values, flags = tuple(columns.index), tuple(columns.values), tuple(columns.flags)
        return Scan(self.layout, time, index, values, flags, historical=historical)

    # -- the device's own status ---------------------------------------------------------------------------------------------

    def _wire_status(self) -> dict[int, list[tuple[Track, int]]]:
        """Position of each status point -> the items that stand or fall by it."""
        by_path = {point.path: position for position, point in enumerate(self.layout.points)}
        followers: dict[int, list[tuple[Track, int]]] = {}
        for position, place in self._places.items():
            status = self.layout.points[position].tests.status
            source = by_path.get(status) if status else None
            if source in self._places:
                followers.setdefault(source, []).append(place)
        for source in followers:
            track, item = self._places[source]
            track.sources += (item,)
        return followers

    def _apply_status(self, track: Track, data: bytes | None, chosen: Sequence[int]) -> None:
        """Let what hangs on a changed status know. A refused status block is unknown, and unknown is not failed."""
        if not track.sources:
            return
        words = track.status(chosen) if data is not None else dict.fromkeys((track.positions[i] for i in track.sources), False)
        for source, bad in words.items():
            for follower, item in self._followers[source]:
                follower.disown(item, bad=bad)


def _converters(block: BlockPlan, registers: Sequence[Register]) -> tuple[Convert, ...]:
    """The block's converters. The wire carries signed 64 bits: a larger counter has no value there, rather than a wrong one."""
    chosen = [registers[position].encoding.type for position in block.positions]
    return tuple(
        _signed(convert) if kind is WireType.U64 else convert for convert, kind in zip(block.convert, chosen, strict=True)
    )


def _signed(convert: Convert) -> Convert:
    return lambda raw: None if type(value := convert(raw)) is int and value >= 1 << 63 else value
