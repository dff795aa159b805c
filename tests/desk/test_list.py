"""The alarm list as people see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from control.alarms.model import Condition, Text
from control.rows import row

from .conftest import an_alarm


async def test_what_stands_says_what_is_so_now(room: Callable[..., Any]) -> None:
    """Protects the crew from the words of the evening: two lamps then, six now; what is over, and a new life, fall back to what
    was said at the raise.
    """
    async with room(an_alarm("lost@p1", 3, latching=True)) as here:

        def say(value: bool, lamps: int) -> None:
            here.desk.observe([Condition(key="lost@p1", time=here.clock.now(), value=value, why=Text(zh=f"约{lamps}盏"))])

        def why() -> str:
            return row(here.desk.view("lost@p1")).why_zh

        say(True, 2)
        assert why() == "约2盏"
        say(True, 6)
        assert (why(), [row(one).why_zh for one in here.desk.listing()]) == ("约6盏", ["约6盏"])
        await here.restart(5)
        assert why() == "约2盏"
        say(True, 6)
        say(False, 0)
        assert why() == "约2盏"
