"""``python -m gateway FOLDER --edge ID --data DIR``."""

from __future__ import annotations

import sys

import click

from gateway.service_cli import gateway
from lampwell.errors import LampwellError


def main() -> int:
    """Run; a refused configuration ends in its list of problems and exit code 2, any other foreseen failure in 1."""
    try:
        gateway(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except LampwellError as error:
        click.echo(f"gateway: {error}", err=True)
        return 2 if hasattr(error, "problems") else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
