"""What becomes of orders: written, read back as wanted, or failed with the reason. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from gateway.lighting import words
from gateway.lighting.kept import Dealt, Kept
from lampwell.lighting.wire import Outcome, Said, Seen, State

UNKNOWN_MS = 30_000
"""How long an order waits for targets that can not be read."""
LONGEST_MS = 20 * 60_000
"""How long an order may be worked at: 16 loops at 5 s each, and lamps over a power line in between."""
MOST_TOLD = 500
"""Targets in one outcome: some 60 kB on the wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One target as it is now. ``wanted``: what should hold; ``level``, ``agrees``: as read back, None = not known. ``written``:
    nothing is left to write; ``busy``: it is still being worked at. ``by``: id of the override that decides, "" a program.
    ``fed`` False: its cabinet has no supply, which is told by itself.
    """

    wanted: int
    level: int | None = None
    agrees: bool | None = None
    written: bool = True
    busy: bool = False
    fed: bool = True
    by: str = ""
    why: Said | None = None

    @property
    def unlike(self) -> bool:
        """Not as it should be, nothing more is being tried for now, and no loss of supply explains it."""
        return self.agrees is False and not self.busy and self.fed

    def seen(self) -> Seen:
        """For the wire."""
        return Seen(wanted=self.wanted, level=self.level, agrees=self.agrees, why=self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """All targets of the plan as they are at ``at``. ``lamps``: which of them are lamps, not loops; ``homeless``: targets of the
    plan that no device here has.
    """

    at: int
    checks: Mapping[str, Check]
    lamps: Collection[str] = ()
    homeless: Collection[str] = ()


def follow(kept: Kept, now: Now) -> tuple[Kept, tuple[Outcome, ...]]:
    """What has become of the orders that something can still become of."""
    said: list[Outcome] = []
    for dealt in [one for one in kept.orders.values() if one.pending]:
        changed, seen = _progress(kept, dealt, now)
        if changed.state is not dealt.state:
            kept = kept.with_order(changed)
            said.append(Outcome(id=changed.id, state=changed.state, at=changed.at, reason=changed.reason, targets=seen))
    return kept, tuple(said)


def _progress(kept: Kept, dealt: Dealt, now: Now) -> tuple[Dealt, Mapping[str, Seen]]:
    own = next((one for one in kept.overrides if one.id == dealt.id), None)
    if own is not None and now.at < own.start:
        return dealt, {}
    if dealt.kind in ("lease", "lock") and (own is None or (own.end is not None and now.at >= own.end)):
        return replace(dealt, state=State.FAILED, at=now.at, reason=words.ended()), {}
    begun = max(dealt.since, own.start) if own else dealt.since
    checks = {one: now.checks[one] for one in (dealt.targets or now.checks) if one in now.checks}
    if _goes_on(checks, now.at - begun):
        if dealt.state is State.ACCEPTED and all(one.written for one in checks.values()):
            return replace(dealt, state=State.EXECUTED, at=now.at, reason=words.written()), _told(dealt, checks)
        return dealt, {}
    return _ended(dealt, checks, now), _told(dealt, checks)


def _goes_on(checks: Mapping[str, Check], age_ms: int) -> bool:
    if age_ms >= LONGEST_MS:
        return False
    if any(one.busy for one in checks.values()):
        return True
    return age_ms < UNKNOWN_MS and any(one.agrees is None for one in checks.values())


def _ended(dealt: Dealt, checks: Mapping[str, Check], now: Now) -> Dealt:
    """Verified only where everything that was asked for is read back. Single lamps that do not answer do not fail a plan."""
    wrong = {one: why for one, check in checks.items() if (why := _wrong(dealt, check)) is not None}
    wrong |= {one: words.no_device() for one in now.homeless if not dealt.targets or one in dealt.targets}
    wrong |= dealt.left_out
    unknown = [one for one in wrong if dealt.kind == "plan" and one in now.lamps and checks[one].agrees is None]
    for one in unknown:
        del wrong[one]
    if wrong:
        return replace(dealt, state=State.FAILED, at=now.at, reason=words.not_as_wanted(wrong))
    return replace(dealt, state=State.VERIFIED, at=now.at, reason=words.verified(len(checks) - len(unknown), len(unknown)))


def _wrong(dealt: Dealt, check: Check) -> Said | None:
    """Why this target is not as the order wants it; None where it is."""
    if dealt.kind in ("lease", "lock") and check.by != dealt.id:
        return words.replaced(check.by) if check.by else check.why or words.ended()
    if check.agrees is None:
        return check.why or words.not_known()
    return None if check.agrees else check.why or words.not_known()


def _told(dealt: Dealt, checks: Mapping[str, Check]) -> Mapping[str, Seen]:
    """What was read back of each target; of a plan's only those that are not as wanted, for a plan has thousands."""
    shown = {one: check for one, check in checks.items() if dealt.targets or not check.agrees}
    return {one: check.seen() for one, check in list(shown.items())[:MOST_TOLD]} | {
        one: Seen(wanted=0, why=why) for one, why in dealt.left_out.items()
    }
