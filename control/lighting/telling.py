"""A roll-out that stopped by itself, or that is in trouble with an edge node it went on without, is told to those who lead, in
the transaction of that: whoever began it may be asleep.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from control.gaps import leaders
from control.lighting.rollout import Owed, Phase, Rollout
from control.messages import outbox
from control.messages.compose import Facts
from control.messages.group import EXPIRES_MS
from control.messages.outbox import Notice
from control.staff import Staff
from lampwell.lighting.wire import Said

PRIORITY = 3


def tell_trouble(connection: Connection, rollout: Rollout, troubled: Sequence[Owed], at: int, *, staff: Staff) -> None:
    """Put its stop into the outbox, or the trouble of those who were owed it when it was done; each once."""
    to = leaders(staff.roster)
    if to and rollout.phase is Phase.STOPPED:
        stage = rollout.stages[rollout.at]
        stop = Said(zh=f"方案版本{rollout.version}下发停止", en=f"the roll-out of plan version {rollout.version} has stopped")
        outbox.put(connection, _notice(rollout.id, at, Said(zh=stage.zh, en=stage.en), stop, rollout.reason), to)
    elif to:
        for one in troubled:
            place = Said(zh=f"网关 {one.edge}", en=f"edge node {one.edge}")
            what = Said(
                zh=f"补发方案版本{rollout.version}未成",
                en=f"plan version {rollout.version}, owed to it, is not as it should be there",
            )
            outbox.put(connection, _notice(f"{rollout.id}:{one.edge}", at, place, what, one.trouble), to)


def _notice(name: str, at: int, place: Said, what: Said, why: Said) -> Notice:
    about = Facts(
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
    return Notice(
        occurrence=None,
        step=f"rollout:{name}",
        group_key="lights",
        created=at,
        release=at,
        expires=at + EXPIRES_MS[PRIORITY],
        facts=about,
    )
