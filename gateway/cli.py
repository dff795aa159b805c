"""``lampwell plan`` and ``lampwell poll``: what would be asked of the field, and one device asked now, as at its cabinet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.modbus.client import open_link
from gateway.modbus.port import ModbusLink
from gateway.plan import BlockPlan, DevicePlan, Mode, bus_seconds, cycle, plan_device
from lampwell.assets import County, Device, Link
from lampwell.columns import text_width
from lampwell.county import load, place_lines
from lampwell.errors import DeviceRefused, LinkDown, ModbusError, NoAnswer
from lampwell.points import Point, Value
from lampwell.profiles.model import Register
from lampwell.profiles.wire_order import words_of

NO_VALUE = "无值 not available"
OUT_OF_RANGE = "超出量程 outside its range"
BLIND = "盲区 in the blind zone"
NOTHING_READ = 1


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--device", "only", help="Only this device, with every point of every request.")
def plan(folder: Path, only: str | None) -> None:
    """The read plan of the county in FOLDER: requests, seconds per cycle, load of each link. 读取计划。"""
    county = load(folder)
    if only is not None:
        device, link = find(county, only)
        click.echo("\n".join(_device_lines(plan_device(device, link), link)))
        return
    for link in county.links:
        plans = [plan_device(device, link) for device in county.devices if device.link == link.id]
        click.echo("\n".join(_link_lines(link, plans)) + "\n")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("device")
@click.option(
    "--watch", type=float, is_flag=False, flag_value=0.0, help="Again and again, every so many seconds (default: its own)."
)
@click.option(
    "--lines", type=click.Path(file_okay=False, path_type=Path), help="Where relative serial paths begin (default: run/COUNTY)."
)
def poll(folder: Path, device: str, watch: float | None, lines: Path | None) -> None:
    """Read DEVICE of the county in FOLDER once, by its profile, as an engineer at its cabinet would. 现场读取。"""
    found, link = find(place_lines(load(folder), lines), device)
    every_s = None if watch is None else watch or found.intervals.dry_s
    read = asyncio.run(_poll(plan_device(found, link), link, every_s))
    if not read:
        raise SystemExit(NOTHING_READ)


def find(county: County, name: str) -> tuple[Device, Link]:
    """A device of the county and its link. UsageError with the names there are."""
    for device in county.devices:
        if device.id == name:
            return device, next(link for link in county.links if link.id == device.link)
    raise click.UsageError(f"no device {name!r} in {county.folder}; there are: {', '.join(d.id for d in county.devices)}")


# -- plan ----------------------------------------------------------------------------------------------------------------------


def _link_lines(link: Link, plans: Sequence[DevicePlan]) -> Iterator[str]:
    costs = cycle(link, plans)
    loads = "  ".join(f"{mode} {100 * costs.load[mode]:.1f} %" for mode in Mode)
    yield f"{link.id}  {link.transport} {link.endpoint}  {len(plans)} devices 设备"
    yield f"  cycle 周期: fast {costs.fast_s:.3f} s, slow {costs.slow_s:.3f} s   load 负载: {loads}"
    if costs.load[Mode.STORM] > 1:
        yield "  ! more than the link can carry in storm mode 暴雨模式下超载"
    rows: list[tuple[str, ...]] = [("  device 设备", "unit", "points", "fast", "slow", "demand", "touched", "s/round")]
    rows += [_plan_row(each, link) for each in plans]
    yield from _table(rows)


def _plan_row(each: DevicePlan, link: Link) -> tuple[str, ...]:
    touched = sum(block.block.count for block in each.blocks)
    counts = (len(each.device.profile.registers), len(each.fast), len(each.slow), len(each.demand), touched)
    unit, *numbers = (each.device.unit, *counts)
    return f"  {each.device.id}", str(unit), *map(str, numbers), f"{bus_seconds(link, each.fast):.3f}"


def _device_lines(each: DevicePlan, link: Link) -> Iterator[str]:
    device = each.device
    yield f"{device.id} {device.zh} {device.en}  unit {device.unit} on {link.id} ({link.endpoint}), profile {device.profile.id}"
    for block in each.blocks:
        points = ", ".join(device.profile.registers[i].point.path for i in block.positions)
        yield f"  {block.poll:<6}  {block.block}  ({bus_seconds(link, [block]):.3f} s): {points}"


# -- poll ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reading:
    """A block as it was read: data or the reason why not, and the round trip in seconds."""

    block: BlockPlan
    data: bytes | None
    error: str
    seconds: float


async def _poll(each: DevicePlan, link: Link, every_s: float | None) -> bool:
    """Read and print, once or for ever. True if anything was read."""
    modbus = open_link(link)
    try:
        while True:
            readings = await _read_all(modbus, each)
            click.echo("\n".join(_poll_lines(each, link, readings)))
            if every_s is None:
                return any(reading.data is not None for reading in readings)
            await asyncio.sleep(every_s)
            click.echo()
    finally:
        await modbus.close()


async def _read_all(modbus: ModbusLink, each: DevicePlan) -> list[_Reading]:
    """Every block; where the link can not even be opened, only the first with the reason."""
    readings = []
    for block in each.blocks:
        readings.append(await _read(modbus, each, block))
        if not modbus.counters.connects:
            break
    return readings


async def _read(modbus: ModbusLink, each: DevicePlan, block: BlockPlan) -> _Reading:
    began = time.perf_counter()
    try:
        await modbus.connect()
        began = time.perf_counter()
        data = await modbus.read(each.device.unit, block.block)
    except ModbusError as error:
        return _Reading(block, None, _explained(error), time.perf_counter() - began)
    return _Reading(block, data, "", time.perf_counter() - began)


def _explained(error: ModbusError) -> str:
    match error:
        case LinkDown():
            return f"链路不通 link down: {error}"
        case NoAnswer():
            return f"无应答 no answer: {error} (unit number, wiring, power, baud rate?)"
        case DeviceRefused():
            return f"设备拒绝 refused: {error}"
        case _:
            return f"应答不可信 not to be believed: {error}"


def _poll_lines(each: DevicePlan, link: Link, readings: Sequence[_Reading]) -> Iterator[str]:
    device = each.device
    yield f"{device.id} {device.zh} {device.en}  unit {device.unit} on {link.id} ({link.endpoint})"
    if len(readings) < len(each.blocks):
        yield f"  {readings[0].error}"
        return
    rows: list[tuple[str, ...]] = [("  point 点", "名称", "name", "value 值", "unit", "raw", "note")]
    for reading in readings:
        rows += _reading_rows(device, reading)
    yield from _table(rows)
    for reading in readings:
        outcome = reading.error or "ok"
        yield f"  {reading.block.block}: {1000 * reading.seconds:.1f} ms  {outcome}"


def _reading_rows(device: Device, reading: _Reading) -> Iterator[tuple[str, ...]]:
    raws = None if reading.data is None else reading.block.raw(reading.data)
    for number, position in enumerate(reading.block.positions):
        register = device.profile.registers[position]
        point = register.point
        names = f"  {point.path}", point.zh, point.en
        if raws is None or reading.data is None:
            yield *names, "-", point.unit, "", "未读到 not read"
            continue
        value = reading.block.convert[number](raws[number])
        raw = _raw_text(register, reading)
        yield *names, "-" if value is None else str(value), point.unit, raw, _note(point, value)


def _raw_text(register: Register, reading: _Reading) -> str:
    assert reading.data is not None
    at = register.address - reading.block.block.address
    if register.space.is_bits:
        return str(reading.data[at // 8] >> at % 8 & 1)
    return reading.data[2 * at : 2 * (at + words_of(register.encoding))].hex(" ", 2)


def _note(point: Point, value: Value | None) -> str:
    tests = point.tests
    if value is None:
        return NO_VALUE
    if isinstance(value, str):
        return ""
    if (tests.low is not None and value < tests.low) or (tests.high is not None and value > tests.high):
        return OUT_OF_RANGE
    return BLIND if tests.blind_above is not None and value >= tests.blind_above else ""


# -- tables --------------------------------------------------------------------------------------------------------------------


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Columns aligned by their width on a terminal, where Chinese characters take two cells."""
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (width - text_width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
