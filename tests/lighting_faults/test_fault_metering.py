"""The meters of a loop and of its cabinet against each other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from control.lighting.faults.metering import Measured, believed, hidden
from control.lighting.faults.readings import Loop, Three

LIT = Loop(place="cab/loop1", time=0, aux=True, level=100.0, amps=(3.0, 3.0, 3.0), watts=(600.0, 600.0, 600.0))
OTHER: Three = (900.0, 900.0, 900.0)
DEAD: Three = (0.0, 0.0, 0.0)
NO_A: Three = (0.0, 600.0, 600.0)
UNKNOWN: Three = (None, None, None)


def told(
    *looks: tuple[Three, Three | None], level: float = 100.0, aux: bool | None = True, extra: float = 40.0
) -> tuple[Loop, bool | None]:
    """The last reading believed, and what is known of the meter; looks a minute apart: (loop, cabinet without its neighbour)."""
    state, last, time = Measured(), None, 0
    reading = LIT
    for n in range(5):
        time = n * 60_000
        state, reading, one = believed(state, replace(LIT, time=time), hidden(_plus(LIT.watts, extra), (LIT.watts, OTHER)))
        last = one.value if one is not None else last
    for watts, main in looks:
        for _ in range(15):
            time += 60_000
            now = replace(LIT, time=time, watts=watts, amps=DEAD if watts == DEAD else LIT.amps, level=level, aux=aux)
            hides = UNKNOWN if main is None else hidden(_plus(main, extra), (watts, OTHER))
            state, reading, one = believed(state, now, hides)
            last = one.value if one is not None else last
    return reading, last


def _plus(main: Three, extra: float) -> Three:
    a, b, c = ((watts or 0.0) + 900.0 + extra for watts in main)
    return a, b, c


@pytest.mark.parametrize(
    ("loop", "main", "wrong", "amps"),
    [
        (LIT.watts, LIT.watts, False, LIT.amps),
        (DEAD, LIT.watts, True, UNKNOWN),
        (DEAD, DEAD, False, DEAD),
        (NO_A, LIT.watts, True, (None, 3.0, 3.0)),
        (NO_A, NO_A, False, LIT.amps),
        (DEAD, None, None, DEAD),
    ],
)
def test_a_loop_that_is_contradicted_is_not_believed(loop: Three, main: Three | None, wrong: bool | None, amps: Three) -> None:
    """A dead loop is dead on both meters; on one it is the meter. Where the cabinet's is not known, the loop's is believed."""
    reading, told_wrong = told((loop, main))
    assert (told_wrong, reading.amps) == (wrong, amps)


def test_what_was_hidden_before_is_no_contradiction() -> None:
    """Protects from a load that no loop shows, as a camera at the busbar: a dead loop beside it is dead."""
    assert told((DEAD, DEAD), extra=900.0)[1] is False


def test_it_goes_by_level_and_says_nothing_of_an_open_contactor() -> None:
    """Dimmed to a third, the share in the cabinet is smaller; while the contactor is open nothing is told."""
    third = (230.0, 230.0, 230.0)
    assert told((DEAD, third), level=33.0)[1] is True
    assert told((DEAD, DEAD), aux=False)[1] is None
