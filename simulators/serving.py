"""From a county and its simulated devices to the buses that are served."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from random import Random

from lampwell.assets import County
from lampwell.errors import ConfigError, Problem
from simulators.bus import Bus, Unit
from simulators.image import Image
from simulators.linkfaults import LinkFaults
from simulators.port import Plant
from simulators.status import LinkStatus


def images_of(county: County, plants: Mapping[str, Plant]) -> Mapping[str, Image]:
    """The registers of every device. ConfigError names the devices that the simulated world does not have."""
    missing = [device.id for device in county.devices if device.id not in plants]
    if missing:
        raise ConfigError([Problem(str(county.folder), device, "the simulated world has no such device") for device in missing])
    return {device.id: Image(device.profile, plants[device.id]) for device in county.devices}


def buses_of(
    county: County, images: Mapping[str, Image], faults: LinkFaults, *, seed: int = 1, paced: bool = False
) -> Mapping[str, Bus]:
    """One bus per link, with its units by Modbus address. ``seed`` makes the noise of faulty lines repeatable."""
    units: dict[str, dict[int, Unit]] = defaultdict(dict)
    for device in county.devices:
        units[device.link][device.unit] = Unit(device.id, images[device.id])
    return {
        link.id: Bus(link=link, units=units[link.id], faults=faults, random=Random(f"{seed}/{link.id}"), paced=paced)
        for link in county.links
    }


def link_status(bus: Bus, endpoint: str) -> LinkStatus:
    """A bus as the status screen shows it."""
    return LinkStatus(
        id=bus.link.id,
        endpoint=endpoint,
        transport=bus.link.transport.value,
        units=len(bus.units),
        clients=bus.clients,
        requests=bus.requests,
        answers=bus.answers,
        refused=bus.refused,
    )
