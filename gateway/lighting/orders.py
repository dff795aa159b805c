"""Orders: each is carried out once or not at all, whatever is repeated, late or out of order. Pure.

``take`` gives the new state and the outcomes to tell, in that sequence: the state is to be on the disk before an outcome is told.
What becomes of an order that was taken is for ``following``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gateway.lighting import words
from gateway.lighting.kept import Dealt, Kept, text
from lampwell.lighting.documents import Document, PlanRefused, read_document
from lampwell.lighting.model import Layer, Override
from lampwell.lighting.wire import Lease, Lock, Order, Outcome, Release, Said, Seen, State, TakePlan

VOID_MS = 7 * 86_400_000
"""How long a release that came before its lease or lock holds that one off."""
Answer = tuple[Kept, tuple[Outcome, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """What an order is held against. ``at``: the node's time, epoch ms; ``known``: it can be believed; ``not_before``: it is at
    least so late by the senders' clocks; ``cabinets``: this node's; ``targets``: of the plan in force; ``unsafe``: loops of which
    their cabinet still reports a hazard, and which.
    """

    at: int
    known: bool = True
    not_before: int = 0
    cabinets: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    unsafe: Mapping[str, Said] = field(default_factory=dict)


class _Refused(Exception):
    def __init__(self, reason: Said, left_out: Mapping[str, Said] | None = None) -> None:
        super().__init__(reason.en)
        self.reason = reason
        self.left_out = left_out or {}


# -- deciding ------------------------------------------------------------------------------------------------------------------


def take(kept: Kept, order: Order, here: Here) -> Answer:
    """Decide about an order. One that is known by its id changes nothing and gets its last answer again."""
    if known := kept.orders.get(order.id):
        return kept, (known.outcome(),)
    try:
        _in_time(order, here)
        changed, dealt = _done(kept, order, here)
    except _Refused as refused:
        changed, dealt = kept, _dealt(order, here, State.REFUSED, refused.reason, left_out=refused.left_out)
    before = () if changed.version == kept.version else _replaced_plans(changed, here)
    for one in before:
        changed = changed.with_order(one)
    seen = {one: Seen(wanted=0, why=why) for one, why in dealt.left_out.items()}
    return changed.with_order(dealt), (*(_outcome(one, {}) for one in before), _outcome(dealt, seen))


def _in_time(order: Order, here: Here) -> None:
    """By the node's own clock; where that is not known, by what the senders' clocks are known to show at least."""
    now = here.at if here.known else here.not_before
    if now > order.expires:
        raise _Refused(words.late(round((now - order.expires) / 1000)))


def _done(kept: Kept, order: Order, here: Here) -> tuple[Kept, Dealt]:
    match order.do:
        case TakePlan(document=document):
            return _plan(kept, order, document, here)
        case Lease():
            return _lease(kept, order, order.do, here)
        case Lock():
            return _lock(kept, order, order.do, here)
        case Release():
            return _release(kept, order, order.do, here)


def _plan(kept: Kept, order: Order, document: str, here: Here) -> tuple[Kept, Dealt]:
    try:
        read = read_document(document.encode())
    except PlanRefused as error:
        raise _Refused(words.bad_plan(str(error))) from error
    _acceptable(kept, read, here)
    changed = replace(kept, version=read.version, hash=read.hash, document=document)
    return changed, _dealt(order, here, State.ACCEPTED, words.plan_taken(read.version))


def _replaced_plans(changed: Kept, here: Here) -> tuple[Dealt, ...]:
    """Orders of plans before this one that were not read back yet: nobody will know any more."""
    reason = words.replaced(f"plan {changed.version}")
    return tuple(
        replace(one, state=State.FAILED, at=here.at, reason=reason)
        for one in changed.orders.values()
        if one.pending and one.kind == "plan"
    )


def _acceptable(kept: Kept, read: Document, here: Here) -> None:
    if strangers := sorted({one.cabinet for one in read.plan.targets} - here.cabinets):
        raise _Refused(words.strange_cabinets(strangers))
    if not kept.document or read.version > kept.version:
        return
    if read.version < kept.version:
        raise _Refused(words.older_plan(read.version, kept.version))
    if read.hash != kept.hash:
        raise _Refused(words.other_plan(read.version))


def _lease(kept: Kept, order: Order, lease: Lease, here: Here) -> tuple[Kept, Dealt]:
    _known_targets(lease.targets, here)
    begins = _begins(order, lease, here)
    left_out = {one: why for one in lease.targets if (why := _barred(kept, one, order.issued)) is not None}
    targets = tuple(dict.fromkeys(one for one in lease.targets if one not in left_out))
    if not targets:
        raise _Refused(words.together(left_out), left_out)
    override = Override(
        id=order.id,
        targets=targets,
        level=lease.level,
        issued=order.issued,
        start=begins,
        end=begins + lease.lasts_s * 1000,
        ramp_s=lease.ramp_s,
        ramp_back_s=lease.ramp_back_s,
        who=order.who,
        reason=text(lease.reason),
    )
    newest = {**kept.newest, **dict.fromkeys(targets, order.issued)}
    changed = replace(kept, overrides=(*kept.overrides, override), newest=newest)
    reason = words.taken_but(left_out) if left_out else words.taken()
    return changed, _dealt(order, here, State.ACCEPTED, reason, targets, left_out)


def _begins(order: Order, lease: Lease, here: Here) -> int:
    """When it begins by the node's time; a start that is over makes it shorter. Where the time is not known the sender's own
    clock says how far off the start is.
    """
    if not lease.start:
        return here.at
    begins = lease.start if here.known else here.at + lease.start - order.issued
    if begins + lease.lasts_s * 1000 <= here.at:
        raise _Refused(words.over())
    return begins


def _barred(kept: Kept, target: str, issued: int) -> Said | None:
    """Why a lease can not be given on a target."""
    if locks := kept.locks(target):
        return words.below(locks[0])
    if issued < kept.newest.get(target, issued):
        return words.newer_lease()
    return None


def _lock(kept: Kept, order: Order, lock: Lock, here: Here) -> tuple[Kept, Dealt]:
    _known_targets(lock.targets, here)
    targets = tuple(dict.fromkeys(lock.targets))
    override = Override(
        id=order.id,
        layer=Layer.CREW_LOCK,
        targets=targets,
        level=0,
        issued=order.issued,
        start=here.at,
        who=order.who,
        reason=text(lock.reason),
    )
    changed = replace(kept, overrides=(*kept.overrides, override))
    return changed, _dealt(order, here, State.ACCEPTED, words.taken(), targets)


def _release(kept: Kept, order: Order, release: Release, here: Here) -> tuple[Kept, Dealt]:
    """A release of what has not come yet is remembered against it: the two may have overtaken each other."""
    found = next((one for one in kept.overrides if one.id == release.order), None)
    if found is None:
        changed = kept if release.order in kept.orders else kept.with_order(_void(release.order, here))
        return changed, _dealt(order, here, State.REFUSED, words.nothing_stands(release.order))
    if found.layer is Layer.INTERLOCK and (still := [one for one in found.targets if one in here.unsafe]):
        raise _Refused(words.unsafe(still, here.unsafe[still[0]]))
    if found.end is not None and found.start <= here.at < found.end:  # its way back is to be gone, and what it replaced stays so
        rest = (*(one for one in kept.overrides if one is not found), replace(found, end=here.at))
    else:
        rest = tuple(one for one in kept.overrides if one is not found)
    return replace(kept, overrides=rest), _dealt(order, here, State.ACCEPTED, words.taken(), found.targets)


def _void(order: str, here: Here) -> Dealt:
    return Dealt(
        id=order,
        kind="void",
        state=State.REFUSED,
        at=here.at,
        since=here.at,
        expires=here.at + VOID_MS,
        reason=words.released_before(),
    )


def _known_targets(targets: Iterable[str], here: Here) -> None:
    if not here.targets:
        raise _Refused(words.no_plan())
    if unknown := sorted({one for one in targets if one not in here.targets}):
        raise _Refused(words.unknown_targets(unknown))


def _dealt(
    order: Order,
    here: Here,
    state: State,
    reason: Said,
    targets: tuple[str, ...] = (),
    left_out: Mapping[str, Said] | None = None,
) -> Dealt:
    kind = {TakePlan: "plan", Lease: "lease", Lock: "lock", Release: "release"}[type(order.do)]
    return Dealt(
        id=order.id,
        kind=kind,
        state=state,
        at=here.at,
        since=here.at,
        expires=order.expires,
        reason=reason,
        targets=targets,
        left_out=left_out or {},
    )


def _outcome(dealt: Dealt, seen: Mapping[str, Seen]) -> Outcome:
    return Outcome(id=dealt.id, state=dealt.state, at=dealt.at, reason=dealt.reason, targets=seen)
