"""What phase voltages and a neutral current say of a supply."""

from __future__ import annotations

import pytest

from lampwell.supply import neutral_open


@pytest.mark.parametrize(
    ("volts", "neutral", "said"),
    [
        ((265.0, 228.0, 184.0), 0.0, True),
        ((265.0, 228.0, 184.0), 6.0, False),  # a load, not the neutral
        ((265.0, 228.0, 184.0), None, None),
        ((265.0, None, 184.0), 0.0, None),
        ((228.0, 229.0, 230.0), 0.0, False),
        ((228.0, 229.0, 230.0), None, False),
        ((255.0, 228.0, 195.0), 0.0, False),  # apart, but not so far
        ((260.0, 228.0, 0.0), 0.0, False),  # a lost phase is another fault
        ((0.0, 0.0, 0.0), 0.0, False),
    ],
)
def test_a_broken_neutral(volts: tuple[float | None, ...], neutral: float | None, said: bool | None) -> None:
    """Protects both ways: a street is cut in two seconds by this, and what is not known cuts nothing."""
    assert neutral_open(volts, neutral) is said
