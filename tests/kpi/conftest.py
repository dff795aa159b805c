"""Random journals, and a fresh state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from control.kpi.facts import Life
from control.store.tables import metadata

T0 = 1_780_000_000_000
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'state.sqlite'}")
    metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def a_life(number: int, at: int, **more: object) -> Life:
    """An occurrence announced when it was raised."""
    fields: dict[str, object] = {
        "number": number, "key": f"rule@{number % 3}", "priority": 3, "raised_at": at, "announced_at": at, "respond_ms": HOUR,
    } | more  # fmt: skip
    return Life(**fields)  # type: ignore[arg-type]


@st.composite
def some_lives(draw: st.DrawFn) -> list[Life]:
    """Up to 60 occurrences over three days; half of them crowd into bursts, so that floods and chattering happen."""
    starts = draw(st.lists(st.integers(0, 3 * DAY // SECOND), min_size=1, max_size=4))
    gaps = st.sampled_from([0, 1, 7, 20, 59, 60, 61, 300, 599, 600, 86_400])
    steps = draw(st.lists(st.tuples(st.sampled_from(starts), gaps), max_size=60))
    found, offset = [], dict.fromkeys(starts, 0)
    for number, (start, step) in enumerate(steps):
        offset[start] += step * SECOND
        raised = T0 + start * SECOND + offset[start]
        announced = raised + draw(st.sampled_from([0, 0, 0, 30 * HOUR]))
        lasts = draw(st.none() | st.sampled_from([5, 20, 59, 60, 61, 3600, 90_000, 200_000]))
        cleared = None if lasts is None else raised + lasts * SECOND
        waits = draw(st.none() | st.sampled_from([0, 30, 3600, 3601, 90_000]))
        acked = None if waits is None else announced + waits * SECOND
        found.append(
            Life(
                number=number,
                key=f"k{draw(st.integers(0, 14))}",
                priority=draw(st.integers(1, 4)),
                raised_at=raised,
                announced_at=announced,
                respond_ms=HOUR,
                acked_at=acked,
                cleared_at=cleared,
                closed_at=None if cleared is None or acked is None else max(cleared, acked),
            )
        )
    return found
