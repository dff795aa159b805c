"""An edge node with 300 lamps behind it goes dead: one message to each who is told, and not one for what stands behind it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lampwell.assets import Broker
from lampwell.points import Kind, Point

from .whole import CABINETS, LAMPS, PONDING, room

OFFLINE = "网关离线"


@pytest.mark.slow
async def test_three_hundred_lamps_behind_a_dead_edge_node(tmp_path: Path, broker: Broker) -> None:
    """Protects the phones from a storm of children: the root cause alone is told, at once and once, and again when it is back."""
    lamps = tuple(Point(path=f"lamp{number}/failed", kind=Kind.BOOL) for number in range(1, LAMPS + 1))
    devices = {PONDING: (Point(path="level", unit="m"),)}
    devices |= {f"cabinet-{n}": (Point(path="door", kind=Kind.BOOL),) for n in CABINETS}
    devices |= {f"concentrator-{n}": lamps for n in CABINETS}
    async with room(tmp_path, broker, devices) as here:
        here.edge.say(PONDING, 0.0)
        for number in CABINETS:
            here.edge.say(f"cabinet-{number}", False)
            here.edge.say(f"concentrator-{number}", *(False,) * LAMPS)
        await here.live(60)
        assert not [row for row in await here.rows() if row.device != ""], "nothing is wrong yet"
        watched = [key for key in here.control.front.desk.engine.alarms if key.startswith("lamp-failed@")]
        assert len(watched) == LAMPS * len(CABINETS) == 300
        before = len(here.standin.received)
        await here.edge.stop()
        await here.until(lambda: len(here.letters(OFFLINE)) == 2, seconds=120)
        await here.live(1200, step=2.0)
        told = list(here.standin.received)[: len(here.standin.received) - before]
        first = [one for one in told if "无人应答" not in one.text]
        assert Counter((one.channel, one.address) for one in first).most_common(1)[0][1] == 1, [one.text for one in told]
        assert all(OFFLINE in one.text for one in told), [one.text for one in told]
        assert [row.key for row in await here.rows() if row.number] == ["edge-offline@edge:edge-oldtown"]
        assert len(here.lives("edge-offline")) == 1
        assert not here.lives("lamp-failed")
