"""``lampwell sim``: run the virtual county, or talk to one that runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import uvloop

from lampwell.assets import County
from lampwell.clock import Clock, ScaledClock, SystemClock
from lampwell.county import load
from lampwell.errors import ConfigError, LampwellError, Problem
from lampwell.signals import heed
from simulators.app import Simulation
from simulators.control import SOCKET_NAME, ask
from simulators.scenario import duration

RUN_FOLDER = Path("run")


# -- what people write on the command line -------------------------------------------------------------------------------


class Duration(click.ParamType[float]):
    """Seconds, written 90s, 10m, 2h or 00:05:00."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class ReturnPeriod(click.ParamType[float]):
    """A storm's return period in years, written ``P=20`` or ``20``."""

    name = "P=YEARS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            years = float(str(value).upper().removeprefix("P="))
        except ValueError:
            years = 0.0
        if not 0 < years <= 1000:
            self.fail(f"{value!r}: write a return period in years, for example P=20", param, ctx)
        return years


def start_time(text: str, time_zone: str) -> int:
    """Epoch ms of ``2026-06-21T18:30`` in the county's own time (or with an offset of its own). BadParameter otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r}: write a time like 2026-06-21T18:30", param_hint="--start") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(time_zone))
    return round(moment.timestamp() * 1000)


def clock_for(start: str | None, speed: float, time_zone: str) -> Clock:
    """The machine's clock, or one that begins elsewhere or runs faster (1 to 60)."""
    if start is None and speed == 1:
        return SystemClock()
    begin = start_time(start, time_zone) if start else SystemClock().now()
    try:
        return ScaledClock(begin, speed)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--speed") from None


def _control_path(data: Path | None) -> Path:
    """The control socket: in the folder given, else the only one under ``run/``."""
    if data is not None:
        return data / SOCKET_NAME
    found = sorted(RUN_FOLDER.glob(f"*/{SOCKET_NAME}"))
    if len(found) == 1:
        return found[0]
    which = "several simulations: " + ", ".join(str(p.parent) for p in found) if found else f"no simulation under {RUN_FOLDER}/"
    raise click.UsageError(f"{which}; say which folder with --data")


_data = click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [default: run/<county>].")


# -- running -------------------------------------------------------------------------------------------------------------


@click.group(invoke_without_command=True)
@click.option("--inp", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Make a county from an EPA SWMM file.")
@click.option("--storm", type=ReturnPeriod(), help="A design storm, one minute after the start.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="County seconds per second, 1 to 60.")
@_data
@click.pass_context
def sim(ctx: click.Context, inp: Path | None, storm: float | None, speed: float, data: Path | None) -> None:
    """The virtual county 虚拟县: run it, or set faults in one that runs.

    `lampwell sim --inp FILE` is short for `lampwell sim run --inp FILE`.
    """
    if ctx.invoked_subcommand is None:
        if inp is None:
            click.echo(ctx.get_help())
            return
        ctx.invoke(run, folder=None, inp=inp, storm=storm, speed=speed, data=data)
    elif inp is not None or storm is not None or data is not None or speed != 1:
        raise click.UsageError(f"write the options after the sub-command: lampwell sim {ctx.invoked_subcommand} ...")


@sim.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--inp", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Another drainage network (SWMM).")
@click.option("--scenario", help="A scenario: a TOML file, or a name under the county's scenarios/.")
@click.option("--rain", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Recorded rain (CSV), begun at once.")
@click.option("--replay", multiple=True, metavar="DEVICE=FILE[:EVENT]", help="Play a recorded series through a sensor.")
@click.option("--storm", type=ReturnPeriod(), help="A design storm, one minute after the start.")
@click.option("--start", metavar="TIME", help="County time to begin at, for example 2026-06-21T18:30.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="County seconds per second, 1 to 60.")
@click.option("--pace", is_flag=True, help="Hold RTU answers back as the baud rate would.")
@click.option("--truth", is_flag=True, help="Let `sim truth` tell the ground truth.")
@_data
def run(
    folder: Path | None,
    inp: Path | None,
    scenario: str | None = None,
    rain: Path | None = None,
    replay: tuple[str, ...] = (),
    storm: float | None = None,
    start: str | None = None,
    speed: float = 1.0,
    pace: bool = False,
    truth: bool = False,
    data: Path | None = None,
) -> None:
    """Serve the county in FOLDER 运行虚拟县 over Modbus TCP, RTU over TCP and pseudo-terminals."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    county, data_dir = _county(folder, inp, data)
    simulation = Simulation(
        county,
        clock=clock_for(start, speed, county.time_zone),
        data_dir=data_dir,
        storm=storm,
        scenario=_scenario_path(scenario, county.folder) if scenario else None,
        replay=replay,
        inp=inp,
        rain=rain,
        paced=pace,
        truth=truth,
    )
    uvloop.run(_serve(simulation, county, data_dir))


def _county(folder: Path | None, inp: Path | None, data: Path | None) -> tuple[County, Path]:
    """The county to serve and its data folder; made from the network file where no folder is given."""
    if folder is not None:
        county = load(folder)
        return county, data or RUN_FOLDER / county.id
    if inp is None:
        raise click.UsageError("say which county: a FOLDER, or --inp FILE")
    from simulators.inp_county import county_from_inp

    data_dir = data or RUN_FOLDER / inp.stem
    folder = county_from_inp(inp, data_dir / "county")
    click.echo(f"county made from {inp} in {folder}")
    click.echo(f"  for gateway and collector: lampwell gateway {folder}, lampwell collector {folder}")
    return load(folder), data_dir


def _scenario_path(given: str, folder: Path) -> Path:
    for path in (Path(given), folder / "scenarios" / given, folder / "scenarios" / f"{given}.toml"):
        if path.is_file():
            return path
    there = ", ".join(sorted(p.stem for p in (folder / "scenarios").glob("*.toml"))) or "none"
    raise ConfigError([Problem(given, "", f"is no scenario file; this county's own are: {there}")])


async def _serve(simulation: Simulation, county: County, data_dir: Path) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(simulation.run())
    heed(simulation.stop)
    ready = loop.create_task(simulation.ready())
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        click.echo(f"{county.zh} {county.en}: {len(county.devices)} devices on {len(county.links)} links; data in {data_dir}")
        for link in simulation.status().links:
            click.echo(f"  {link.id:<14} {link.transport:<13} {link.endpoint}  {link.units} units")
    ready.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


# -- talking to one that runs --------------------------------------------------------------------------------------------


def _ask(data: Path | None, request: Mapping[str, object]) -> Any:
    try:
        return ask(_control_path(data), request)
    except (LampwellError, ValueError) as error:
        raise click.ClickException(str(error)) from error


@sim.command()
@click.argument("target")
@click.argument("name")
@click.argument("value", type=float, required=False)
@click.option("--clear", is_flag=True, help="Take the fault away.")
@click.option("--for", "lasts", type=Duration(), help="Clear it by itself after 90s, 10m, 2h of county time.")
@_data
def fault(target: str, name: str, value: float | None, clear: bool, lasts: float | None, data: Path | None) -> None:
    """Set or clear a fault 设置或解除故障, for example: cabinet-03/loop3 open."""
    if clear and (value is not None or lasts is not None):
        raise click.UsageError("--clear goes without a value and without --for")
    request = {"do": "fault", "target": target, "name": name, "value": value, "on": not clear, "for_s": lasts}
    active = _ask(data, request)
    _print_active(active)


@sim.command()
@click.argument("target", default="")
@_data
def faults(target: str, data: Path | None) -> None:
    """List the faults that can be set 可设故障一览, everywhere or on TARGET and what is in it."""
    infos = sorted(_ask(data, {"do": "faults", "target": target}), key=lambda info: str(info["target"]))
    wide = max(len(info["target"]) for info in infos)
    for info in infos:
        click.echo(f"{info['target']:<{wide}}  {info['name']:<18} {info['zh']}  {info['en']}")


@sim.command()
@click.argument("period", type=ReturnPeriod(), metavar="P=YEARS")
@click.option("--minutes", type=click.FloatRange(min=1), help="How long it rains.")
@_data
def storm(period: float, minutes: float | None, data: Path | None) -> None:
    """Begin a design storm now 开始一场设计暴雨, for example: P=20."""
    _ask(data, {"do": "storm", "return_period": period, "minutes": minutes})
    click.echo(f"storm begun: once in {period:g} years 暴雨已开始: {period:g} 年一遇")


@sim.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_data
def status(as_json: bool, data: Path | None) -> None:
    """How the simulation stands 运行状态."""
    answer = _ask(data, {"do": "status"})
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(f"running {answer['elapsed_s']:.0f} s, {answer['late_s']:.1f} s late, {answer['pending']} events to come")
    for link in answer["links"]:
        counts = f"{link['requests']} asked, {link['answers']} answered, {link['refused']} refused, {link['clients']} clients"
        click.echo(f"  {link['id']:<14} {link['endpoint']:<28} {link['units']} units  {counts}")
    _print_active(answer["faults"])


@sim.command()
@_data
def truth(data: Path | None) -> None:
    """The ground truth 真值 as JSON, where the simulation was started with --truth."""
    click.echo(json.dumps(_ask(data, {"do": "truth"}), ensure_ascii=False))


def _print_active(active: Mapping[str, Mapping[str, float | None]]) -> None:
    if not active:
        click.echo("no faults set 无故障")
    for target, here in active.items():
        shown = (name if value is None else f"{name}={value:g}" for name, value in here.items())
        click.echo(f"  {target}: {', '.join(shown)}")
