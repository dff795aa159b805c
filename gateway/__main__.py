"""``python -m gateway FOLDER --edge ID --data DIR``."""

from __future__ import annotations

import sys

from gateway.service_cli import gateway
from lampwell.entry import run

if __name__ == "__main__":
    sys.exit(run(gateway, "gateway"))
