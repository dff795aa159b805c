"""What an edge node needs to act: the CPU of a round of 1,220 lamps, and how soon an order is verified or told as failed.

The second over everything real: virtual cabinets on Modbus TCP at 1x, a mosquitto, a gateway, a host on the other side.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.lighting_rig import EDGE, FOLDER, Rig, running
from gateway.lighting.kept import Kept
from gateway.lighting.service import Lighting
from gateway.lighting.store import LightingStore
from lampwell.assets import County, DeviceKind
from lampwell.clock import SystemClock, VirtualClock
from lampwell.county import load
from lampwell.lighting import Plan, Timetable
from lampwell.lighting.documents import write_document
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.wire import Lease, Release, Said, State, TakePlan
from lampwell.points import Value
from lampwell.profiles.loader import load_profile
from lampwell.profiles.model import Space

NIGHT = 1_789_051_800_000  # 2026-09-10 22:50 in Taihe
WHY = Said(zh="测量", en="a measurement")


def run(quick: bool) -> dict[str, Any]:
    """Everything; the figures and their limits."""
    figures = asyncio.run(_rounds())
    with tempfile.TemporaryDirectory() as folder:
        figures |= asyncio.run(_orders(Path(folder), 4 if quick else 25))
    for name, figure in figures.items():
        print(f"{name:<64} {figure}")
    limits = {
        "a round of 1,220 lamps, everything read anew, ms of CPU": 20,
        "order to verified over MQTT and Modbus TCP, p95 s": 3,
        "a stuck relay told, s": 10,
    }
    return {"figures": figures, "targets": {name: [figures[name], limit, "<="] for name, limit in limits.items()}}


# -- rounds --------------------------------------------------------------------------------------------------------------------


@dataclass
class Mirror:
    """Devices that are always as they were told: ``levels`` by device and column."""

    county: County
    clock: VirtualClock
    age: float = 0.0
    writes: int = 0

    def __post_init__(self) -> None:
        self.values: dict[str, list[Value | None]] = {}
        usual: dict[str, Value] = {"mode": 2, "remote": True, "u_a": 225.0, "master_timeout": 600}
        for device in self.county.devices:
            paths = [point.path for point in device.profile.points]
            self.values[device.id] = [usual.get(path, _usual(path.rpartition("/")[2])) for path in paths]

    def heard(self, device: str) -> float:  # noqa: ARG002 - all are alike
        return self.age

    def value(self, device: str, position: int) -> Value | None:
        return self.values[device][position]

    async def read(self, device: str, positions: Sequence[int]) -> None:  # noqa: ARG002
        self.age = self.clock.monotonic()

    async def write(self, device: str, space: Space, address: int, values: Sequence[int]) -> None:  # noqa: ARG002
        self.writes += 1


def _usual(name: str) -> Value | None:
    return {"aux": True, "commanded": True, "i_a": 9.0, "i_b": 9.0, "i_c": 9.0, "level": 75}.get(name)


async def _rounds() -> dict[str, Any]:
    """All lamps of the demo county on one edge node, each with a node of its own."""
    county, plan = _everything()
    clock = VirtualClock(start_ms=NIGHT)
    mirror = Mirror(county, clock)
    with tempfile.TemporaryDirectory() as folder:
        store = LightingStore(Path(folder) / "lighting.json")
        document = write_document(plan, version=1, made=NIGHT, who="bench").decode()
        store.save(Kept(version=1, hash="sha256:bench", document=document, saved=NIGHT))
        lighting = Lighting(county, EDGE, mirror, store, clock=clock, tell=lambda _: None)
        task = asyncio.create_task(lighting.run())
        async with asyncio.timeout(20):
            await _begun(lighting)
        lamps = sum(1 for one in plan.targets if one.loop)
        spent: dict[bool, list[float]] = {True: [], False: []}
        for n in range(60):
            fresh = n % 2 == 0
            mirror.age = clock.monotonic() if fresh else mirror.age
            clock.elapsed += 2
            began = time.process_time()
            await lighting._round()
            spent[fresh].append((time.process_time() - began) * 1000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return {
        "lamps": lamps,
        "a round of 1,220 lamps, nothing new, ms of CPU": round(sorted(spent[False])[15], 2),
        "a round of 1,220 lamps, everything read anew, ms of CPU": round(sorted(spent[True][2:])[14], 2),
        "the worst of those rounds, a garbage collection in it, ms of CPU": round(max(spent[True][2:]), 2),
    }


async def _begun(lighting: Lighting) -> None:
    while not lighting.status.plan:  # noqa: ASYNC110 - it has no event for that
        await asyncio.sleep(0.01)


def _everything() -> tuple[County, Plan]:
    """One concentrator a cabinet, all on one edge node."""
    whole = load(FOLDER)
    cabinets = [one for one in whole.devices if one.kind is DeviceKind.CABINET]
    made = [_concentrator(whole, cabinet.id, cabinet.link) for cabinet in cabinets]
    devices = (*cabinets, *made)
    links = tuple(replace(one, edge=EDGE) for one in whole.links)
    county = replace(whole, devices=devices, links=links)
    return county, build_plan(county, load_lighting(FOLDER, whole))


def _concentrator(whole: County, cabinet: str, link: str) -> Any:
    like = next(one for one in whole.devices if one.kind is DeviceKind.CONCENTRATOR)
    parameters = {"cabinet": cabinet, "lamps": sum(lamp.cabinet == cabinet for lamp in whole.lamps)}
    profile = load_profile("concentrator", parameters)
    return replace(like, id=f"lamps-{cabinet}", link=link, unit=99, profile=profile, parameters=parameters)


# -- orders --------------------------------------------------------------------------------------------------------------------


async def _orders(folder: Path, count: int) -> dict[str, Any]:
    async with running(folder) as rig:
        desk, document = rig.desk, write_document(rig.plan, version=1, made=NIGHT, who="bench").decode()
        began = time.monotonic()
        plan = desk.order(TakePlan(document=document))
        at, outcome = await desk.told(plan, State.VERIFIED, State.FAILED, State.REFUSED, within_s=240)
        print(f"plan: {outcome.state} after {at - began:.1f} s: {outcome.reason.en[:200]}")
        spans = [await _switched(rig, n) for n in range(count)]
        return {
            "order to verified over MQTT and Modbus TCP, p50 s": round(sorted(spans)[len(spans) // 2], 2),
            "order to verified over MQTT and Modbus TCP, p95 s": round(sorted(spans)[int(0.95 * (len(spans) - 1))], 2),
            "orders": len(spans),
            "a stuck relay told, s": round(await _stuck(rig), 2),
        }


async def _switched(rig: Rig, n: int) -> float:
    """A loop to another level than it has (by day it is switched on for that), then back; loops in turn, each at rest before."""
    loops = [one.id for one in rig.plan.targets if not one.loop]
    began = time.monotonic()
    order = rig.desk.order(Lease(targets=(loops[n % len(loops)],), level=(55, 80, 35)[n % 3], lasts_s=60, reason=WHY))
    at, _ = await rig.desk.told(order, State.VERIFIED)
    await asyncio.sleep(5 + 0.37 * (n % 7))
    back = rig.desk.order(Release(order=order, reason=WHY))
    await rig.desk.told(back, State.VERIFIED, State.FAILED)
    await asyncio.sleep(5 + 0.23 * (n % 5))
    return at - began


async def _stuck(rig: Rig) -> float:
    """A contactor that stays as it is."""
    loop = "cabinet-01/loop2"
    is_on = Timetable(rig.plan).level_at(loop, SystemClock().now()).level > 0
    rig.simulation.fault(loop, "welded" if is_on else "not-closing")
    began = time.monotonic()
    order = rig.desk.order(Lease(targets=(loop,), level=0 if is_on else 100, lasts_s=60, reason=WHY))
    at, outcome = await rig.desk.told(order, State.VERIFIED, State.FAILED)
    assert outcome.state is State.FAILED, outcome
    print(f"stuck: {outcome.reason.en}")
    return at - began


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv)))
