"""Put the figures of lighting together: what was asked, what the database and the files say, and what of them is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from collector.asking import Source, open_source
from collector.cli import history_of
from control.lighting.figures.energy import Ground
from control.lighting.figures.facilities import damage_rows, intact_rows
from control.lighting.figures.intact import Facility
from control.lighting.figures.inventory import lamps_of
from control.lighting.figures.lit_rate import loops_of
from control.lighting.figures.repairs import repairs
from control.lighting.figures.report import RepairRow, Report, energy_rows, lit_rows
from control.lighting.figures.should import InForce
from control.store.database import Database
from deploy.light_figures import Asked, Lights, chosen, lights
from deploy.light_figures_meters import Meters, meters
from deploy.light_figures_past import Past, past_of
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.errors import ConfigError, LampwellError, Problem
from lampwell.lighting.files import load_lighting
from lampwell.lighting.model import Program
from lampwell.lighting.night import night_of, noon_ms
from lampwell.lighting.tariff import Tariff
from lampwell.lighting.wire import Said
from lampwell.times import instant, local, shown

BEAT_MS = 300_000
"""The newest reading tells that much of what came after it: the usual heartbeat."""


class NothingRecorded(LampwellError):
    """There is no history to tell figures of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The command line of ``lampwell light figures``."""

    start: str
    end: str
    area: str = ""
    road: str = ""
    led: str | None = None
    baseline: int | None = None


async def told(county: County, data_dir: Path, database: Database | None, wish: Wish) -> Report:
    """The figures. ConfigError for what can not be meant, NothingRecorded, StoreError, StateError."""
    source = await open_source(county, data_dir, lambda folder: history_of(county.history, folder, read_only=True))
    try:
        newest, asked = await _asked(source, county, wish)
        past = past_of(database, asked, wish.baseline, newest)
        tariffs = _tariffs(county)
        ground = Ground(zone=asked.zone, tariffs=tariffs[0], baseline=past.baseline, led=_led(wish, asked))
        lit = await lights(source, asked, past.force, past.faults)
        energy = await meters(source, asked, past.force, ground)
    finally:
        await source.close()
    return _report(wish, asked, past, ground, lit, energy, [*_late(newest, asked), *tariffs[1]])


async def _asked(source: Source, county: County, wish: Wish) -> tuple[int, Asked]:
    """The newest reading, and what is asked: no further than time has passed, be it that of a drill on a clock of its own."""
    now, zone = SystemClock().now(), ZoneInfo(county.time_zone)
    start, end = instant(wish.start, "--from", now, zone), instant(wish.end, "--to", now, zone)
    if start >= end:
        raise ConfigError([Problem("--from", "", f"{shown(start, zone)} is not before --to, {shown(end, zone)}")])
    newest = max([one.time for one in await source.latest("*")], default=None)
    if newest is None:
        raise NothingRecorded(
            "还没有历史数据 nothing is recorded yet: start the collector, or the demo, or name its folder with --data"
        )
    end = min(end, max(now, newest + BEAT_MS))
    if newest < start or start >= end:
        raise NothingRecorded(
            f"该时段没有历史数据 nothing is recorded from {shown(start, zone)} on; the newest is of {shown(newest, zone)}"
        )
    loops, roads = chosen(county, loops_of(county), wish.area, wish.road)
    if not loops:
        raise NothingRecorded("所选范围内没有路灯 there are no lamps in this area or on this road: lamps.csv names none")
    return newest, Asked(county=county, loops=loops, roads=roads, start=start, end=end)


def _led(wish: Wish, asked: Asked) -> int | None:
    """A date alone means its noon: lamps are changed by day, and the night before it is not cut in two."""
    if wish.led is None:
        return None
    at = instant(wish.led, "--led", SystemClock().now(), asked.zone)
    is_date = re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", wish.led.strip())
    return noon_ms(local(at, asked.zone).date(), asked.zone) if is_date else at


def _tariffs(county: County) -> tuple[Sequence[Tariff], list[Said]]:
    try:
        tariffs = load_lighting(county.folder, county).tariffs
    except ConfigError as error:
        many = len(error.problems)
        return (), [
            Said(zh=f"照明文件有{many}处错误，未计电费", en=f"the lighting files have {many} mistakes: no money is reckoned")
        ]
    return tariffs, [] if tariffs else [
        Said(zh="未设电价（lighting/tariff.toml），电费为零", en="no tariff is set: CNY are zero")
    ]


# -- together --------------------------------------------------------------------------------------------------------------------


def _report(wish: Wish, asked: Asked, past: Past, ground: Ground, lit: Lights, energy: Meters, money: Sequence[Said]) -> Report:
    counts = {
        Facility.CABINET: len({loop.cabinet for loop in asked.loops}),
        Facility.LOOP: len(asked.loops),
        Facility.LAMP: sum(bool(one.component) for loop in asked.loops for phase in loop.phases.values() for one in phase),
    }
    programs = energy_rows(energy.sums, _names(past.force), led=ground.led is not None)
    words = [*dict.fromkeys(one.sla for one in past.orders)]
    every = repairs(past.orders, asked.start, asked.end)
    by_word = [(word, repairs([one for one in past.orders if one.sla == word], asked.start, asked.end)) for word in words]
    return Report(
        county=asked.county.id,
        area=wish.area,
        road=wish.road,
        start=asked.start,
        end=asked.end,
        baseline="" if wish.baseline is None else str(wish.baseline),
        lit=tuple(lit_rows(asked.county, lit.roads)),
        intact=tuple(intact_rows(lit.facilities, counts)),
        damaged=tuple(damage_rows(lit.damaged)),
        energy=tuple(programs),
        led=energy.led,
        loops=energy.loops,
        repairs=tuple(RepairRow(sla=word, repairs=one, in_time=one.share_in_time) for word, one in [("", every), *by_word]),
        notes=(*_notes(asked, past, ground, lit, energy), *money),
    )


def _names(force: InForce) -> dict[str, tuple[str, str]]:
    programs: list[Program] = [
        one for plans in force.plans.values() for _, table in plans if table for one in table.programs.values()
    ]
    return {one.id: (one.zh, one.en) for one in programs}


def _late(newest: int, asked: Asked) -> Iterator[Said]:
    if newest + BEAT_MS < asked.end:
        at = shown(newest, asked.zone)
        yield Said(zh=f"最新读数为 {at}，其后均按未知计", en=f"the newest reading is of {at}: all after it is unknown")


def _notes(asked: Asked, past: Past, ground: Ground, lit: Lights, energy: Meters) -> Iterator[Said]:
    """What is missing, and what was assumed for it."""
    if not past.there:
        yield Said(
            zh="没有控制服务的数据库：方案、报警、工单均未知",
            en="there is no database of control: plans, alarms and orders are not known",
        )
    without = sorted({edge for edge in _edges(asked, past.force) if not _from_start(past.force, edge, asked.start)})
    if without:
        yield Said(
            zh=f"{len(without)} 个网关在时段开始时方案未知（{without[0]}）：按接触器指令，再按日落日出判断应亮",
            en=f"the plan of {len(without)} edge nodes was not known at the start ({without[0]}): the contactor's command "
            "counts, else the sun",
        )
    if past.there and not (past.faults.known(asked.start) and past.faults.known(asked.end - 1)):
        yield Said(
            zh="报警记录未覆盖整个时段，其余时间的设施状况未知",
            en="the alarm journal does not span the period: facilities are not known beyond it",
        )
    if not any(one.all for one in lit.roads.values()):
        yield Said(zh="时段内没有应亮的灯", en="no lamp should have been lit in this period")
    silent = [row.loop for row in energy.loops if row.kwh is None]
    if silent:
        yield Said(
            zh=f"{len(silent)} 个回路没有电能读数（{silent[0]}）",
            en=f"{len(silent)} loops have no reading of energy: {silent[0]}",
        )
    if energy.resets:
        yield Said(
            zh=f"电能表读数回退或跳变 {energy.resets} 次，其间电量不计",
            en=f"energy counters went back or leapt {energy.resets} times: what passed meanwhile is not counted",
        )
    if ground.led is not None:
        yield from _led_notes(asked, ground.led)


def _led_notes(asked: Asked, at: int) -> Iterator[Said]:
    """What the comparison before and after rests on."""
    if not asked.start < at < asked.end:
        yield Said(
            zh="改造日期不在时段内，无法比较前后",
            en="the date of the change lies outside the period: there is no before and after",
        )
    first, last = night_of(asked.start, asked.zone), night_of(asked.end - 1, asked.zone)
    lamps = [lamp for loop in asked.loops for lamp in lamps_of(loop) if lamp.since and first < lamp.since <= last]
    if not lamps:
        yield Said(
            zh="台账未登记该时段内改造的灯（lamps.csv 的 since、watts_before）：改造前也按现有额定功率对照，为估算",
            en="lamps.csv has no lamp since a day in this period: before the change, too, the baseline is that of today's rated "
            "watts, an estimate",
        )
    other = sum(lamp.since != night_of(at, asked.zone) for lamp in lamps)
    if other:
        yield Said(
            zh=f"{other} 盏灯的改造日期不是所给日期，前后有混杂",
            en=f"{other} lamps were changed in this period on another day: before and after are mixed",
        )
    unknown = sum(lamp.watts_before is None for lamp in lamps)
    if unknown:
        yield Said(
            zh=f"{unknown} 盏灯改造前功率未登记，其回路改造前不与对照比较",
            en=f"rated watts before the change are not known of {unknown} lamps: their loops have no baseline before it",
        )


def _edges(asked: Asked, force: InForce) -> set[str]:
    return {force.edge[loop.cabinet] for loop in asked.loops}


def _from_start(force: InForce, edge: str, start: int) -> bool:
    return any(since <= start and table is not None for since, table in force.plans.get(edge, ()))
