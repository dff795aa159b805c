"""Overrides, crew locks and releases, from a person's wish to orders for edge nodes; mass actions are asked for twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from zoneinfo import ZoneInfo

from control.lighting.asks import LASTS_S, Wish
from control.lighting.book import Errand
from control.lighting.changes import Change, change, replaced
from control.lighting.confirming import Confirming
from control.lighting.desk import LightDesk
from control.lighting.heard import layer_of
from control.lighting.places import Places
from control.lighting.selection import Selected, Selection, resolve, whole_loops
from control.lighting.viewing import order_detail, order_row
from control.lighting.views import Given, LightOrder, LightOrderDetail
from control.requests import NotDone, signed
from control.store import lighting_orders as store
from control.store.writer import Writer
from lampwell.clock import Clock
from lampwell.lighting.figures import Load
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import FULL, OFF, Layer, Plan
from lampwell.lighting.night import DAY, night_of, noon_ms
from lampwell.lighting.wire import Lease, Lock, Release, Said, Stands
from lampwell.times import shown_plain

MOST_RAMP_S = 600
DAY_S = 86_400
MOST_AHEAD_S = 6 * DAY_S
"""What begins later belongs into a calendar; the figures of the past look for leases so far back (``store.lighting_past``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A wish that was checked, whom it is for and what it would change."""

    wish: Wish
    selected: Selected
    would: Change

    def errand(self, places: Places) -> Errand:
        """A lease for each edge node."""
        wish, of = self.wish, self.selected.by_edge(places)
        what = f"{wish.level}% {wish.lasts_s} s {len(self.selected.targets)} targets"
        return Errand(do={edge: _lease(wish, its) for edge, its in of.items()}, what=what, reason=in_words(wish.reason))


def _lease(wish: Wish, targets: tuple[str, ...]) -> Lease:
    return Lease(
        targets=targets,
        level=wish.level,
        lasts_s=wish.lasts_s,
        start=wish.start,
        ramp_s=wish.ramp_s,
        ramp_back_s=wish.ramp_back_s,
        reason=wish.reason,
    )


@dataclass(slots=True)
class Wishes:
    """``plan``: what there is to choose from now. ``zone``: county time."""

    desk: LightDesk
    writer: Writer
    clock: Clock
    zone: ZoneInfo
    loads: Mapping[str, Load]
    plan: Callable[[], Awaitable[Plan]]
    _confirming: Confirming = field(default_factory=Confirming)

    async def override(self, selection: Selection, wish: Wish, who: str, token: str = "") -> Given:
        """Give what is selected a level for a while. More than one cabinet: the first answer has a token and nothing is done;
        say it again with the token within five minutes. NotDone, StateError.
        """
        (said_who, _), now = signed(who, wish.reason.zh), self.clock.now()
        ready = self.ready(selection, wish, Timetable(await self.plan()), now)
        if asked := self._first_word(ready.would, ("lease", ready.selected.ids, wish, said_who), token, now):
            return asked
        made = await self.desk.orders.give([ready.errand(self.desk.places)], said_who)
        return Given(change=ready.would, orders=tuple(map(order_row, made)))

    def ready(self, selection: Selection, wish: Wish, table: Timetable, now: int) -> Ready:
        """A wish that may be given, checked; nothing is done. ``table``: of what there is to choose from. NotDone."""
        self._check(wish, now)
        selected, at = resolve(selection, table.plan, self.desk.places), wish.start or now
        would = self._would(table, selected, wish.level, at, Layer.LEASE)
        return Ready(wish=wish, selected=selected, would=replace(would, replaces=replaced(self.standing(), selected, at)))

    def standing(self) -> Sequence[Stands]:
        """What edge nodes say that stands above the programs."""
        return [one for said in self.desk.said.values() for one in said.overrides]

    async def lock(self, selection: Selection, reason: Said, who: str, token: str = "") -> Given:
        """Crew lock: off, and nothing is switched there until it is released. As ``override``; whole loops only."""
        (said_who, _), now = signed(who, reason.zh), self.clock.now()
        table = Timetable(await self.plan())
        selected = whole_loops(resolve(selection, table.plan, self.desk.places))
        would = self._would(table, selected, OFF, now, Layer.CREW_LOCK)
        if asked := self._first_word(would, ("lock", selected.ids, reason, said_who), token, now):
            return asked
        do = {edge: Lock(targets=its, reason=reason) for edge, its in selected.by_edge(self.desk.places).items()}
        errand = Errand(do=do, what=f"lock {len(selected.targets)} targets", reason=in_words(reason))
        return Given(change=would, orders=tuple(map(order_row, await self.desk.orders.give([errand], said_who))))

    async def release(self, name: str, reason: Said, who: str, confirmed: bool = False) -> list[LightOrder]:
        """End the lease or lock of this id, else those whose ids begin so: one order's, or all of one wish. NotDone, StateError.

        An interlock only where ``who`` has ``confirmed`` that it was inspected on site (domain streetlights 5.3); the edge node
        may still refuse.
        """
        said_who, _ = signed(who, reason.zh)
        found = self._standing(name)
        if not confirmed and any(layer_of(one.layer) is Layer.INTERLOCK for _, one in found):
            raise NotDone(
                "联锁须现场检查（积水退去、绝缘合格）后由具名人员确认解除 "
                "an interlock is released by a named person after an inspection on site: confirm it (--inspected)"
            )
        made = await self.desk.orders.give([releasing(edge, one.id, reason) for edge, one in found], said_who)
        return [order_row(one) for one in made]

    async def orders(self, since: int = 0, most: int = 100) -> list[LightOrder]:
        """Orders issued since then, the newest first, those that carry plans left out."""
        found = await self.writer.read(partial(store.past_orders, since=since, most=max(1, min(most, 1_000))))
        return [order_row(one) for one in found]

    async def order(self, name: str) -> list[LightOrderDetail]:
        """The order of this id, else those whose id begins so, with all that was said of them. NotDone where there is none."""
        found = await self.writer.read(partial(store.find_orders, name=name)) if name else []
        if not found:
            raise NotDone(f"没有该指令 there is no order {name!r}")
        return [order_detail(one, await self.writer.read(partial(store.answers, order=one.order.id))) for one in found]

    # -- the pieces --------------------------------------------------------------------------------------------------------

    def _check(self, wish: Wish, now: int) -> None:
        if not OFF <= wish.level <= FULL:
            raise NotDone(f"亮度 0 至 100 a level is 0 to 100 percent, not {wish.level}")
        if wish.lasts_s <= 0:
            raise NotDone(f"须有时长 a lease lasts some time, not {wish.lasts_s} s")
        if not (0 <= wish.ramp_s <= MOST_RAMP_S and 0 <= wish.ramp_back_s <= MOST_RAMP_S):
            raise NotDone(f"渐变 0 至 {MOST_RAMP_S} 秒 a ramp takes 0 to {MOST_RAMP_S} s")
        if wish.start and wish.start < now:
            raise NotDone("开始时间已过 it would begin in the past")
        start = wish.start or now
        if start > now + MOST_AHEAD_S * 1000:
            raise NotDone(f"最多提前 {MOST_AHEAD_S // DAY_S} 天 it may begin {MOST_AHEAD_S // DAY_S} days ahead at most")
        noon = noon_ms(night_of(start + LASTS_S * 1000, self.zone) + DAY, self.zone)
        if start + wish.lasts_s * 1000 > noon:
            until = shown_plain(noon, self.zone)
            raise NotDone(
                f"最长到次日中午 {until}：长期改动请改方案 it may last until {until} at most: for more, change the program"
            )

    def _would(self, table: Timetable, selected: Selected, level: int, at: int, layer: Layer) -> Change:
        return change(
            selected,
            level,
            at,
            table=table,
            standing=self.desk.standing,
            places=self.desk.places,
            loads=self.loads,
            layer=layer,
        )

    def _first_word(self, would: Change, asked: object, token: str, now: int) -> Given | None:
        """The answer that asks for the second word; None: it needs none, or this is it. NotDone: another token."""
        if would.is_mass and (first := self._confirming.first_word(asked, would, token, now)):
            return Given(change=would, token=first)
        return None

    def _standing(self, name: str) -> Sequence[tuple[str, Stands]]:
        every = [(edge, one) for edge, said in self.desk.said.items() for one in said.overrides]
        begins = [(edge, one) for edge, one in every if name and one.id.startswith(name)]
        found = [(edge, one) for edge, one in begins if one.id == name] or begins
        if not found:
            there = ", ".join(one.id for _, one in every) or "无 none"
            raise NotDone(f"没有该限时指令或挂牌 no lease or lock {name!r} stands; standing: {there}")
        if len({one.id.rpartition("-")[0] or one.id for _, one in found}) > 1:
            raise NotDone(f"不止一个 more than one begins with {name!r}: {', '.join(one.id for _, one in found)}")
        return found


def releasing(edge: str, order: str, reason: Said) -> Errand:
    """The end of a lease or lock."""
    return Errand(do={edge: Release(order=order, reason=reason)}, what=f"release {order}", reason=in_words(reason))


def in_words(reason: Said) -> str:
    """As the audit has it."""
    return f"{reason.zh} {reason.en}".strip()
