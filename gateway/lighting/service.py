"""The lighting of one edge node at work: every two seconds, and whenever an order or a read-back comes, a round.

A round takes the orders, reckons what should hold, compares, has written what differs, and tells what became of the orders. What
must not be forgotten is on the disk before it is told or acted on. Without a plan nothing is written to any device.
"""

from __future__ import annotations

import asyncio
import logging
import time as machine
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import msgspec

from gateway.lighting import words
from gateway.lighting.driver import QUICK, Driver, Item, Port
from gateway.lighting.fallback import TABLE
from gateway.lighting.following import Check, Now, follow
from gateway.lighting.kept import Kept, shifted, stands, without_past
from gateway.lighting.orders import Here, take
from gateway.lighting.places import Readings
from gateway.lighting.seen import LoopSeen
from gateway.lighting.steady import Reckoned, Steady
from gateway.lighting.store import LightingStore
from gateway.lighting.works import Acts, Works, make_works
from gateway.requests import Nap
from gateway.status import LightingStatus
from lampwell.assets import County, DeviceKind
from lampwell.clock import Clock
from lampwell.lighting import Override, Text
from lampwell.lighting.documents import PlanRefused, read_document
from lampwell.lighting.model import OFF, Layer
from lampwell.lighting.wire import BadOrder, Outcome, Said, State, read_order, write

log = logging.getLogger(__name__)

ROUND_S = 2.0
GIVE_BACK_AFTER = 20
"""Failing rounds one after another."""
LEAST_S = 0.2
"""Between two rounds, whatever comes."""
BEAT_S = 60.0
"""How far behind the saved time may be: a lease goes on from there where the clock is lost with the power."""
MOST_WAITING = 200
"""Orders not yet looked at; a sender that floods loses the rest, and is told in the log."""


class Devices(Readings, Port, Protocol):
    """What the lighting needs of the field."""


class Lighting:
    """``tell(outcome)``: an outcome for the wire. ``trusted()``: whether the machine's calendar is believed."""

    def __init__(
        self,
        county: County,
        edge: str,
        devices: Devices,
        store: LightingStore,
        *,
        clock: Clock,
        tell: Callable[[str], None],
        trusted: Callable[[], bool] = lambda: True,
        round_s: float = ROUND_S,
    ) -> None:
        self._county, self._edge = county, edge
        self._devices = devices
        self._store = store
        self._clock = clock
        self._tell = tell
        self._trusted = trusted
        self._round_s = round_s
        self._nap = Nap(clock)
        self._waiting: deque[str] = deque()
        self._driver = Driver(devices, clock=clock, done=self._written)
        self._kept = Kept()
        self._saved = Kept()
        self._saved_at = float("-inf")
        self._steady = Steady(0)
        self._works: Works | None = None
        self._senders = (0, 0.0)
        self._awake = False
        self._failures = 0
        self._untold: list[Outcome] = []
        self._at = 0
        self.status = LightingStatus()
        self.checks: Mapping[str, Check] = {}

    # -- from outside ------------------------------------------------------------------------------------------------------

    def offer(self, order: str) -> None:
        """An order came; it is dealt with in the next round, which is at once."""
        if len(self._waiting) >= MOST_WAITING:
            log.warning("more than %d lighting orders wait: one is dropped", MOST_WAITING)
            return
        self._waiting.append(order)
        self._wake()

    def reload(self, county: County) -> None:
        """The county's files changed under us: devices are looked up anew."""
        self._county = county
        self._adopt()

    async def run(self) -> None:
        """Until cancelled."""
        self._kept = self._saved = await asyncio.to_thread(self._store.load)
        self._steady = Steady(self._kept.saved)
        self._adopt()
        if self._store.damaged:
            self._give_back()
        try:
            while True:
                await self._safe_round()
                await self._clock.sleep(min(LEAST_S, self._round_s))
                if not self._awake:
                    await self._nap.until(max(0.0, self._pause() - LEAST_S))
                self._awake = False
        finally:
            await self._driver.stop()

    async def _safe_round(self) -> None:
        """A fault of ours must not freeze the lamps: while we poll, their cabinets wait for us. They get them back."""
        try:
            await self._round()
        except Exception:  # whatever it is: told once, and the polling of everything else goes on
            self._failures += 1
            if self._failures == 1:
                log.exception("unexpected error in a round of the lighting, going on")
            if self._failures == GIVE_BACK_AFTER:
                log.error("the lighting fails again and again: the cabinets go by their own tables")
                self._give_back()
        else:
            self._failures = 0

    def _give_back(self) -> None:
        """Every cabinet of ours that is in remote mode goes by its own table."""
        for device in self._county.devices:
            if device.kind is not DeviceKind.CABINET or device.link not in self._links():
                continue
            found = next(
                ((n, one) for n, one in enumerate(device.profile.registers) if one.point.path == "mode" and one.write), None
            )
            if found is not None:
                self._driver.give(device.id, [Item(found[1], TABLE)], [found[0]], QUICK)

    def _pause(self) -> float:
        """Until the next round: sooner where something waits for its time, or an override begins or ends."""
        pause = self._round_s
        if self._works is not None:
            pause = min(pause, self._works.reconciler.due - self._clock.monotonic())
        bounds = (bound for one in self._kept.overrides for bound in (one.start, one.end) if bound is not None)
        return min([pause, *((bound - self._at) / 1000 for bound in bounds if bound > self._at)])

    # -- a round -----------------------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        began = machine.perf_counter()
        now = self._clock.monotonic()
        time = self._time(now)
        self._at = time.at
        self._take_orders(time, now)
        acts = self._reconcile(self._works, time, now) if self._works is not None else {}
        self._kept = without_past(self._kept, time.at)
        self._show(time.at)
        cost = machine.perf_counter() - began
        await self._save(time, now)
        outcomes, self._untold = self._untold, []
        for outcome in outcomes:
            log.info("lighting order %s: %s: %s", outcome.id, outcome.state, outcome.reason.en)
            self._tell(write(outcome))
        for device, (items, reads, looks) in acts.items():
            self._driver.give(device, items, reads, looks)
        self.status = replace(self.status, round_ms=cost * 1000)

    def _time(self, now: float) -> Reckoned:
        witness = self._works.witness(self._devices, now) if self._works else None
        time = self._steady.reckon(self._clock.now(), now, trusted=self._trusted(), witness=witness)
        if time.moved:
            self._kept = shifted(self._kept, time.moved)
        return time

    def _take_orders(self, time: Reckoned, now: float) -> None:
        while self._waiting:
            text = self._waiting.popleft()
            try:
                order = read_order(text)
            except BadOrder as error:
                self._untold += _unreadable(text, error, time.at)
                continue
            before = self._kept.plan_text
            self._kept, said = take(self._kept, order, self._here(time, now))
            self._untold += said
            issued, since = self._senders
            if order.issued > issued + (now - since) * 1000:
                self._senders = order.issued, now
            if self._kept.plan_text != before:
                self._adopt()

    def _here(self, time: Reckoned, now: float) -> Here:
        works, (issued, since) = self._works, self._senders
        cabinets = frozenset(
            device.id for device in self._county.devices if device.kind is DeviceKind.CABINET and device.link in self._links()
        )
        loops = works.places.look(self._devices)[0] if works else {}
        return Here(
            at=time.at,
            known=time.known,
            not_before=issued + round((now - since) * 1000) if issued else 0,
            cabinets=cabinets,
            targets=works.targets if works else frozenset(),
            tripped=frozenset(key for key, seen in loops.items() if seen.tripped),
        )

    def _links(self) -> frozenset[str]:
        return frozenset(link.id for link in self._county.links if link.edge == self._edge)

    def _reconcile(self, works: Works, time: Reckoned, now: float) -> Acts:
        loops, lamps = works.places.look(self._devices)
        self._interlock(loops, time.at)
        dark, outside = works.dark(self._devices, now)
        wanted = works.desired.at(time, self._kept.overrides, dark, outside)
        actions, self.checks = works.reconciler.round(now, wanted, loops, lamps)
        self._kept, outcomes = follow(self._kept, Now(at=time.at, checks=self.checks, lamps=lamps.keys()))
        acts = works.items(actions)
        self._settings(works, time, now, acts)
        self._untold += outcomes
        return acts

    def _interlock(self, loops: Mapping[str, LoopSeen], at: int) -> None:
        """A loop that tripped by leakage is locked here too, until a named person releases it."""
        for target, seen in loops.items():
            if seen.tripped and not any(one.layer is Layer.INTERLOCK for one in self._kept.locks(target)):
                log.warning("%s has tripped by leakage: locked until it is released", target)
                lock = Override(
                    id=f"leak-{target.replace('/', '-')}-{at}"[:64],
                    layer=Layer.INTERLOCK,
                    targets=(target,),
                    level=OFF,
                    issued=at,
                    start=at,
                    who=self._edge,
                    reason=Text(zh="回路漏电跳闸", en="the loop tripped by leakage"),
                )
                self._kept = replace(self._kept, overrides=(*self._kept.overrides, lock))

    def _settings(self, works: Works, time: Reckoned, now: float, acts: Acts) -> None:
        """What the cabinets' own controllers are to know."""
        locked = {target for one in self._kept.overrides if one.layer is not Layer.LEASE for target in one.targets}
        for place in works.places.devices:
            if not place.loops:
                continue
            held = any(loop.spec.id in locked for loop in place.loops)
            due = works.fallback.due(place, self._devices, time.at if time.known else None, now, locked=held)
            if due:
                items, reads, _ = acts.setdefault(place.device.id, ([], [], QUICK))
                items += [Item(register, value) for register, value in due]
                reads += [place.columns[register.point.path] for register, _ in due]

    # -- keeping and telling -----------------------------------------------------------------------------------------------

    async def _save(self, time: Reckoned, now: float) -> None:
        """At once where something is not to be forgotten; else every minute while a lease runs, every hour otherwise."""
        beat = BEAT_S if any(one.end is not None for one in self._kept.overrides) else 60 * BEAT_S
        kept = replace(self._kept, saved=time.at if time.known or self._kept.overrides else self._kept.saved)
        changed = replace(kept, saved=0) != replace(self._saved, saved=0)
        if not changed and now - self._saved_at < beat:
            return
        self._saved_at, self._saved = now, kept
        await asyncio.to_thread(self._store.save, kept)

    def _show(self, at: int) -> None:
        unlike = sum(1 for one in self.checks.values() if one.agrees is False and not one.busy)
        self.status = replace(
            self.status, plan=self._kept.plan_text if self._works else "", overrides=write(stands(self._kept, at)), unlike=unlike
        )

    def _adopt(self) -> None:
        """Make everything from the plan that is kept; what was tried under the one before stays known."""
        if not self._kept.document:
            return
        try:
            plan = read_document(self._kept.document.encode()).plan
        except PlanRefused as error:
            log.error("the stored lighting plan can not be used, the cabinets go by their own tables: %s", error)
            self._works = None
            self._give_back()
            return
        works = make_works(self._county, self._edge, plan)
        if self._works is not None:
            works.reconciler.keep(self._works.reconciler)
            works.clocks |= self._works.clocks
        if works.places.homeless:
            log.warning("no device here for %s", words.named(works.places.homeless))
        self._works = works

    def _written(self, failed: Mapping[str, Said]) -> None:
        if self._works is not None:
            for target, why in failed.items():
                self._works.reconciler.could_not(target, why)
        self._wake()

    def _wake(self) -> None:
        self._awake = True
        self._nap.wake()


def _unreadable(text: str, error: BadOrder, at: int) -> list[Outcome]:
    """Whoever sent something with an id hears that it is no order."""
    log.warning("%s", error)
    try:
        name = msgspec.json.decode(text, type=dict[str, object]).get("id")
    except msgspec.MsgspecError:
        return []
    if not isinstance(name, str) or not 1 <= len(name) <= 64:
        return []
    return [Outcome(id=name, state=State.REFUSED, at=at, reason=words.bad_order(str(error)))]
