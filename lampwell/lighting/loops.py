"""Half-night lamps: what a group of loops does at a level of the program, and how the groups take turns."""

from __future__ import annotations

from datetime import date

from lampwell.lighting.model import FULL, OFF, LoopMap, Rotation


def group_level(chosen: LoopMap, group: str, level: int, day: date) -> int:
    """The level of a group's loops in the night of a date, where the program says ``level``."""
    return level_in_place(chosen, place(chosen, group, day), level)


def level_in_place(chosen: LoopMap, place: int, level: int) -> int:
    """The level of whichever group has a place in the rows."""
    row = _row(chosen, level)
    if row is None:
        return level if chosen.dims else FULL if level > OFF else OFF
    return row[place]


def place(chosen: LoopMap, group: str, day: date) -> int:
    """Whose place a group takes that night; the turns change at noon, when lamps are off."""
    own = chosen.groups.index(group)
    turn = {Rotation.NONE: 0, Rotation.NIGHT: day.toordinal(), Rotation.MONTH: day.year * 12 + day.month}[chosen.rotate]
    return (own + turn) % len(chosen.groups)


def _row(chosen: LoopMap, level: int) -> tuple[int, ...] | None:
    if level <= OFF:
        return None
    fits = (row for row in chosen.rows if row.level == level or (row.level > level and not chosen.dims))
    return next((row.of_groups for row in fits), None)
