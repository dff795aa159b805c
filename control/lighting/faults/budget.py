"""The supply's band as a budget of time: a sag at dusk is nothing, three hours of it in a day are worth a letter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from control.alarms.model import Text
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Verdict, hold, proof
from control.lighting.faults.readings import Supply, night_number
from lampwell.supply import DEAD_V

LOW_V, HIGH_V = 198.0, 235.4
"""The band of GB/T 12325 for 220 V (unverified)."""
BUDGET_MS = 3 * 3_600_000
"""SLightliMon: 3 h (domain streetlights 1.2 and 3)."""
GAP_MS = 900_000
AT_ONCE = Clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """State: the day (local noon to noon, numbered), the time outside the band so far, whether it was at the last look."""

    day: int = -1
    out_ms: int = 0
    last: int = 0
    out: bool = False
    held: Held = field(default_factory=Held)


def voltage(state: Budget, reading: Supply, *, zone_ms: int) -> tuple[Budget, Finding | None]:
    """A live phase has been outside the band for the budget of a day. What was not looked at for a quarter of an hour counts for
    nothing.
    """
    day = night_number(reading.time, zone_ms)
    state = state if day == state.day else replace(state, day=day, out_ms=0)
    passed = reading.time - state.last
    spent = passed if state.out and 0 < passed <= GAP_MS else 0
    live = [volts for volts in reading.volts if volts is not None and volts >= DEAD_V]
    out = [volts for volts in live if not LOW_V <= volts <= HIGH_V]
    state = replace(state, out_ms=state.out_ms + spent, last=reading.time, out=bool(out))
    hours = state.out_ms / 3_600_000
    text = Text(
        zh=f"一天内电压偏离{LOW_V:g}-{HIGH_V:g} V共{hours:.1f}小时",
        en=f"outside {LOW_V:g}-{HIGH_V:g} V for {hours:.1f} h of the day",
    )
    a, b, c = reading.volts
    told = Verdict(value=state.out_ms >= BUDGET_MS, why=text, evidence=proof(reading.place, reading.time, u_a=a, u_b=b, u_c=c))
    held, finding = hold(state.held, reading.time, told if live else UNTOLD, AT_ONCE, "voltage", reading.place)
    return replace(state, held=held), finding
