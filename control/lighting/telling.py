"""A roll-out that stopped by itself, or that is in trouble with an edge node it went on without, is told to those who lead, in
the transaction of that: whoever began it may be asleep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from control.leaders import tell_leaders
from control.lighting.rollout import Owed, Phase, Rollout
from control.messages.compose import Facts
from control.staff import Staff
from lampwell.lighting.wire import Said

PRIORITY = 3


def tell_trouble(connection: Connection, rollout: Rollout, troubled: Sequence[Owed], at: int, *, staff: Staff) -> None:
    """Put its stop into the outbox, or the trouble of those who were owed it when it was done; each once."""
    for name, about in _trouble(rollout, troubled, at):
        tell_leaders(connection, staff.roster, about, step=f"rollout:{name}", key="lights")


def _trouble(rollout: Rollout, troubled: Sequence[Owed], at: int) -> Iterator[tuple[str, Facts]]:
    """What is told, each with a name by which it is known again."""
    if rollout.phase is Phase.STOPPED:
        stage = rollout.stages[rollout.at]
        stop = Said(zh=f"方案版本{rollout.version}下发停止", en=f"the roll-out of plan version {rollout.version} has stopped")
        yield rollout.id, _facts(at, Said(zh=stage.zh, en=stage.en), stop, rollout.reason)
        return
    for one in troubled:
        place = Said(zh=f"网关 {one.edge}", en=f"edge node {one.edge}")
        what = Said(
            zh=f"补发方案版本{rollout.version}未成",
            en=f"plan version {rollout.version}, owed to it, is not as it should be there",
        )
        yield f"{rollout.id}:{one.edge}", _facts(at, place, what, one.trouble)


def _facts(at: int, place: Said, what: Said, why: Said) -> Facts:
    return Facts(
        kind="lights",
        number=0,
        priority=PRIORITY,
        place_zh=place.zh,
        place_en=place.en,
        zh=what.zh,
        en=what.en,
        value="",
        time=at,
        because_zh=why.zh,
        because_en=why.en,
        response_zh="查看网关状态，排除后重新下发，或退回前一版本",
        response_en="look at the edge nodes; then activate it again, or roll back",
    )
