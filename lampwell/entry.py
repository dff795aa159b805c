"""How ``python -m <service>`` ends: a foreseen failure is one message and an exit code, never a traceback."""

from __future__ import annotations

import click

from lampwell.errors import ConfigError, LampwellError

FAILED, REFUSED, INTERRUPTED = 1, 2, 130


def run(command: click.Command, name: str) -> int:
    """Run a command; the exit code: 0, 1 (a part failed), 2 (a configuration or an option was refused), 130 (Ctrl-C)."""
    try:
        command.main(prog_name=f"python -m {name}", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except LampwellError as error:
        click.echo(f"{name}: {error}", err=True)
        return REFUSED if isinstance(error, ConfigError) else FAILED
    return 0
