"""One desk for every fault of the virtual county: those of the world (field, sensors) and those of its links."""

from __future__ import annotations

from collections.abc import Mapping

from lampwell.assets import County, Transport
from simulators.linkfaults import KINDS, LinkFaults
from simulators.port import FaultInfo, World
from simulators.scenario import FaultChange, known_fault


class FaultDesk:
    """Knows every fault there is, sets and clears them, and remembers what is set."""

    def __init__(self, county: County, world: World, links: LinkFaults) -> None:
        self._world = world
        self._links = links
        own = link_faults(county)
        self._of_links = {(info.target, info.name) for info in own}
        self._set: dict[str, dict[str, float | None]] = {}
        self.catalogue: tuple[FaultInfo, ...] = (*own, *(i for i in world.faults() if (i.target, i.name) not in self._of_links))

    def change(self, change: FaultChange) -> None:
        """Set or clear. FaultRefused lists what comes near, or names a value out of bounds; then nothing is changed."""
        known_fault(self.catalogue, change.target, change.name)
        if (change.target, change.name) not in self._of_links:
            self._world.fault(change.target, change.name, on=change.on, value=change.value)
        elif change.on:
            self._links.set(change.target, change.name, change.value)
        else:
            self._links.clear(change.target, change.name)
        self._note(change)

    def active(self) -> Mapping[str, Mapping[str, float | None]]:
        """What is set, by target: name -> value (None = the usual one)."""
        return {target: dict(faults) for target, faults in self._set.items()}

    def listed(self, target: str = "") -> tuple[FaultInfo, ...]:
        """The faults of a target and of everything in it (``cabinet-03`` includes ``cabinet-03/loop3``); all without one.
        FaultRefused where there is no such target.
        """
        inside = tuple(i for i in self.catalogue if not target or i.target == target or i.target.startswith(f"{target}/"))
        if not inside:
            known_fault(self.catalogue, target, "")
        return inside

    def _note(self, change: FaultChange) -> None:
        if change.on:
            self._set.setdefault(change.target, {})[change.name] = change.value
            return
        here = self._set.get(change.target, {})
        here.pop(change.name, None)
        if not here:
            self._set.pop(change.target, None)


def link_faults(county: County) -> tuple[FaultInfo, ...]:
    """What can be set on each link and on each device's own answers; what needs a transaction number only where there is one."""
    transports = {link.id: link.transport for link in county.links}
    of_links = [(link.id, link.id) for link in county.links]
    of_devices = [(device.id, device.link) for device in county.devices]
    return tuple(
        FaultInfo(target, name, kind.zh, kind.en)
        for name, kind in KINDS.items()
        for target, link in (of_links if kind.link_only else of_links + of_devices)
        if transports[link] is Transport.TCP or not kind.tcp_only
    )
