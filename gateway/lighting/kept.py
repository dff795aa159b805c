"""What an edge node must not forget: its plan, what stands above the plan, and which orders it has already dealt with. Values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from lampwell.lighting import Override, Text
from lampwell.lighting.model import Layer
from lampwell.lighting.wire import ENDS, Outcome, Said, Stands, State

FORGET_MS = 86_400_000
"""An order's id is remembered so long after it expired: a copy of it that comes later is too late anyway."""
MOST_REMEMBERED = 5_000
Moves = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """An order and what has become of it. ``left_out``: targets it was refused for, with the reason; ``since``: when it came."""

    id: str
    kind: str
    state: State
    at: int
    since: int
    expires: int
    reason: Said
    targets: tuple[str, ...] = ()
    left_out: Mapping[str, Said] = field(default_factory=dict)

    @property
    def pending(self) -> bool:
        """Whether something is still to become of it."""
        return self.state not in ENDS

    def outcome(self) -> Outcome:
        """Its last answer, to be said again."""
        return Outcome(id=self.id, state=self.state, at=self.at, reason=self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``document`` is the plan as it came ("" none). ``newest``: per target the issue time of the newest lease carried out there.
    ``moves``: see ``limits``. ``saved``: the node's time when
    this was last written. Times are epoch ms; all but issue times are the node's own.
    """

    version: int = 0
    hash: str = ""
    document: str = ""
    overrides: tuple[Override, ...] = ()
    orders: Mapping[str, Dealt] = field(default_factory=dict)
    newest: Mapping[str, int] = field(default_factory=dict)
    moves: Moves = field(default_factory=dict)
    saved: int = 0

    @property
    def plan_text(self) -> str:
        """As ``lighting/plan`` says it."""
        return f"{self.version} {self.hash}" if self.document else ""

    def with_order(self, dealt: Dealt) -> Kept:
        """With this order remembered as it stands now."""
        return replace(self, orders={**self.orders, dealt.id: dealt})

    def locks(self, target: str) -> tuple[Override, ...]:
        """Crew locks and interlocks on a target, the highest first."""
        found = (one for one in self.overrides if one.layer is not Layer.LEASE and target in one.targets)
        return tuple(sorted(found, key=lambda one: -one.layer))


def without_past(kept: Kept, at: int, loop_of: Mapping[str, str] | None = None) -> Kept:
    """Without leases whose way back is over, and without orders that nobody can repeat any more. The same object if all stay.
    ``loop_of``: the loops of lamps.
    """
    overrides = tuple(one for one in kept.overrides if one.end is None or at < one.end + one.ramp_back_s * 1000)
    for gone in (one for one in kept.overrides if one not in overrides):
        overrides = tuple(rest for one in overrides if (rest := _not_replaced(one, gone, loop_of or {})).targets)
    orders = {key: one for key, one in kept.orders.items() if one.pending or at < one.expires + FORGET_MS}
    if len(orders) > MOST_REMEMBERED:
        ended = sorted((one for one in orders.values() if not one.pending), key=lambda one: one.expires)
        for one in ended[: len(orders) - MOST_REMEMBERED]:
            del orders[one.id]
    if len(overrides) == len(kept.overrides) and len(orders) == len(kept.orders):
        return kept
    return replace(kept, overrides=overrides, orders=orders)


def _not_replaced(one: Override, gone: Override, loop_of: Mapping[str, str]) -> Override:
    """Where a lease took the place of an earlier one, that one does not come back when it is over (TALQ: no stack)."""
    if one.layer is not Layer.LEASE or one.issued > gone.issued or one.start > gone.start:
        return one
    left = tuple(each for each in one.targets if each not in gone.targets and loop_of.get(each, "") not in gone.targets)
    return one if len(left) == len(one.targets) else replace(one, targets=left)


def shifted(kept: Kept, delta: int, firm: Collection[str] = ()) -> Kept:
    """The node's idea of the time moved by ``delta`` ms: what has an end still lasts as long as it was given. ``firm``: ids of
    those that keep their ends.
    """
    moved = tuple(
        one if one.end is None or one.id in firm else replace(one, start=one.start + delta, end=one.end + delta)
        for one in kept.overrides
    )
    orders = {key: replace(one, since=one.since + delta) for key, one in kept.orders.items()}
    return replace(kept, overrides=moved, orders=orders)


LAYER_WORDS = {Layer.LEASE: "lease", Layer.CREW_LOCK: "crew lock", Layer.INTERLOCK: "interlock"}


def stands(kept: Kept, at: int) -> tuple[Stands, ...]:
    """The overrides in force or to come, as ``lighting/overrides`` says them."""
    return tuple(
        Stands(
            id=one.id,
            layer=LAYER_WORDS[one.layer],
            targets=one.targets,
            level=one.level,
            start=one.start,
            end=one.end,
            who=one.who,
            reason=said(one.reason),
        )
        for one in kept.overrides
        if one.end is None or at < one.end
    )


def said(text: Text) -> Said:
    """A text of the engine as the wire has it."""
    return Said(zh=text.zh, en=text.en)


def text(words: Said) -> Text:
    """And back; what was said in Chinese only is said so in both."""
    return Text(zh=words.zh, en=words.en or words.zh)
