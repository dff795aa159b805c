"""Work orders over the API: the list, one with its history, all that a crew or a dispatcher does, and the register (台账)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from control.orders import listing, orders
from control.orders.model import Accept, Arrive, Assign, Cancel, Close, Event, Finish, Note, Refused, Reopen
from control.orders.orders import NewOrder
from control.orders.register import register
from control.orders.sla import due
from control.orders.views import OrderDetail, OrderRow, Wanted
from control.people.rota import is_workday
from control.repairs import Repairs
from control.requests import NotDone, named
from control.staff import Staff
from control.store.audit import record
from control.store.writer import Writer
from lampwell.clock import Clock

Acts = dict[str, Callable[[str, str, bytes | None], Event]]

ACTS: Acts = {
    "accept": lambda who, note, _: Accept(who=who, note=note),
    "arrive": lambda who, note, _: Arrive(who=who, note=note),
    "finish": lambda who, note, photo: Finish(who=who, note=note, photo=photo),
    "note": lambda who, note, photo: Note(who=who, note=note, photo=photo),
    "reopen": lambda who, note, _: Reopen(who=who, reason=note),
    "close": lambda who, note, _: Close(who=who, reason=note),
    "cancel": lambda who, note, _: Cancel(who=who, reason=note),
}
"""What is done with an order, by name; a photo comes with ``finish`` and ``note`` alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """``repairs`` opens orders and gives them to crews."""

    repairs: Repairs
    staff: Staff
    writer: Writer
    clock: Clock
    areas: frozenset[str]

    async def list(
        self, area: str = "", crew: str = "", state: str = "", overdue: bool = False, running: bool = True
    ) -> list[OrderRow]:
        """Orders, the soonest due first; what is left empty is not asked for."""
        now = self.clock.now()
        return await self.writer.read(
            lambda connection: listing.listing(
                connection, now, area=area, crew=crew, state=state, overdue=overdue, running=running
            )
        )

    async def show(self, number: int) -> OrderDetail:
        """One order with its history. NoOrder."""
        row, history = await self.writer.read(partial(listing.one, number=number, now=self.clock.now()))
        crew = next((one.zh for one in self.staff.roster.crews if one.id == row.crew), row.crew)
        return OrderDetail(row=row, history=history, crew_zh=crew, person_zh=self.staff.name(row.person))

    async def new(self, wanted: Wanted, who: str, note: str = "") -> OrderDetail:
        """Open an order by hand; it is given to whoever is there. NotDone, BadOrder, UnknownSla."""
        if wanted.area not in self.areas:
            raise NotDone(f"没有该片区 there is no area {wanted.area!r}; there are {', '.join(sorted(self.areas))}")
        now = self.clock.now()
        order = NewOrder(
            area=wanted.area,
            road=wanted.road,
            device=wanted.device,
            title_zh=wanted.title_zh,
            title_en=wanted.title_en,
            priority=wanted.priority,
            sla=wanted.sla,
            due=due(wanted.sla, now, partial(is_workday, self.staff.roster), self.staff.zone),
        )
        by = named(who)
        number = await self.writer.write(
            lambda connection: self.repairs.open(connection, order, now, by, skill=wanted.skill, note=note)
        )
        return await self.show(number)

    async def assign(self, number: int, crew: str, person: str, who: str, note: str = "") -> OrderDetail:
        """Give it to a crew, and perhaps to one of its people. NotDone, NoOrder."""
        roster = self.staff.roster
        if crew not in {one.id for one in roster.crews}:
            raise NotDone(f"没有该班组 there is no crew {crew!r}; there are {', '.join(one.id for one in roster.crews)}")
        if person and roster.person(person) is None:
            raise NotDone(f"没有此人 there is no person {person!r}")
        return await self._do(number, "assign", Assign(who=named(who), crew=crew, person=person, note=note))

    async def act(self, number: int, action: str, who: str, note: str = "", photo: bytes | None = None) -> OrderDetail:
        """Accept, arrive, finish, note, reopen, close or cancel. NotDone says why not; NoOrder."""
        if action not in ACTS:
            raise NotDone(f"没有该操作 there is no action {action!r}; there are {', '.join(ACTS)}")
        if photo is not None and action not in ("finish", "note"):
            raise NotDone("照片只能随完工或备注 a photo comes with finish or note alone")
        return await self._do(number, action, ACTS[action](named(who), note, photo))

    async def photo(self, entry: int) -> tuple[str, bytes] | None:
        """Media type and bytes of the photo of one line of history; None = it has none."""
        return await self.writer.read(partial(listing.photo, entry=entry))

    async def register(self, start: int, end: int, area: str = "") -> str:
        """The register (台账) of the orders opened in [start, end), as CSV."""
        zone, now = self.staff.zone, self.clock.now()
        return await self.writer.read(lambda connection: register(connection, start, end, zone, now, area=area))

    async def _do(self, number: int, action: str, event: Event) -> OrderDetail:
        now = self.clock.now()
        refused = await self.writer.write(partial(_done, number=number, action=action, event=event, now=now))
        if refused is not None:
            raise NotDone(str(refused.reason))
        return await self.show(number)


def _done(connection: Connection, number: int, action: str, event: Event, now: int) -> Refused | None:
    done = orders.apply(connection, number, event, now)
    if isinstance(done, Refused):
        return done
    who = getattr(event, "who", "")
    record(connection, at=now, who=who, action=f"order.{action}", target=f"order {number}", after=str(done.order.state))
    return None
