"""People over the API: who is on duty, who is not there, and every change of the roster, with who made it and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from control.people.roster import Roster, Swap
from control.people.rota import ShiftGap, gaps, shifts
from control.people.views import DutyRow
from control.staff import Staff
from lampwell.clock import Clock
from lampwell.errors import LampwellError

MODES = ("auto", "on", "off")


class NoSuchMode(LampwellError):
    """The flood season is auto, on or off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """``at`` 0 means now. Every change gives the number of the new version."""

    staff: Staff
    clock: Clock

    async def roster(self) -> tuple[int, Roster]:
        """The roster in use, with its version."""
        return self.staff.version, self.staff.roster

    async def duty(self, at: int = 0) -> list[DutyRow]:
        """Who is on shift in every rota."""
        at = at or self.clock.now()
        return [row for rota in self.staff.roster.rotas for row in self._rows(rota.id, rota.zh, rota.en, at)]

    async def gaps(self, start: int, end: int) -> list[ShiftGap]:
        """Shifts that nobody fills in [start, end)."""
        return list(gaps(self.staff.roster, start, end, self.staff.zone))

    async def versions(self) -> Sequence[tuple[int, int, str, str]]:
        """Every version, newest first: (version, time, who, reason)."""
        return await self.staff.versions()

    async def take(self, roster: Roster, who: str, reason: str) -> int:
        """Go over to a whole new roster. ConfigError, NotDone."""
        return await self.staff.change(roster, who, reason)

    async def swap(self, swap: Swap, who: str) -> int:
        """Someone takes another's shift. ConfigError where there is no such shift, or the one who goes is not on it."""
        now = self.staff.roster
        reason = f"换班 swap {swap.rota} {swap.start}: {swap.out} -> {swap.replaced_by} {swap.note}".rstrip()
        return await self.staff.change(replace(now, swaps=(*now.swaps, swap)), who, reason)

    async def season(self, mode: str, who: str, reason: str) -> int:
        """Switch the flood season on or off by hand, or leave it to the calendar (auto). NoSuchMode."""
        if mode not in MODES:
            raise NoSuchMode(f"汛期只能是 the flood season is {', '.join(MODES)}, not {mode!r}")
        now = self.staff.roster
        return await self.staff.change(replace(now, season=replace(now.season, mode=mode)), who, reason)

    def _rows(self, rota: str, zh: str, en: str, at: int) -> list[DutyRow]:
        found = shifts(self.staff.roster, rota, at, at + 1, self.staff.zone)
        return [
            DutyRow(rota=rota, zh=zh, en=en, start=one.start, end=one.end, persons=tuple(map(self.staff.name, one.persons)))
            for one in found
        ] or [DutyRow(rota=rota, zh=zh, en=en)]
