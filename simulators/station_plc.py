"""The PLC of a pump station: which pumps should run. Levels in metres above the wet well's floor (domain drainage 2.7, 3.5)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

MIN_OFF_S = 30.0
STAGGER_S = 10.0
"""At least so long between two starts, also after the mains return (domain drainage 3.5)."""


class Mode(IntEnum):
    """Who decides."""

    OFF = 0
    MANUAL = 1
    AUTO = 2
    REMOTE = 3


class PumpFault(IntEnum):
    """The last fault code of a pump."""

    NONE = 0
    OVERLOAD = 1
    SEAL = 2
    TEMPERATURE = 3
    DRY = 4


@dataclass
class Settings:
    """What a master may set. Levels in metres, ``gate_set`` in percent."""

    start_levels: list[float]
    stop_levels: list[float]
    high_alarm: float
    low_cutout: float
    mode: int = Mode.AUTO
    max_starts: int = 6
    alternation_hours: int = 24
    gate_set: float = 100.0


@dataclass
class PumpState:
    """One pump as the PLC knows it. ``asked`` is what the remote buttons last said."""

    run: bool = False
    asked: bool = False
    tripped: PumpFault = PumpFault.NONE
    last_fault: PumpFault = PumpFault.NONE
    starts: int = 0
    run_s: float = 0.0
    since_stop_s: float = 3600.0
    turn_s: float = 0.0  # run time since it last began to lead
    recent: deque[int] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the PLC sees: the level it believes (None = no level sensor answers), the floats, mains, the emergency stop."""

    level: float | None
    high_float: bool
    low_float: bool
    mains: bool
    e_stop: bool


class StationPlc:
    """Starts and stops pumps. The duty order turns at each stop of the leader and after ``alternation_hours`` of its running;
    tripped pumps are skipped; a pump that has had its starts for the hour waits unless the high float is wet.
    """

    def __init__(self, settings: Settings, pumps: int) -> None:
        self.settings = settings
        self.pumps = [PumpState() for _ in range(pumps)]
        self.order = list(range(pumps))
        self.called = 0
        self.float_mode = False
        self._since_start_s = STAGGER_S

    def advance(self, seconds: float, now: int, inputs: Inputs) -> None:
        """One PLC cycle."""
        self._since_start_s += seconds
        for pump in self.pumps:
            if pump.run:
                pump.run_s += seconds
                pump.turn_s += seconds
            else:
                pump.since_stop_s += seconds
        self._call(inputs)
        wanted = self._wanted(inputs)
        for number, pump in enumerate(self.pumps):
            if pump.run and number not in wanted:
                self._stop(number)
        for number in wanted:
            self._start(number, now, urgent=inputs.high_float)

    def press(self, number: int, button: str) -> None:
        """A remote start, stop or reset. Raises ValueError where the station is not in remote (reset always works)."""
        pump = self.pumps[number]
        if button == "do_reset":
            pump.tripped = PumpFault.NONE
            return
        if self.settings.mode != Mode.REMOTE:
            raise ValueError(f"{button}: the station is not in remote")
        pump.asked = button == "do_start"

    def trip(self, number: int, cause: PumpFault) -> None:
        """A pump's own protection acts; it stays out until reset."""
        pump = self.pumps[number]
        if pump.tripped is not cause:
            pump.tripped = pump.last_fault = cause

    def _call(self, inputs: Inputs) -> None:
        """How many pumps the level asks for; between the levels of a pump it stays as it was."""
        self.float_mode = inputs.high_float or (self.float_mode and not inputs.low_float)
        level, settings = inputs.level, self.settings
        if level is None:
            return
        for k in range(len(self.pumps)):
            if level >= settings.start_levels[k]:
                self.called = max(self.called, k + 1)
            if level <= settings.stop_levels[k]:
                self.called = min(self.called, k)
        if level <= settings.low_cutout:
            self.called = 0
        if level < settings.high_alarm:
            self.float_mode = inputs.high_float

    def _wanted(self, inputs: Inputs) -> list[int]:
        """The pumps to run, leader first."""
        mode = self.settings.mode
        if not inputs.mains or inputs.e_stop or mode == Mode.OFF:
            return []
        healthy = [n for n in self.order if self.pumps[n].tripped is PumpFault.NONE]
        if self.float_mode:
            return healthy  # hard-wired: the floats know nothing of modes
        if inputs.low_float:
            return []
        if mode == Mode.AUTO:
            return healthy[: self.called]
        return [n for n in healthy if self.pumps[n].asked]

    def _start(self, number: int, now: int, *, urgent: bool) -> None:
        pump = self.pumps[number]
        if pump.run or self._since_start_s < STAGGER_S or pump.since_stop_s < MIN_OFF_S:
            return
        while pump.recent and now - pump.recent[0] >= 3_600_000:
            pump.recent.popleft()
        if len(pump.recent) >= self.settings.max_starts and not urgent:
            self._yield_turn(number)
            return
        pump.run = True
        pump.starts += 1
        pump.recent.append(now)
        self._since_start_s = 0.0

    def _stop(self, number: int) -> None:
        pump = self.pumps[number]
        pump.run = False
        pump.since_stop_s = 0.0
        if self.order[0] == number:
            self._yield_turn(number)

    def _yield_turn(self, number: int) -> None:
        """To the end of the duty order; the others by hours run, fewest first."""
        pump = self.pumps[number]
        pump.turn_s = 0.0
        others = sorted((n for n in self.order if n != number), key=lambda n: self.pumps[n].run_s)
        self.order = [*others, number]

    def alternate(self) -> None:
        """Change the leader that has run longer than ``alternation_hours`` without a stop."""
        hours = self.settings.alternation_hours
        leader = self.order[0]
        if hours and self.pumps[leader].turn_s >= hours * 3600:
            self._yield_turn(leader)
