"""A month of the healthy virtual county: zero false lamp or cabinet faults, from every cabinet's registers to the raised alarm.

World, electrics, weather, Modbus registers, gateways with their lighting and journals, Sparkplug, control's watch, lighting
detectors, desk and engine with the shipped rules: all real, in virtual time, without sockets (``bench/month_rig.py``). The county
lives through what ``bench/month_story.py`` tells; then faults are seeded, and the same rig must find them. Ends with one line of
JSON; exit code 1 if there was a false alarm, an expected one did not come, or a seeded fault was not found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench import virtual_loop
from bench.month_centre import Life
from bench.month_rig import FIELD, Pace, Rig
from bench.month_story import Story, evening, few_nights, month, tell
from lampwell.assets import DeviceKind

SHARES = {
    "third": (("cabinet-01", "cabinet-03", "cabinet-08", "cabinet-10"), "cabinet-03", "cabinet-08"),
    "second": (("cabinet-02", "cabinet-04", "cabinet-06", "cabinet-09"), "cabinet-04", "cabinet-09"),
    "last": (("cabinet-05", "cabinet-07", "cabinet-11"), "cabinet-05", "cabinet-11"),
    "all": ((), "cabinet-03", "cabinet-08"),
}
"""Of each share of the county its cabinets (none named: all), and the two to which the month's story happens."""
ELSEWHERE = frozenset({"store-away", "journal-backlog"})
"""Alarms on what is not stored yet: they say nothing of lamps, and the journal's own clock runs thirty times slower here."""
OF_LAMPS = frozenset({DeviceKind.CABINET, DeviceKind.CONCENTRATOR, DeviceKind.METER})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came out. ``raised``: announced, by rule, in the healthy time; ``silenced``: raised under a cause that was told.
    ``armed``: of each detector and rule, at how many of its places it could judge at least once. Times are local.
    """

    cabinets: int
    lamps: int
    days: float
    scans: int
    readings: int
    conditions: Mapping[str, int]
    raised: Mapping[str, int]
    silenced: Mapping[str, int]
    false: Sequence[str]
    missed: Sequence[str]
    armed: Mapping[str, tuple[int, int]]
    unarmed: Sequence[str]
    seeded: Mapping[str, str | None]
    beside: Sequence[str]
    cpu_s: float

    @property
    def holds(self) -> bool:
        """No false alarm, none missing, every seeded fault found."""
        return not self.false and not self.missed and all(self.seeded.values())

    @property
    def coverage(self) -> float:
        """Share of detectors and rules of lamps and cabinets that could judge at least once."""
        return 1 - len(self.unarmed) / max(1, len(self.armed))


@dataclass
class _Course:
    """A story as it is lived."""

    rig: Rig
    story: Story
    say: Callable[[str], None]
    began: float = field(default_factory=time.process_time)
    told: int = 0

    async def live(self) -> Verdict:
        rig, story = self.rig, self.story
        await rig.begin()
        telling = [asyncio.create_task(tell(rig, (event,))) for event in (*story.events, *story.seeds)]
        await self._days(story.end)
        healthy = dict(rig.centre.ledger.lives)
        counts = Counter(rig.centre.detectors.told_of)
        scans, readings = rig.centre.collector.scans, rig.centre.collector.readings
        await self._days(story.over)
        for task in telling:
            task.cancel()
        await asyncio.gather(*telling)
        await rig.end()
        late = [one for number, one in rig.centre.ledger.lives.items() if number not in healthy]
        return self._verdict(list(healthy.values()), late, counts, scans, readings)

    async def _days(self, end: str) -> None:
        """One line a day."""
        rig = self.rig
        while rig.clock.now() < rig.ms(end):
            local = datetime.fromtimestamp(rig.clock.now() / 1000, rig.zone).replace(tzinfo=None)
            noon = local.replace(hour=12, minute=0, second=0, microsecond=0)
            noon += timedelta(days=1) if noon <= local else timedelta()
            await rig.until(min(noon.isoformat(timespec="minutes"), end))
            told = [one.key for one in rig.centre.ledger.lives.values() if one.announced]
            new, self.told = told[self.told :], len(told)
            self.say(
                f"{min(noon.isoformat(timespec='minutes'), end)} scans {rig.centre.collector.scans} alarms {len(told)} "
                f"{' '.join(new)} armed {len(rig.centre.armed)} CPU {time.process_time() - self.began:.0f} s"
            )

    def _verdict(self, healthy: Sequence[Life], late: Sequence[Life], counts: Counter[str], scans: int, readings: int) -> Verdict:
        rig, told = self.rig, [one for one in healthy if one.announced]
        due = list(rig.expected)
        false = []
        for life in told:
            if life.rule in ELSEWHERE:
                continue
            fits = next((one for one in due if one.key == life.key and one.since <= life.at <= one.until), None)
            if fits is None:
                false.append(f"{self._local(life.at)} {life.key}: {life.why}")
            else:
                due.remove(fits)
        shares = self._armed(rig.centre.armed)
        cabinets = sum(device.kind is DeviceKind.CABINET for device in rig.county.devices)
        return Verdict(
            cabinets=cabinets,
            lamps=len(rig.county.lamps),
            days=(rig.ms(self.story.end) - rig.ms(self.story.start)) / 86_400_000,
            scans=scans,
            readings=readings,
            conditions=dict(sorted(counts.items())),
            raised=dict(Counter(one.rule for one in told)),
            silenced=dict(Counter(one.rule for one in healthy if not one.announced)),
            false=false,
            missed=[one.key for one in due],
            armed=shares,
            unarmed=[name for name, (could, _) in shares.items() if not could],
            seeded={key: self._found(key, late) for key in self.story.seeded},
            beside=[f"{self._local(one.at)} {one.key}" for one in late if one.announced and one.key not in self.story.seeded],
            cpu_s=round(time.process_time() - self.began, 1),
        )

    def _armed(self, armed: set[str]) -> dict[str, tuple[int, int]]:
        kinds = {device.id: device.kind for device in self.rig.county.devices}
        places: dict[str, list[str]] = {}
        for bound in self.rig.centre.binding.bounds:
            if kinds.get(bound.device) in OF_LAMPS:
                places.setdefault(bound.alarm.rule.id, []).append(bound.alarm.key)
        return {rule: (sum(key in armed for key in keys), len(keys)) for rule, keys in sorted(places.items())}

    def _found(self, key: str, late: Sequence[Life]) -> str | None:
        return next((self._local(one.at) for one in late if one.key == key and one.announced), None)

    def _local(self, at: int) -> str:
        return datetime.fromtimestamp(at / 1000, self.rig.zone).strftime("%m-%d %H:%M:%S")


def live(story: Story, cabinets: Sequence[str], pace: Pace, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """A story from its start to its end, in virtual time."""

    async def lived(folder: Path) -> Verdict:
        return await _Course(Rig(story.start, folder, cabinets, pace), story, say).live()

    with tempfile.TemporaryDirectory(prefix="lampwell-month-") as folder:
        return virtual_loop.run(lived(Path(folder)))


def main() -> int:
    """Run, and print the verdict."""
    arguments = _arguments()
    story, cabinets, pace = _chosen(arguments)
    verdict = live(story, cabinets, pace, lambda line: print(line, flush=True))
    for line in (*verdict.false, *(f"missed: {key}" for key in verdict.missed)):
        print("  ", line)
    figures: dict[str, Any] = {
        **asdict(verdict),
        "coverage": round(verdict.coverage, 3),
        "pace": asdict(pace),
        "holds": verdict.holds,
    }
    print(json.dumps(figures, ensure_ascii=False))
    return 0 if verdict.holds else 1


def _chosen(arguments: argparse.Namespace) -> tuple[Story, Sequence[str], Pace]:
    """What is lived, by which cabinets, at which pace."""
    if arguments.evening:
        return evening(), ("cabinet-03",), FIELD
    if arguments.quick:
        return few_nights(), ("cabinet-03", "cabinet-04"), Pace()
    cabinets, first, second = SHARES[arguments.county]
    story = month(first, second)
    return _cut(story, arguments.days) if arguments.days else story, cabinets, Pace()


def _cut(story: Story, days: int) -> Story:
    """Its first days, without the seeded faults."""
    end = (datetime.fromisoformat(story.start) + timedelta(days=days)).isoformat(timespec="minutes")
    events = tuple(event for event in story.events if event.at < end)
    return replace(story, end=end, over=end, events=events, seeds=(), seeded=())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.lighting_month", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few nights of two cabinets, as in make test")
    parser.add_argument("--county", choices=list(SHARES), default="third", help="how much of it (default: four cabinets)")
    parser.add_argument("--days", type=int, default=0, help="only so many days, and no seeded faults")
    parser.add_argument("--evening", action="store_true", help="one evening of one cabinet at the field's own pace")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
