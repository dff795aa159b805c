"""How closely each device is watched: dry, watch or storm, decided here with no centre at hand.

A device rises by its own rules (a level, a pump's work) and, if it belongs to the drainage, with every rain gauge of the same
edge node. It returns to dry only after two hours without any cause (domain drainage 2.7); from storm it falls to watch after half
an hour without a cause for storm (unverified choice).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.plan import Mode
from lampwell.assets import Device, DeviceKind
from lampwell.points import Value

CALM_S = 7200.0
STORM_CALM_S = 1800.0
DRAINAGE = frozenset({DeviceKind.STATION, DeviceKind.WELL, DeviceKind.PONDING, DeviceKind.RAIN, DeviceKind.RIVER})

_CLOSENESS = {Mode.DRY: 0, Mode.WATCH: 1, Mode.STORM: 2}


class Watch:
    """The mode of one device, or of the rain over an edge node. Times are monotonic seconds."""

    __slots__ = ("_dry_at", "_watch_at")

    def __init__(self) -> None:
        self._watch_at = self._dry_at = float("-inf")

    def see(self, cause: Mode, now: float) -> None:
        """There is cause for this mode now."""
        if cause is not Mode.DRY:
            self._dry_at = now + CALM_S
        if cause is Mode.STORM:
            self._watch_at = now + STORM_CALM_S

    def mode(self, now: float) -> Mode:
        """The mode that holds now."""
        if now < self._watch_at:
            return Mode.STORM
        return Mode.WATCH if now < self._dry_at else Mode.DRY


class Modes:
    """The modes of all devices of one edge node."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices = {device.id: device for device in devices}
        self._positions = {device.id: _rule_positions(device) for device in self._devices.values()}
        self._own = {device: Watch() for device in self._devices}
        self._rain = Watch()

    def has_rules(self, device: str) -> bool:
        """Whether samples of this device can change any mode."""
        return bool(self._devices[device].modes)

    def see(self, device: str, value: Callable[[int], Value | None], now: float) -> None:
        """Hold the newest believed values (by column) of a device against its rules. What is not known is no cause."""
        cause = Mode.DRY
        for rule, position in zip(self._devices[device].modes, self._positions[device], strict=True):
            found = value(position)
            if found is None or isinstance(found, str) or found < rule.watch:
                continue
            if found >= rule.storm:
                cause = Mode.STORM
            elif cause is Mode.DRY:
                cause = Mode.WATCH
        self._own[device].see(cause, now)
        if self._devices[device].kind is DeviceKind.RAIN:
            self._rain.see(cause, now)

    def mode(self, device: str, now: float) -> Mode:
        """The mode a device is to be polled in now: its own, or the rain's where that is closer and the device drains."""
        own = self._own[device].mode(now)
        if self._devices[device].kind not in DRAINAGE:
            return own
        rain = self._rain.mode(now)
        return max(own, rain, key=_CLOSENESS.__getitem__)

    def keep(self, old: Modes) -> None:
        """Take over what an earlier configuration has seen: a reload in a storm must not call it dry."""
        self._rain = old._rain
        self._own |= {device: watch for device, watch in old._own.items() if device in self._own}


def _rule_positions(device: Device) -> tuple[int, ...]:
    paths = [point.path for point in device.profile.points]
    return tuple(paths.index(rule.point) for rule in device.modes)
