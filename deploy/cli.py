"""``lampwell``: one command for everything, each part imported only when it is asked for.

An edge box installs the gateway alone, so a sub-command whose libraries are missing must not spoil the others:
it ends with one line that names the extra to install.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from lampwell import __version__
from lampwell.errors import ConfigError, LampwellError

OWN = ("lampwell", "gateway", "collector", "control", "simulators", "deploy")
FAILED, REFUSED, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a sub-command lives, the extra that brings its libraries, and its one line of help."""

    module: str
    command: str
    extra: str
    help: str


COMMANDS: Mapping[str, Entry] = {
    "demo": Entry(
        module="deploy.demo", command="demo", extra="onebox", help="A living county on this machine: everything in one command."
    ),
    "check": Entry(
        module="deploy.check", command="check", extra="gateway", help="Validate a county folder and say what would run."
    ),
    "plan": Entry(module="gateway.cli", command="plan", extra="gateway", help="The read plan: requests and seconds per cycle."),
    "poll": Entry(
        module="gateway.cli", command="poll", extra="gateway", help="Read one device by its profile, as at the cabinet."
    ),
    "gateway": Entry(module="gateway.service_cli", command="gateway", extra="gateway", help="Run one edge node."),
    "collector": Entry(
        module="collector.cli", command="collector", extra="collector", help="Run the collector: MQTT to history."
    ),
    "control": Entry(
        module="control.cli", command="control", extra="control", help="Run the alarm service: alarms and messages."
    ),
    "alarms": Entry(
        module="control.cli_alarms",
        command="alarms",
        extra="control",
        help="The alarm list: look, acknowledge, shelve, change limits.",
    ),
    "orders": Entry(
        module="control.cli_orders", command="orders", extra="control", help="Work orders: list, accept, finish, register."
    ),
    "people": Entry(
        module="control.cli_people", command="people", extra="control", help="Who is on duty; shifts, swaps, flood season."
    ),
    "light": Entry(
        module="deploy.light",
        command="light",
        extra="control,collector",
        help="Streetlights: plans, overrides, why a lamp is lit, figures.",
    ),
    "outbox": Entry(
        module="control.cli_outbox", command="outbox", extra="control", help="Messages: what was told to whom, and did it arrive."
    ),
    "kpi": Entry(
        module="control.cli_outbox", command="kpi", extra="control", help="How well alarms are answered: ISA-18.2 figures."
    ),
    "sender": Entry(
        module="control.cli_sender", command="sender", extra="control", help="Send the messages by a process of its own."
    ),
    "sim": Entry(
        module="simulators.cli", command="sim", extra="simulators", help="Run the virtual county, or set a fault in it."
    ),
    "tail": Entry(module="deploy.tail", command="tail", extra="gateway", help="Live traffic, decoded: one readable line a scan."),
    "acl": Entry(module="deploy.acl", command="acl", extra="gateway", help="mosquitto's access rules for a county."),
    "backtest": Entry(
        module="deploy.backtest",
        command="backtest",
        extra="onebox",
        help="Try alarm rules on recorded history, and a feeder's record.",
    ),
    "query": Entry(module="collector.cli", command="query", extra="collector", help="Ask the history: table, CSV or Parquet."),
}


class MissingExtra(click.ClickException):
    """A sub-command's libraries are not installed."""

    def __init__(self, name: str, entry: Entry, module: str) -> None:
        super().__init__(
            f"'{name}' needs the Python module {module}, which is not installed here: pip install 'lampwell[{entry.extra}]'"
        )


class Lampwell(click.Group):
    """A group that imports a sub-command when it is called, lists them without importing any, and ends every foreseen
    failure in one message on stderr and exit code 1 (failed) or 2 (refused).
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one sub-command; MissingExtra where its libraries are not installed."""
        entry = COMMANDS.get(cmd_name)
        return _load(cmd_name, entry) if entry else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the sub-command; MissingExtra where it turns out only now that a library is not installed."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _missing(ctx.invoked_subcommand or "", error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list in ``--help``, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command line and exit."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without Chinese gets question marks, not a traceback
        extra["standalone_mode"] = False
        sys.exit(_run(lambda: super(Lampwell, self).main(args, prog_name or "lampwell", **extra)))


def _missing(name: str, error: ModuleNotFoundError) -> Exception:
    """One line that names the extra, for a library that is not ours; a lack of our own is a fault and stays as it is."""
    if name not in COMMANDS or (error.name or "").partition(".")[0] in OWN:
        return error
    return MissingExtra(name, COMMANDS[name], error.name or str(error))


def _load(name: str, entry: Entry) -> click.Command:
    try:
        command = getattr(importlib.import_module(entry.module), entry.command)
    except ModuleNotFoundError as error:
        raise _missing(name, error) from error
    assert isinstance(command, click.Command), f"{entry.module}:{entry.command} is not a command"
    return command


def _run(call: Callable[[], object]) -> int:
    """Call and turn what happens into an exit code."""
    try:
        result = call()
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConfigError as error:
        return _complain(f"{len(error.problems)} problem(s):\n{error}", REFUSED)
    except LampwellError as error:
        return _complain(str(error), FAILED)
    except BrokenPipeError:
        return _pipe_closed()
    except OSError as error:
        return _complain(_os_error(error), FAILED)
    return result if isinstance(result, int) else 0


def _complain(message: str, code: int) -> int:
    click.echo(f"lampwell: {message}", err=True)
    return code


def _os_error(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"a port is in use by another program: {error.strerror or error}"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _pipe_closed() -> int:
    """The reader of our output has gone (``lampwell tail | head``): nothing to complain of, and no second error at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


@click.group(cls=Lampwell, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="lampwell")
def main() -> None:
    """lampwell: one open system for a county's streetlights and drainage.

    Begin with `lampwell demo`; `lampwell COMMAND --help` tells the rest.
    """


if __name__ == "__main__":
    main()
