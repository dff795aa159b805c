"""Commands of another system as orders for edge nodes: each is checked before any is given, and all are on disk together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from control.lighting.asks import Wish
from control.lighting.book import Errand
from control.lighting.cancelling import ended_by
from control.lighting.commands import CancelCommand, Commanded, Commands, Effect, LeaseCommand
from control.lighting.confirming import Confirming
from control.lighting.selection import Selected, resolve
from control.lighting.viewing import order_row
from control.lighting.wishes import Wishes, releasing
from control.requests import NotDone, signed
from lampwell.lighting.level import Timetable
from lampwell.times import shown_plain

MOST_COMMANDS = 1_000
"""Each is at least one order, which its edge node answers one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """A command that may be given."""

    selected: Selected
    effect: Effect
    errands: tuple[Errand, ...]

    @property
    def meaning(self) -> object:
        """What must be the same at the second word."""
        return self.selected.ids, self.effect.ends


@dataclass(slots=True)
class Commanding:
    """``wishes``: what gives a single lease, and knows its limits."""

    wishes: Wishes
    _confirming: Confirming = field(default_factory=Confirming)

    async def give(self, commands: Commands, who: str, token: str = "") -> Commanded:
        """As ``Wishes.override``, for several together: where they touch more than one cabinet, all in all, it asks first. Either
        all are given or none: NotDone names every command that can not be, and its place. StateError.
        """
        every = commands.every
        if not 1 <= len(every) <= MOST_COMMANDS:
            raise NotDone(f"一次 1 至 {MOST_COMMANDS} 条 between 1 and {MOST_COMMANDS} commands at once, not {len(every)}")
        (said_who, *_) = [signed(who, one.reason.zh)[0] for one in every]
        table, now = Timetable(await self.wishes.plan()), self.wishes.clock.now()
        checked = self._checked(commands, table, now)
        would = _would(checked)
        if len(would.cabinets) > 1:
            asked = (commands, said_who, tuple(one.meaning for one in checked))
            if first := self._confirming.first_word(asked, would, token, now):
                return replace(would, token=first)
        errands = [errand for one in checked for errand in one.errands]
        made = await self.wishes.desk.orders.give(errands, said_who)
        return replace(would, orders=tuple(map(order_row, made)))

    def _checked(self, commands: Commands, table: Timetable, now: int) -> Sequence[_Checked]:
        made: list[_Checked] = []
        wrong: list[str] = []
        for one in commands.every:
            try:
                made.append(self._one(one, table, now))
            except NotDone as error:
                wrong.append(f"{one.place}: {error}")
        if wrong := [*wrong, *_crossed(made)]:
            raise NotDone("\n".join(wrong))
        return made

    def _one(self, one: LeaseCommand | CancelCommand, table: Timetable, now: int) -> _Checked:
        return self._lease(one, table, now) if isinstance(one, LeaseCommand) else self._cancel(one, table, now)

    def _lease(self, one: LeaseCommand, table: Timetable, now: int) -> _Checked:
        begins = max(one.start, now)
        if (lasts_s := (one.end - begins) // 1000) <= 0:
            until = shown_plain(one.end, self.wishes.zone)
            raise NotDone(f"已过期 it has ended already, at {until}; 现在 now {shown_plain(now, self.wishes.zone)}")
        wish = Wish(
            level=one.level,
            lasts_s=lasts_s,
            start=one.start if one.start > now else 0,
            ramp_s=one.ramp_s,
            ramp_back_s=one.ramp_back_s,
            reason=one.reason,
        )
        ready = self.wishes.ready(one.selection, wish, table, now)
        effect = Effect(place=one.place, change=ready.would)
        return _Checked(selected=ready.selected, effect=effect, errands=(ready.errand(self.wishes.desk.places),))

    def _cancel(self, one: CancelCommand, table: Timetable, now: int) -> _Checked:
        desk = self.wishes.desk
        selected = resolve(one.selection, table.plan, desk.places)
        there = selected.by_edge(desk.places).items()
        ends = [(edge, each.id) for edge, names in there for each in ended_by(names, desk.said[edge].overrides, now)]
        if not ends:
            raise NotDone("那里没有限时指令 no lease stands there that could end")
        errands = tuple(releasing(edge, name, one.reason) for edge, name in ends)
        return _Checked(selected=selected, effect=Effect(place=one.place, ends=tuple(name for _, name in ends)), errands=errands)


def _would(checked: Sequence[_Checked]) -> Commanded:
    cabinets = dict.fromkeys(cabinet for one in checked for cabinet in one.selected.cabinets)
    return Commanded(effects=tuple(one.effect for one in checked), cabinets=tuple(cabinets))


def _crossed(checked: Sequence[_Checked]) -> Iterator[str]:
    """A lease and the end of one at one place: in which sequence can not be known from files."""
    first: dict[str, _Checked] = {}
    told: set[tuple[str, str]] = set()
    for one in checked:
        for name in one.selected.ids:
            other = first.setdefault(name, one)
            pair = (one.effect.place, other.effect.place)
            if other is one or pair in told or not (one.effect.ends or other.effect.ends):
                continue
            told.add(pair)
            yield f"{pair[0]}: {name} 也见于 is also in {pair[1]}: 请先后下达 give them one after the other"
