"""``python -m control FOLDER --data DIR``."""

from __future__ import annotations

import sys

from control.cli import control
from lampwell.entry import run

if __name__ == "__main__":
    sys.exit(run(control, "control"))
