"""Small words for alarm tests: an alarm with given timing, one observation, and a bench that steps an engine through time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from control.alarms.engine import Engine
from control.alarms.events import Change, Effect
from control.alarms.model import Alarm, Condition, Limit, Place, Priority, Rule, Side, Text, Timing

T0 = 1_780_000_000_000


def an_alarm(key: str = "level@well-01", *, limit: float | None = 1.0, deadband: float = 0.1, **options: Any) -> Alarm:
    """An alarm; timing words (on_s, off_s, realarm_s) and rule words (latching, acknowledge, priority) as options."""
    timing = Timing(**{name: options.pop(name) for name in ("on_s", "off_s", "realarm_s") if name in options})
    outside = {name: options.pop(name) for name in ("parents", "conditional", "most_shelf_s") if name in options}
    rule = Rule(
        id=key.partition("@")[0],
        priority=options.pop("priority", Priority.YELLOW),
        text=Text(zh="水位"),
        timing=timing,
        **options,
    )
    held = None if limit is None else Limit(side=Side.ABOVE, value=limit, deadband=deadband, unit="m")
    return Alarm(key=key, rule=rule, place=Place(device="well-01"), limit=held, **outside)


@dataclass
class Bench:
    """An engine in virtual time; ``log`` is every change since the start. Time moves in seconds."""

    alarms: list[Alarm]
    now: int = T0
    log: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Engine(self.alarms)

    def see(self, value: float | bool | None, key: str = "", *, ago_s: float = 0) -> list[Change]:
        """An observation of the only alarm, or of one."""
        condition = Condition(key=key or self.alarms[0].key, time=self.now - round(ago_s * 1000), value=value)
        return self._keep(self.engine.observe(condition, self.now))

    def wait(self, seconds: float) -> list[Change]:
        """Let time pass; the engine is woken exactly when it asked to be."""
        end, found = self.now + round(seconds * 1000), list[Change]()
        while (due := self.engine.wakes_at) is not None and due <= end:
            self.now = max(self.now, due)
            found += self.engine.tick(self.now)
        self.now = end
        return self._keep(found)

    def ask(self, event: Any, key: str = "") -> Any:
        """A person's event; the answer."""
        answer = self.engine.ask(key or self.alarms[0].key, event, self.now)
        self._keep(list(answer.changes))
        return answer

    def restart(self) -> None:
        """The same states in a new engine."""
        self.engine = Engine(self.alarms, self.engine.states, number=self.engine.number)

    @property
    def core(self) -> str:
        return self.engine.state(self.alarms[0].key).core

    def count(self, effect: Effect, key: str = "") -> int:
        """How often something was done."""
        return sum(change.step.effects.count(effect) for change in self.log if not key or change.alarm.key == key)

    def _keep(self, changes: list[Change]) -> list[Change]:
        self.log += changes
        return changes


def effects(changes: list[Change]) -> list[str]:
    """What was done, in order."""
    return [str(effect) for change in changes for effect in change.step.effects]
