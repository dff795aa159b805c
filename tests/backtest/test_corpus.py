"""The corpus: labelled stories of the virtual county, and what the shipped rules must make of each. A change needs a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase

import pytest

from control.backtest.figures import report
from control.backtest.logic import LOOK_S
from control.backtest.run import Life, run
from simulators.world import build

from .field_stories import FIELD
from .light_stories import LIGHT
from .scene import EVENING, Outcome, Scene, binding, taihe
from .wire_stories import WIRE

Story = Callable[[Scene], Awaitable[Outcome]]
STORIES = {**FIELD, **LIGHT, **WIRE}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(story: Story) -> None:
    """Protects what people are told in each of these situations: these alarms, in their time, and no others."""
    world = await build(taihe(), STORIES[story])
    try:
        await world.advance(world.now + 60_000)  # controllers have started, levels have settled
        scene = Scene(world)
        wanted = await story(scene)
        end = world.now + 1
    finally:
        await world.close()
    look_s = LOOK_S if STORIES[story] == EVENING else 10 * LOOK_S  # by day lamps have nothing to tell
    lives = run(binding(), taihe(), scene.events, scene.start, end, look_s=look_s)
    _compare(wanted, lives, scene.start)
    found = report(lives, scene.start, end, wanted.labels)
    assert {one.name for one in found.detections if not one.found} == wanted.missed


def _compare(wanted: Outcome, lives: list[Life], start: int) -> None:
    """Every wanted alarm once and in its time; no other but those beside."""
    announced = [life for life in lives if life.announced_at is not None]
    keys = {one.key for one in wanted.told}
    for one in wanted.told:
        mine = [life for life in announced if life.key == one.key]
        assert [one.fits(life, start) for life in mine] == [True], (one, [_shown(life, start) for life in mine])
    others = [life for life in announced if life.key not in keys and not any(fnmatchcase(life.key, p) for p in wanted.beside)]
    assert not others, "\n".join(_shown(life, start) for life in others)


def _shown(life: Life, start: int) -> str:
    times = [None if at is None else (at - start) / 1000 for at in (life.raised_at, life.announced_at, life.cleared_at)]
    return f"{life.key} raised {times[0]} told {times[1]} cleared {times[2]}"


def test_the_corpus_is_large_enough() -> None:
    """Protects the corpus from shrinking: at least twenty labelled situations (issue: about 20)."""
    assert len(STORIES) >= 20
    assert all(story.__doc__ for story in STORIES)
