"""The demo county as shipped: every register of every device answers, every scenario is right."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lampwell.assets import County
from lampwell.county import load
from lampwell.points import Value
from lampwell.profiles.encoding import decoder
from lampwell.profiles.model import Register, Space
from lampwell.profiles.wire_order import words_of
from simulators import scenario
from simulators.faultdesk import FaultDesk
from simulators.linkfaults import LinkFaults
from simulators.port import World
from simulators.serving import images_of
from simulators.world import build

FOLDER = Path(__file__).parents[2] / "counties/taihe"
NIGHT = 1_782_052_200_000  # 2026-06-21 22:30 in Taihe
FUNCTION = {Space.COIL: 1, Space.DISCRETE: 2, Space.HOLDING: 3, Space.INPUT: 4}


@pytest.fixture(scope="module")
def taihe() -> County:
    return load(FOLDER)


@pytest.fixture
async def field(taihe: County) -> AsyncIterator[World]:
    world = await build(taihe, NIGHT)
    await world.advance(NIGHT + 30_000)
    yield world
    await world.close()


@dataclass
class Still:
    """A plant at one moment: some count since they were last read."""

    values: Mapping[str, Value | None]

    def write(self, path: str, value: Value) -> None:
        raise NotImplementedError


def request(register: Register) -> bytes:
    count = words_of(register.encoding)
    return bytes((FUNCTION[register.space],)) + register.address.to_bytes(2, "big") + count.to_bytes(2, "big")


def close_to(value: object, register: Register) -> object:
    """Equal within the register's own resolution."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return pytest.approx(value, rel=1e-6, abs=max(abs(register.encoding.scale), 1e-6) * 0.51)
    return value


async def test_every_register_of_the_county_shows_its_plants_value(taihe: County, field: World) -> None:
    """No register is refused, and each decodes to what its device knows, within the register's resolution."""
    plants = {key: Still(plant.values) for key, plant in field.plants.items()}
    images = images_of(taihe, plants)
    wrong = []
    for device in taihe.devices:
        values = plants[device.id].values
        for register in device.profile.registers:
            answer = images[device.id].answer(request(register))
            value = values.get(register.point.path)
            pulse = value is None and register.write is not None and register.write.pulse
            if answer[0] & 0x80:
                wrong.append(f"{device.id}/{register.point.path}: exception {answer[1]} for {value!r}")
            elif not pulse and (shown := decoder(register.encoding)(answer[2:])) != close_to(value, register):
                wrong.append(f"{device.id}/{register.point.path}: {shown!r} for {value!r}")
    assert not wrong, "\n".join(wrong[:40])


async def test_every_shipped_scenario_is_right(taihe: County, field: World) -> None:
    """All targets and faults exist, and the world takes each of them with its value."""
    desk = FaultDesk(taihe, field, LinkFaults())
    shipped = sorted((FOLDER / "scenarios").glob("*.toml"))
    assert len(shipped) >= 4
    for path in shipped:
        told = scenario.load(path, desk.catalogue)
        assert told.zh
        assert told.en
        for _, action in told.actions:
            if isinstance(action, scenario.FaultChange):
                desk.change(action)
