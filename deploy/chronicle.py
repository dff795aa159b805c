"""What changed between two looks at the county: links and units lost and back, limits reached, pumps started."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import tzinfo

from deploy.view import LIMIT_WORDS, Event, Limit, Place, limit_of
from gateway.status import LinkStatus
from lampwell.clock import Clock
from lampwell.times import local

EVENTS, HYSTERESIS = 50, 0.05


class Chronicle:
    """Keeps the newest events, newest first. What was never heard of before begins as fine, so a start is quiet."""

    def __init__(self, clock: Clock, zone: tzinfo) -> None:
        self._clock, self._zone = clock, zone
        self._known: dict[str, object] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS)

    def note(self, links: Iterable[LinkStatus], places: Iterable[Place], running: Mapping[str, bool]) -> None:
        """Compare with the last look."""
        for link in links:
            self._state(f"链路 {link.id}", f"link {link.id}", link_state(link))
            for unit in link.units:
                self._state(unit.device, "", unit.state)
        for place in places:
            if place.level is not None and self._changed(f"limit {place.id}", self._steady(place), Limit.NONE):
                self._limit(place)
        for pump, is_running in running.items():
            if self._changed(f"pump {pump}", is_running, default=is_running):
                self._event(f"{pump} {'启动' if is_running else '停止'}", "started" if is_running else "stopped")

    def _state(self, zh: str, en: str, state: str) -> None:
        if state == "new" or not self._changed(zh, state, "ok"):
            return
        limit = {"dead": Limit.RED, "slow": Limit.YELLOW}.get(state, Limit.NONE)
        words = {"dead": ("失联", "no answer"), "slow": ("缓慢", "slow")}.get(state, ("恢复", "back"))
        self._event(f"{zh} {words[0]}", f"{en} {words[1]}".strip(), limit)

    def _steady(self, place: Place) -> Limit:
        """The place's limit, held while the level has fallen only a little below it: a level on a limit must not chatter."""
        before = self._known.get(f"limit {place.id}", Limit.NONE)
        if place.levels is None or place.level is None or not isinstance(before, Limit) or place.limit >= before:
            return place.limit
        margin = HYSTERESIS * (place.levels.red - place.levels.blue)
        return min(before, limit_of(place.level + margin, place.levels))

    def _limit(self, place: Place) -> None:
        level = f"{place.zh} {place.id} {place.level:.2f} {place.unit}"
        if place.limit is Limit.NONE:
            self._event(f"{level} 回落至蓝色以下", "below blue")
        else:
            zh, en = LIMIT_WORDS[place.limit]
            self._event(f"{level} 达到{zh}色", f"reached {en}", place.limit)

    def _changed(self, key: str, value: object, default: object) -> bool:
        changed = bool(self._known.get(key, default) != value)
        self._known[key] = value
        return changed

    def _event(self, zh: str, en: str, limit: Limit = Limit.NONE) -> None:
        now = self._clock.now()
        self.events.appendleft(Event(time=now, zh=f"{local(now, self._zone):%H:%M:%S} {zh}", en=en, limit=limit))


def link_state(link: LinkStatus) -> str:
    """Dead when it is not connected or nobody on it answers, slow when it is always busy, new before anything is known."""
    states = [unit.state for unit in link.units]
    if all(state == "new" for state in states):
        return "new"
    if not link.connected or all(state == "dead" for state in states):
        return "dead"
    return "slow" if link.load is not None and link.load > 0.95 else "ok"
