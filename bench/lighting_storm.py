"""A stretch of a night in which anything comes, by chance from a seed; second by second what burns is held against an oracle."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from bench.lighting_oracle import AROUND_S, HOUR_S, MOST_ONS, Oracle, moves_of, spared
from bench.lighting_yard import Rig
from gateway.clockwatch import ClockWatch
from lampwell.lighting.wire import Lease, Lock, Order, Release, Said, read_overrides, write

EXPIRES_S = 60
SETTLED_S = 12 * 5 + 5 + 2 + 3
"""All contactors of the largest cabinet in turn, a poll, a round, and the devices' own delays."""
SLACK_MS = 1000
"""A node's own time may be half a second off, and so may a lease's end."""
WHY = Said(zh="测试", en="a test")
COMES = ("lease", "lease", "lease", "lease", "release", "release", "lock", "again", "restart", "clock", "broker")


@dataclass
class Storm:
    """``busy``: the loops that orders are for. ``calm``: not before this second must all be right; ``doing``: what was done, and
    how often; ``wrong``: what fell short.
    """

    rig: Rig
    oracle: Oracle
    chance: random.Random
    loops: list[str]
    busy: list[str]
    calm: float = 0.0
    away_until: float = 0.0
    doing: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    looks: int = 0
    _sent: list[Order] = field(default_factory=list)
    _flying: list[tuple[float, Order]] = field(default_factory=list)
    _fresh: list[tuple[float, Order]] = field(default_factory=list)
    _before: dict[str, int] = field(default_factory=dict)
    _checked: int = 0

    def __post_init__(self) -> None:
        self._watch = ClockWatch(self.rig.clock)
        self._closed = {loop: self.rig.yard.lit(loop) > 0 for loop in self.loops}

    @property
    def now(self) -> float:
        return self.rig.clock.elapsed

    async def live(self, seconds: int) -> None:
        """So many seconds of whatever comes, then quiet until all must be right."""
        end = self.now + seconds
        while self.now < end:
            if self.chance.random() < 0.08:
                await self._something()
            await self._second()
        self.rig.clock.wrong_ms = 0
        while self._flying or self.now < self.calm + 5:
            await self._second()

    async def _second(self) -> None:
        await self.rig.run(self.chance.choice([0.3, 0.7, 1.0]))
        self.rig.trusted = self._watch.trusted()
        for due, order in [one for one in self._flying if one[0] <= self.now]:
            self._flying.remove((due, order))
            self._deliver(order)
        self._look()

    # -- what comes ----------------------------------------------------------------------------------------------------------

    async def _something(self) -> None:
        match self.chance.choice(COMES):
            case "lease":
                some = self.chance.sample(self.busy, self.chance.choice([1, 1, 2, 6]))
                level, lasts = self.chance.choice([0, 0, 30, 70, 100]), self.chance.choice([20, 20, 90, 300, 900])
                self._send(Lease(targets=tuple(some), level=level, lasts_s=lasts, reason=WHY))
            case "lock":
                self._send(Lock(targets=(self.chance.choice(self.busy),), reason=WHY))
            case "release":
                if self._sent:
                    self._send(Release(order=self.chance.choice(self._sent[-12:]).id, reason=WHY))
            case "again":
                if self._sent:
                    self._fly(self.chance.choice(self._sent[-20:]))
            case "broker":
                self.away_until = self.now + self.chance.choice([20, 90, 200])
                self.doing["broker away"] += 1
            case "clock":
                self.rig.clock.wrong_ms = self.chance.choice([0, 3_600_000, -3_600_000])
                self.doing["clock stepped"] += 1
            case "restart" if not self.rig.clock.wrong_ms:
                await self._restart()

    def _send(self, do: Lease | Lock | Release) -> None:
        issued = self.rig.clock.true
        order = Order(id=f"o{len(self._sent)}", who="值班员", issued=issued, expires=issued + EXPIRES_S * 1000, do=do)
        self._sent.append(order)
        self._fly(order)
        self.doing[f"{type(do).__name__.lower()} given"] += 1

    def _fly(self, order: Order) -> None:
        """Lost, late, twice, overtaken; what is sent while the broker is away comes when it is back."""
        copies = self.chance.choice([0, 1, 1, 1, 1, 1, 2, 3])
        for _ in range(copies):
            late = self.chance.choice([0.0, 0.0, 0.5, 3.0, 30.0, 100.0])
            self._flying.append((max(self.now, self.away_until) + late, order))
        self.doing["copies under way"] += copies

    def _deliver(self, order: Order) -> None:
        now = self.rig.clock.true
        before = self.oracle.standing(now)
        self.rig.lighting.offer(write(order))
        self.oracle.arrived(order, now)
        self.doing["came late" if now > order.expires else "came in time"] += 1
        if self.oracle.standing(now) != before:
            self._unsettled(SETTLED_S)

    async def _restart(self) -> None:
        """Killed where it stands, so that it has acted on everything that came more than a moment ago."""
        await self.rig.run(self.chance.choice([0.6, 1.0, 2.0]))
        away = self.chance.choice([0.5, 1, 5, 30, 150])
        self.rig.trusted = True  # a gateway that has just begun has seen no clock stepped
        await self.rig.restart(away)
        self._watch = ClockWatch(self.rig.clock)
        self._unsettled(SETTLED_S)
        self.doing["restart"] += 1

    def _unsettled(self, seconds: float) -> None:
        self.calm = max(self.calm, self.now + seconds)

    # -- what must hold --------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.looks += 1
        self._writes()
        now = self.rig.clock.true
        wanted = {loop: self.oracle.wanted(loop, now) for loop in self.loops}
        if any((level > 0) != (self._before.get(loop, level) > 0) for loop, level in wanted.items()):
            self._unsettled(SETTLED_S)
        self._before = wanted
        if self.oracle.standing(now - 1500) == self.oracle.standing(now + 1500) and self.now >= self.calm - SETTLED_S + 2:
            self._stands(now)
        if self.now >= self.calm:
            self._burns(wanted, now)

    def _stands(self, now: int) -> None:
        """Each order had its one effect, or none."""
        stand = frozenset(
            one.id for one in read_overrides(self.rig.lighting.status.overrides) if one.end is None or one.end > now
        )
        if not self.oracle.deciding(now) <= stand <= self.oracle.standing(now):
            self._say(f"{sorted(stand)} stand, not {sorted(self.oracle.standing(now))}")

    def _burns(self, wanted: dict[str, int], now: int) -> None:
        """What is wanted is read back and burns; only a loop that was on six times this hour may still be dark."""
        for loop, level in wanted.items():
            lit, check = self.rig.yard.lit(loop), self.rig.lighting.checks[loop]
            around = self.oracle.around(loop, now)
            right = check.agrees and check.wanted in around
            if min(around) - 1 <= lit <= max(around) + 1 and (right or len(around) > 1):
                continue
            if level and not lit and self._ons(loop, now) >= MOST_ONS:
                self.doing["held back"] += 1
                continue
            self._say(f"{loop} burns at {lit}, wanted {level}, told as {check}")

    def _ons(self, loop: str, now: int) -> int:
        device, _, component = loop.partition("/")
        path = f"{component}/command"
        moved = moves_of([one for one in self.rig.yard.writes if one[1] == device and one[2] == path], self._closed)
        return sum(on and now - then < HOUR_S * 1000 for then, _, on in moved.get(device, ()))

    def _writes(self) -> None:
        """Nothing is ever written above what was wanted around that time."""
        for then, device, path, value in self.rig.yard.writes[self._checked :]:
            component, _, name = path.rpartition("/")
            if not component.startswith("loop") or name not in ("set_level", "command"):
                continue
            most = max(self.oracle.around(f"{device}/{component}", then + SLACK_MS, AROUND_S + SLACK_MS / 1000))
            if value > most if name == "set_level" else value and not most:
                self._say(f"{device}/{path} = {value} written, at most {most} was wanted")
        self._checked = len(self.rig.yard.writes)

    def judge(self) -> None:
        """After the run: the contactors."""
        for moves in moves_of(self.rig.yard.writes, self._closed).values():
            self.doing["contactor moves"] += len(moves)
            if bad := spared(moves, self.oracle):
                self._say(bad)

    def _say(self, what: str) -> None:
        if len(self.wrong) < 10:
            self.wrong.append(f"{self.now:.1f} s: {what}")
