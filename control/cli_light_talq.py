"""``lampwell light talq``: the county's calendars and programs to and from other lighting systems, in the words of TALQ 2.7.1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import click

from control.cli_ask import NotRunning, ask, data_option, folder_argument
from control.cli_light_files import files_of, files_with, findings_of, night_named, refuse
from control.cli_light_orders import confirm, yes_option
from control.cli_light_talq_override import override
from control.cli_talq_files import documents_of, refuse_talq
from control.lighting.heard import layer_of
from control.lighting.views import LightOrderDetail, LightStatus
from lampwell.assets import County
from lampwell.county import load
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.files import FOLDER, Lighting, load_lighting, read_lighting
from lampwell.lighting.model import Layer, Override
from lampwell.lighting.talq import override_to_talq
from lampwell.lighting.talq_files import YEARS, TakenIn, taken, written
from lampwell.lighting.talq_program import Json
from lampwell.lighting.write import write_lighting
from lampwell.local import LocalClient, NotAnswered

LOST = "TALQ 无法表达，已丢失 lost, TALQ has no words for it"
_SAID_OF_LEASES = "限时指令的原因与下令人 reasons and givers of leases"
CALENDARS, PROGRAMS, OVERRIDES = "calendars.json", "control-programs.json", "override-commands.json"


@click.group()
def talq() -> None:
    """Calendars, programs and overrides to and from other systems, as TALQ 2.7.1 has them (与其他系统交换日历、方案与限时指令).

    The names and schemas are TALQ's; this is no certified implementation of it.
    """


talq.add_command(override)


@talq.command("export")
@folder_argument
@click.argument("out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--owner", default="lampwell", show_default=True, help="Address of the CMS that owns them (ownerCMS).")
@click.option(
    "--years", type=click.IntRange(1, 50), default=YEARS, show_default=True, help="Lunar festivals as dates of so many."
)
@click.option("--sensor", "sensors", multiple=True, metavar="ADDRESS", help="A light sensor, at most two; without: no lux rules.")
@click.option("--partial", is_flag=True, help="Write what TALQ can say, and leave out the rest.")
@data_option
def export(
    folder: Path, out: Path, owner: str, years: int, sensors: tuple[str, ...], data: Path | None, *, partial: bool
) -> None:
    """Write the files' calendars and programs to DIR, and the leases that stand if a control runs.

    calendars.json and control-programs.json are the lists that TALQ's /calendars and /control-programs take;
    override-commands.json has one command for /override-commands each, which `light talq override` takes, too. What TALQ can not
    say is refused (exit code 2) or, with --partial, left out; what it has no words for is told.
    """
    if len(sensors) > 2:
        raise click.UsageError("TALQ 至多两个传感器 TALQ takes two sensors at most (--sensor)")
    first = night_named("tonight", files_of(folder).zone).year
    made = written(load_lighting(folder, load(folder)), owner, range(first, first + years), sensors)
    if not partial:
        refuse_talq(f"{one}（--partial 可略过 leaves it out）" for one in made.refused)
    _tell_each("未导出 left out", made.refused)
    _tell_each(LOST, made.lost)
    files: dict[str, Sequence[Json]] = {CALENDARS: made.calendars, PROGRAMS: made.programs}
    leases = _leases(folder, data)
    if leases is not None:
        files[OVERRIDES] = leases
        _tell_each(LOST, [_SAID_OF_LEASES] if leases else [])
    out.mkdir(parents=True, exist_ok=True)
    for name, items in files.items():
        (out / name).write_text(json.dumps(items, ensure_ascii=False, indent=2) + "\n", "utf-8")
        click.echo(f"{out / name}: {len(items)}")


def _leases(folder: Path, data: Path | None) -> list[Json] | None:
    """Of a control that runs; None = none does."""
    try:
        county, standing = ask(folder, data, _standing)
    except NotRunning:
        click.echo("没有运行中的控制服务，未导出限时指令 no control runs: no overrides are exported", err=True)
        return None
    zone = ZoneInfo(county.time_zone)
    return [override_to_talq(one, zone) for one in standing]


async def _standing(client: LocalClient) -> list[Override]:
    """The leases that stand, the last given last; an edge node does not tell their ramps, their orders do."""
    found: list[Override] = []
    status: LightStatus = await client.ask("lighting.status")
    for one in (each for edge in status.edges for each in edge.overrides):
        if layer_of(one.layer) is not Layer.LEASE:
            click.echo(f"未导出 left out: {one.id} ({one.layer}): TALQ 只有限时指令 TALQ has leases only", err=True)
            continue
        ramp_s, ramp_back_s = await _ramps(client, one.id)
        found.append(
            Override(
                id=one.id,
                targets=one.targets,
                level=one.level,
                issued=one.start,
                start=one.start,
                end=one.end,
                ramp_s=ramp_s,
                ramp_back_s=ramp_back_s,
            )
        )
    return found


async def _ramps(client: LocalClient, name: str) -> tuple[int, int]:
    try:
        one: LightOrderDetail = (await client.ask("lighting.order", name))[0]
    except NotAnswered:  # of another control, which is gone with its orders
        click.echo(f"渐变未知 its ramps are not known here: {name}", err=True)
        return 0, 0
    return one.ramp_s, one.ramp_back_s


@talq.command("import")
@folder_argument
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write. Default: the county's lighting/.")
@yes_option
def import_(folder: Path, files: tuple[Path, ...], out: Path | None, *, yes: bool) -> None:
    """Take calendars and programs from TALQ lists (FILE...) into the county's lighting files.

    One of a known id takes its place and keeps what TALQ has no words for; what says the same stays as it is. What is not
    understood, and what makes a plan that `light validate` refuses, is refused with its place (exit code 2), and nothing is
    written. What would be lost is told and asked about. Override commands are orders: see `light talq override`.
    """
    county = load(folder)
    found = taken(documents_of(files), load_lighting(folder, county))
    refuse_talq(found.refused)
    _tell_taken(found)
    if not (found.new or found.changed):
        click.echo("没有变化，未写入 nothing changes, nothing is written")
        return
    _check(county, found.lighting)
    target = out or folder / FOLDER
    if not yes:
        over = "（覆盖原文件及其注释 over the files there and their comments）" if any(target.glob("*.toml")) else ""
        confirm(f"写入 write to {target}{over}?")
    write_lighting(found.lighting, target)
    click.echo(f"已写入 written: {target}; 下一步 next: lampwell light validate, diff, activate")


def _check(county: County, lighting: Lighting) -> None:
    """As `light validate`, of files as they would be. ConfigError."""
    problems: list[Problem] = []
    with TemporaryDirectory() as folder:
        write_lighting(lighting, Path(folder) / FOLDER)
        read = read_lighting(Path(folder) / FOLDER, county, problems)
    if problems:
        raise ConfigError(problems)
    refuse(findings_of(files_with(county, read)))


def _tell_taken(found: TakenIn) -> None:
    _tell_each("相同 as it was", found.same)
    _tell_each("新增 new", found.new)
    _tell_each("改动 changed", found.changed)
    given = {name for one in found.lighting.assignments for name in (one.calendar, one.festivals)}
    free = [one.id for one in found.lighting.calendars if one.id not in given]
    _tell_each("日历未分配 no loop takes this calendar yet (assignments.toml)", free)
    _tell_each("将丢失 would be lost", found.lost)


def _tell_each(what: str, names: Iterable[str]) -> None:
    for name in names:
        click.echo(f"{what}: {name}", err=True)
