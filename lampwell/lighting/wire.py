"""What control and an edge node say to each other about lighting: orders down, outcomes and state up.

An **order** is one JSON text in the node's metric ``lighting/order`` (NCMD, never retained). It is carried out once, whatever is
repeated: its id is remembered. Its answers are JSON texts in the node's metric ``lighting/outcome``, one for each thing that
becomes of it. ``lighting/plan`` says which plan is in force (``<version> <hash>``, "" none), ``lighting/overrides`` what stands
above it (JSON), ``lighting/unlike`` how many targets are not as they should be.

Times are epoch ms by the sender's clock. Everything that has an end also says how long it lasts, so that an edge node whose clock
is not trusted ends it in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from lampwell.errors import LampwellError

ORDER, OUTCOME, PLAN, OVERRIDES, UNLIKE = (
    "lighting/order",
    "lighting/outcome",
    "lighting/plan",
    "lighting/overrides",
    "lighting/unlike",
)
MOST_BYTES = 4_000_000
"""A plan of 2,000 lamps is about 0.4 MB."""
MOST_LEASE_S = 7 * 86_400


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same said twice."""

    zh: str
    en: str = ""


class TakePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="plan", tag_field="do"):
    """Store this plan and go by it. ``document``: of ``lampwell.lighting.documents``, for the targets of this node alone."""

    document: str


class Lease(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="lease", tag_field="do"):
    """These targets have this level for so long, whatever the programs say. ``start`` 0: at once. ``level`` percent."""

    targets: tuple[str, ...]
    level: int
    lasts_s: int
    start: int = 0
    ramp_s: int = 0
    ramp_back_s: int = 0
    reason: Said


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="lock", tag_field="do"):
    """Crew lock: people work there. Nothing is switched on these targets; they stay off until it is released by hand."""

    targets: tuple[str, ...]
    reason: Said


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="release", tag_field="do"):
    """The lease or lock of this order's id ends now."""

    order: str
    reason: Said


Do = TakePlan | Lease | Lock | Release


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``id``: unique for ever; ``expires``: not begun later than this."""

    id: str
    who: str
    issued: int
    expires: int
    do: Do


class State(StrEnum):
    """What has become of an order. The last three are ends."""

    ACCEPTED = "accepted"
    EXECUTED = "executed"  # written to the devices
    VERIFIED = "verified"  # read back: feedback and current agree
    REFUSED = "refused"
    FAILED = "failed"


ENDS = frozenset({State.VERIFIED, State.REFUSED, State.FAILED})


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One target as it was read back. ``wanted``: what should hold (a higher layer may win); None = not known."""

    wanted: int
    level: int | None = None
    agrees: bool | None = None
    why: Said | None = None


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One answer to an order. ``reason`` is for people; ``targets``: what was read back, where it was."""

    id: str
    state: State
    at: int
    reason: Said
    targets: Mapping[str, Seen] = {}


class Stands(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One override as the edge node keeps it. ``end`` None: until it is released. ``layer``: lease, crew lock or interlock."""

    id: str
    layer: str
    targets: tuple[str, ...]
    level: int
    start: int
    end: int | None
    who: str
    reason: Said


class BadOrder(LampwellError):
    """Text that is no order, outcome or list of overrides; the message says what is wrong with it."""


_ENCODER = msgspec.json.Encoder(order="sorted")


def write(message: Order | Outcome | tuple[Stands, ...]) -> str:
    """As it goes over the wire."""
    return _ENCODER.encode(message).decode()


def read_order(text: str) -> Order:
    """The order of a text, checked as far as it says by itself. BadOrder."""
    if len(text) > MOST_BYTES:
        raise BadOrder(f"an order of {len(text)} characters")
    try:
        order = msgspec.json.decode(text, type=Order)
    except msgspec.MsgspecError as error:
        raise BadOrder(f"no lighting order: {error}") from error
    if wrong := _wrong(order):
        raise BadOrder(f"order {order.id[:64]!r}: {wrong}")
    return order


def read_outcome(text: str) -> Outcome:
    """The outcome of a text. BadOrder."""
    try:
        return msgspec.json.decode(text, type=Outcome)
    except msgspec.MsgspecError as error:
        raise BadOrder(f"no outcome of a lighting order: {error}") from error


def read_overrides(text: str) -> tuple[Stands, ...]:
    """The overrides of a text. BadOrder."""
    try:
        return msgspec.json.decode(text, type=tuple[Stands, ...])
    except msgspec.MsgspecError as error:
        raise BadOrder(f"no list of overrides: {error}") from error


def _wrong(order: Order) -> str:
    if not 1 <= len(order.id) <= 64 or not order.who.strip():
        return "needs an id of 1 to 64 characters, and who gave it"
    match order.do:
        case Lease(targets=targets, level=level, lasts_s=lasts_s):
            if not 0 <= level <= 100:
                return f"a level is 0 to 100 percent, not {level}"
            if not 0 < lasts_s <= MOST_LEASE_S:
                return f"a lease lasts 1 s to {MOST_LEASE_S // 86_400} days, not {lasts_s} s"
            return "" if targets else "a lease of nothing"
        case Lock(targets=targets):
            return "" if targets else "a lock on nothing"
    return ""
