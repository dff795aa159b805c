"""What the commands share that ask a running control service: options, the question itself, tables and times."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from lampwell.assets import County
from lampwell.columns import table
from lampwell.county import load
from lampwell.errors import LampwellError
from lampwell.local import LocalClient, connect
from lampwell.times import local

T = TypeVar("T")
VERSION = click.IntRange(0, 1_000_000)
"""The number of a version; 0 is the one that an option's help names."""
PRIORITIES = {1: "红1", 2: "橙2", 3: "黄3", 4: "蓝4"}


class NotRunning(LampwellError):
    """Nobody answers for the alarms of this county."""


folder_argument = click.argument("folder", type=click.Path(path_type=Path))
data_option = click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. Default: run/<county>.")
who_option = click.option("--who", default=getpass.getuser, show_default="your login name", help="Who does this; kept for good.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")


def ask(folder: Path, data: Path | None, question: Callable[[LocalClient], Awaitable[T]]) -> tuple[County, T]:
    """The answer of the control service that runs for this county. NotRunning, NotAnswered."""
    from control.methods import METHODS, SOCKET  # every type of every answer: not for a command that asks nothing

    county = load(folder)
    data_dir = data or Path("run") / county.id

    async def asked() -> T:
        client = await connect(data_dir, METHODS, SOCKET) if data_dir.is_dir() else None
        if client is None:
            raise NotRunning(
                f"没有运行中的控制服务 no control service answers in {data_dir}; start `lampwell control {folder}` or the demo, "
                "or name its data folder with --data"
            )
        try:
            return await question(client)
        finally:
            client.close()

    return county, asyncio.run(asked())


async def now_of(client: LocalClient) -> int:
    """The county's time, which in a demo is not the machine's."""
    return int((await client.ask("status"))["now"])


def tell_json(found: object) -> None:
    """One JSON document on one line."""
    click.echo(msgspec.json.encode(found).decode())


def tell_table(rows: Sequence[Sequence[str]], nothing: str) -> None:
    """A table whose first row names the columns, or what is said where there is no other row."""
    click.echo("\n".join(table(rows)) if len(rows) > 1 else nothing)


def when(time: int | None, zone: tzinfo) -> str:
    """County time."""
    return "" if time is None else f"{local(time, zone):%m-%d %H:%M:%S}"


def day(time: int | None, zone: tzinfo) -> str:
    """County time with the year, to the minute."""
    return "" if time is None else f"{local(time, zone):%Y-%m-%d %H:%M}"
