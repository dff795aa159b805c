"""A roll-out that stopped by itself is told to those who lead, in the transaction of the stop: whoever began it may be asleep."""

from __future__ import annotations

from sqlalchemy import Connection

from control.gaps import leaders
from control.lighting.rollout import Rollout
from control.messages import outbox
from control.messages.compose import Facts
from control.messages.group import EXPIRES_MS
from control.messages.outbox import Notice
from control.staff import Staff

PRIORITY = 3


def tell_stop(connection: Connection, rollout: Rollout, staff: Staff) -> None:
    """Put it into the outbox, once."""
    at = rollout.ended_at
    assert at is not None, "only of one that has ended"
    stage = rollout.stages[rollout.at]
    about = Facts(
        kind="lights",
        number=0,
        priority=PRIORITY,
        place_zh=stage.zh,
        place_en=stage.en,
        zh=f"方案版本{rollout.version}下发停止",
        en=f"the roll-out of plan version {rollout.version} has stopped",
        value="",
        time=at,
        because_zh=rollout.reason.zh,
        because_en=rollout.reason.en,
        response_zh="查看网关状态，排除后重新下发，或退回前一版本",
        response_en="look at the edge nodes; then activate it again, or roll back",
    )
    notice = Notice(
        occurrence=None,
        step=f"rollout:{rollout.id}",
        group_key="lights",
        created=at,
        release=at,
        expires=at + EXPIRES_MS[PRIORITY],
        facts=about,
    )
    if to := leaders(staff.roster):
        outbox.put(connection, notice, to)
