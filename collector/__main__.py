"""``python -m collector FOLDER --data DIR``."""

from __future__ import annotations

import sys

from collector.cli import collector
from lampwell.entry import run

if __name__ == "__main__":
    sys.exit(run(collector, "collector"))
