"""Clocks: everything that waits does so on one of these."""

from __future__ import annotations

import asyncio

import pytest

from lampwell.clock import ScaledClock, VirtualClock


async def test_virtual_sleepers_wake_in_the_order_of_their_times() -> None:
    """Protects every virtual-time test: earlier sleepers act first, and each sees its own time."""
    clock = VirtualClock(start_ms=0)
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 5))
        group.create_task(sleeper("early", 2))
        await clock.advance(10)
    assert woken == [("early", 2000), ("late", 5000)]
    assert clock.now() == 10_000


async def test_a_sleeper_that_sleeps_again_is_served_in_the_same_advance() -> None:
    """Protects poll loops under test: one long advance runs all of their rounds."""
    clock = VirtualClock(start_ms=0)
    rounds = 0

    async def loop() -> None:
        nonlocal rounds
        while True:
            await clock.sleep(1)
            rounds += 1

    task = asyncio.create_task(loop())
    await clock.advance(60)
    task.cancel()
    assert rounds == 60


async def test_a_cancelled_sleeper_does_not_stop_the_clock() -> None:
    """Protects clean shutdown: a cancelled wait leaves nothing behind that advance could trip over."""
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await clock.advance(2)
    assert clock.monotonic() == 2


@pytest.mark.parametrize("speed", [0, 0.5, 61, -1, float("nan")])
def test_a_speed_out_of_bounds_is_refused(speed: float) -> None:
    """Protects from a clock that stands still or outruns the hardware: refused, never clamped."""
    with pytest.raises(ValueError, match="between 1 and 60"):
        ScaledClock(0, speed)
