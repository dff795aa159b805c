"""Energy of a night: judged once, at noon, by what the loop reported; what is not known is left out on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from control.lighting.faults.energy import Night, energy, should_take
from control.lighting.faults.model import Finding
from control.lighting.faults.readings import Loop, Three

HOUR, DAY, NOON = 3_600_000, 86_400_000, 43_200_000
RATED: Three = (400.0, 400.0, 400.0)
VOLTS: Three = (228.0, 229.0, 230.0)
DUSK, DAWN = 7, 18
"""Hours after noon."""

Story = Callable[[float], dict[str, Any]]
"""What is not as usual, by hours since the noon of the night: fields of Loop, ``takes`` (share of what it should), ``counter``
(kWh beside the true one; None = not read), ``silent``, ``apart``.
"""


@dataclass
class Meter:
    """A loop and its counter, looked at every five minutes."""

    state: Night = field(default_factory=Night)
    kwh: float = 4321.0
    noons: int = 0
    found: list[Finding] = field(default_factory=list)

    def night(self, story: Story = lambda _: {}, usual: float = 1.0) -> bool | None:
        """From noon to noon; what was told of it (None: nothing can be told, or nothing was)."""
        before = len(self.found)
        for minute in range(0, 1440, 5):
            self._look(self.noons * DAY + NOON + minute * 60_000, {"takes": usual, **story(minute / 60)})
        self.noons += 1
        self._look(self.noons * DAY + NOON, {})
        assert len(self.found) - before <= 1, "judged once"
        return self.found[-1].value if self.found else None

    def _look(self, time: int, change: dict[str, Any]) -> None:
        hour = (time - NOON) % DAY / HOUR
        lit = DUSK <= hour < DAWN
        usual = {"aux": lit, "level": 50.0 if lit and 11 <= hour < 17 else 100.0 if lit else 0.0, "volts": VOLTS}
        told = {key: change[key] for key in ("aux", "level", "volts", "breaker") if key in change}
        reading = Loop(place="cab/loop1", time=time, **{**usual, **told})
        true = should_take(reading, RATED) if change.get("true") is None else change["true"]
        if not change.get("silent"):
            counter = None if change.get("counter", 0.0) is None else round(self.kwh + change.get("counter", 0.0), 2)
            should = None if change.get("apart") else should_take(reading, RATED)
            self.state, one = energy(self.state, reading, counter, rated=RATED, should=should, zone_ms=0)
            self.found += [one] if one is not None else []
        self.kwh += change.get("takes", 1.0) * (true or 0.0) / 12_000


def between(start: float, end: float, **change: Any) -> Story:
    return lambda hour: change if start <= hour < end else {}


DEAD_A: Three = (0.0, 229.0, 230.0)
NIGHTS: dict[str, tuple[Story, bool | None]] = {
    "as it should be": (lambda _: {}, False),
    "a tenth less": (lambda _: {"takes": 0.9}, False),
    "a quarter less, more than new lamps save": (lambda _: {"takes": 0.65}, True),
    "a fifth more": (lambda _: {"takes": 1.2}, True),
    "somebody draws by day": (between(0, 7, true=900.0), True),
    "a lease at half": (between(8, 11, level=50.0), False),
    "a crew has locked it off": (between(8, 14, aux=False, level=0.0), False),
    "lit by hand all day": (between(0, 7, aux=True, level=100.0), False),
    "one phase of the supply lost": (between(9, 15, volts=DEAD_A), False),
    "no supply at all": (between(9, 11, volts=(0.0, 0.0, 0.0), true=0.0), False),
    "two hours without data, lit and drawing": (between(9, 11, silent=True), False),
    "a day without data but for dusk": (between(8, 24, silent=True), None),
    "level not told": (between(7, 18, level=None, true=600.0), None),
    "a loop that is dead, with an alarm of its own": (between(7, 18, apart=True, true=0.0), None),
    "dead for two hours, with an alarm of its own": (between(9, 11, apart=True, true=0.0), False),
    "a new meter that begins at zero": (between(12, 24, counter=-4000.0), None),
    "a new meter that begins higher": (between(12, 24, counter=500.0), None),
    "no counter": (lambda _: {"counter": None}, None),
}


@pytest.mark.parametrize("name", NIGHTS)
def test_a_first_night(name: str) -> None:
    """Each night that a loop can have, judged by rating before anything is learned."""
    story, value = NIGHTS[name]
    assert Meter().night(story) is value


@pytest.mark.parametrize(
    ("usual", "then", "value"),
    [(0.85, 0.85, False), (0.85, 0.70, True), (0.85, 1.0, True), (1.0, 0.86, False), (1.0, 0.84, True), (1.0, 1.16, True)],
)
def test_nights_are_learned(usual: float, then: float, value: bool) -> None:
    """Protects drivers with constant light output, which take 15 % less when new: a night is held against the nights before."""
    meter = Meter()
    assert [meter.night(usual=usual) for _ in range(4)] == [False] * 4
    assert meter.night(usual=then) is value


def test_what_is_wrong_is_never_learned() -> None:
    """Protects from a fault that becomes the rule: a mismatch is told while it lasts, and slow loss of lamps in the end."""
    meter = Meter()
    for _ in range(4):
        meter.night()
    assert [meter.night(usual=0.7) for _ in range(6)] == [True] * 6
    assert meter.night() is False
    slowly = Meter()
    told = [slowly.night(usual=1 - 0.02 * n) for n in range(20)]
    assert told[0] is False
    assert told[-1] is True


def test_a_gap_makes_neither_side_smaller() -> None:
    """Protects the verdict from an outage of the network in which the loop burns on: what it drew then is on no side."""
    meter = Meter()
    meter.night(between(9, 12, silent=True))
    one = meter.found[-1]
    metered, expected = (each.value for each in one.evidence)
    assert isinstance(metered, float)
    assert isinstance(expected, float)
    assert metered == pytest.approx(expected, rel=0.02)
    assert metered < meter.kwh - 4321.0 - 2.5, "three hours at 1.2 and 0.6 kW are in neither"


def test_noon_is_judged_once_and_says_how_much() -> None:
    """Protects the crew's order from words without numbers, and from a verdict in the middle of the night."""
    meter = Meter()
    assert meter.night(lambda _: {"takes": 0.5}) is True
    one = meter.found[-1]
    assert one.key == "energy-mismatch@cab/loop1"
    assert one.time == meter.noons * DAY + NOON
    assert "kWh" in one.why.en
    assert {each.point for each in one.evidence} == {"cab/loop1/metered_kwh", "cab/loop1/expected_kwh"}
