"""``python -m simulators``: the same as ``lampwell sim``."""

from __future__ import annotations

import sys

import click

from lampwell.errors import LampwellError
from simulators.cli import sim


def main() -> None:
    """Run the command line; a foreseen failure is one message and exit code 1."""
    try:
        sim.main(prog_name="python -m simulators", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except LampwellError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
