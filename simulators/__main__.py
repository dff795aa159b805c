"""``python -m simulators``: the same as ``lampwell sim``."""

from __future__ import annotations

import sys

from lampwell.entry import run
from simulators.cli import sim

if __name__ == "__main__":
    sys.exit(run(sim, "simulators"))
