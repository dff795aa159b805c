"""The lighting of one edge node at work: every two seconds, and whenever an order or a read-back comes, a round.

A round takes the orders, reckons what should hold, compares, has written what differs, and tells what became of the orders. What
must not be forgotten is on the disk before it is told or acted on. Without a plan nothing is written to any device.
"""

from __future__ import annotations

import logging
import time as machine
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from gateway.lighting import words
from gateway.lighting.book import Book
from gateway.lighting.driver import QUICK, Driver, Item, Port
from gateway.lighting.fallback import TABLE, give_back
from gateway.lighting.following import Check, Now
from gateway.lighting.hazards import Hazard, unsafe
from gateway.lighting.kept import stands
from gateway.lighting.orders import Here
from gateway.lighting.places import Readings
from gateway.lighting.reconcile import Kind
from gateway.lighting.steady import Reckoned, Steady
from gateway.lighting.store import LightingStore
from gateway.lighting.works import Acts, Works, make_works
from gateway.requests import Nap
from gateway.status import LightingStatus
from lampwell.assets import County, Device, DeviceKind
from lampwell.clock import Clock
from lampwell.lighting.documents import PlanRefused, read_document
from lampwell.lighting.wire import Said, write

log = logging.getLogger(__name__)

ROUND_S = 2.0
GIVE_BACK_AFTER = 20
"""Failing rounds one after another."""
LEAST_S = 0.2
"""Between two rounds, whatever comes."""
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
        self._clock = clock
        self._tell = tell
        self._trusted = trusted
        self._round_s = round_s
        self._nap = Nap(clock)
        self._waiting: deque[str] = deque()
        self._driver = Driver(devices, clock=clock, done=self._written)
        self._book = Book(store)
        self._given_back: dict[str, float] = {}
        self._bereft = False
        self._steady = Steady(0)
        self._works: Works | None = None
        self._begins = True
        self._awake = False
        self._failures = 0
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
        await self._book.load()
        self._steady = Steady(self._book.kept.saved)
        self._bereft = self._book.damaged
        self._adopt()
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
            if self._failures >= GIVE_BACK_AFTER:
                self._give_back()
        else:
            self._failures = 0

    def _give_back(self) -> None:
        """Every cabinet of ours that waits for our word goes by its own table."""
        for device in self._cabinets():
            if due := give_back(device, self._devices, self._clock.monotonic(), self._given_back):
                register, position = due
                self._driver.give(device.id, [Item(register, TABLE)], [position], QUICK)

    def _cabinets(self) -> list[Device]:
        links = {link.id for link in self._county.links if link.edge == self._edge}
        return [one for one in self._county.devices if one.kind is DeviceKind.CABINET and one.link in links]

    def _pause(self) -> float:
        """Until the next round: sooner where something waits for its time, or an override begins or ends."""
        pause = self._round_s
        if self._works is not None:
            pause = min(pause, self._works.reconciler.due - self._clock.monotonic())
        bounds = (bound for one in self._book.kept.overrides for bound in (one.start, one.end) if bound is not None)
        return min([pause, *((bound - self._at) / 1000 for bound in bounds if bound > self._at)])

    # -- a round -----------------------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        began = machine.perf_counter()
        now = self._clock.monotonic()
        time = self._time(now)
        self._at = time.at
        hazards = self._works.hazards(self._devices) if self._works is not None else ()
        self._book.lock_unsafe(hazards, time.at, self._edge)
        self._take_orders(time, now, hazards)
        acts = self._reconcile(self._works, time, now) if self._works is not None else {}
        if self._works is None and self._bereft:
            self._give_back()
        self._book.forget(time.at, self._works.loop_of if self._works else {})
        self._show(time.at)
        cost = machine.perf_counter() - began
        await self._book.save(time, now)
        for outcome in self._book.untold():
            log.info("lighting order %s: %s: %s", outcome.id, outcome.state, outcome.reason.en)
            self._tell(write(outcome))
        for device, (items, reads, looks) in acts.items():
            self._driver.give(device, items, reads, looks)
        for device, reads in (self._works.doubts() if self._works is not None else {}).items():
            self._driver.give(device, [], reads, QUICK)
        self.status = replace(self.status, round_ms=cost * 1000)

    def _time(self, now: float) -> Reckoned:
        witness = self._works.witness(self._devices, now) if self._works else None
        time = self._steady.reckon(self._clock.now(), now, trusted=self._trusted(), witness=witness)
        self._book.move(time)
        return time

    def _take_orders(self, time: Reckoned, now: float, hazards: Iterable[Hazard]) -> None:
        dangers = unsafe(hazards)
        while self._waiting:
            if self._book.take(self._waiting.popleft(), self._here(time, now, dangers), now):
                self._adopt()

    def _here(self, time: Reckoned, now: float, dangers: Mapping[str, Said]) -> Here:
        return Here(
            at=time.at,
            known=time.known,
            not_before=self._book.not_before(now),
            cabinets=frozenset(device.id for device in self._cabinets()),
            targets=self._works.targets if self._works else frozenset(),
            unsafe=dangers,
        )

    def _reconcile(self, works: Works, time: Reckoned, now: float) -> Acts:
        loops, lamps = works.places.look(self._devices)
        dark, outside = works.dark(self._devices, now)
        wanted = works.desired.at(time, self._book.kept.overrides, dark, outside)
        if self._begins:
            works.reconciler.limits.recall(self._book.kept.moves, time.at, now)
            self._begins = False
        actions, self.checks = works.reconciler.round(now, wanted, loops, lamps)
        if any(one.kind is Kind.SWITCH for one in actions):
            self._book.note(works.reconciler.limits.as_kept(time.at, now))
        self._book.follow(Now(at=time.at, checks=self.checks, lamps=lamps.keys(), homeless=works.places.homeless))
        acts = works.items(actions)
        works.settings(self._devices, time, now, self._book.kept.overrides, acts)
        return acts

    # -- the pieces --------------------------------------------------------------------------------------------------------

    def _show(self, at: int) -> None:
        unlike = sum(one.unlike for one in self.checks.values())
        plan, overrides = self._book.kept.plan_text if self._works else "", write(stands(self._book.kept, at))
        self.status = replace(self.status, plan=plan, overrides=overrides, unlike=unlike)

    def _adopt(self) -> None:
        """Make everything from the plan that is kept; what was tried under the one before stays known."""
        if not self._book.kept.document:
            return
        try:
            plan = read_document(self._book.kept.document.encode()).plan
        except PlanRefused as error:
            log.error("the stored lighting plan can not be used, the cabinets go by their own tables: %s", error)
            self._works, self._bereft = None, True
            return
        works = make_works(self._county, self._edge, plan)
        if self._works is not None:
            works.reconciler.keep(self._works.reconciler)
            works.clocks |= self._works.clocks
            works.known_hazards = self._works.known_hazards
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
