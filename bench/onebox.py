"""The whole county in one command, at 1x: what it costs, how late its readings are, whether it keeps them all."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from typing import Any

PORT_BASE = 21_500


def run(*, quick: bool) -> dict[str, Any]:
    """One demo without a screen; its own summary, judged."""
    seconds = 20 if quick else 120
    with tempfile.TemporaryDirectory() as folder:
        options = ["--for", f"{seconds}s", "--json", "--data", folder, "--port-base", str(PORT_BASE)]
        command = [sys.executable, "-m", "deploy.cli", "demo", "counties/taihe", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip()[-500:] or f"exit code {done.returncode}"}
    summary: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    summary["targets"] = {
        "CPU, % of a core": [summary["cpu_percent"], 30, "<="],
        f"memory, MB ({summary['memory']})": [summary["rss_mb"], 350, "<="],
        "first reading stored, s after start": [summary["first_reading_s"], 10, "<="],
        "readings lost": [summary["lost"], 0, "<="],
        "scans stored twice": [summary["duplicates"], 0, "<="],
    }
    return summary


def main() -> None:
    """A table and a JSON line."""
    parser = argparse.ArgumentParser(prog="bench.onebox", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    result = run(quick=parser.parse_args().quick)
    for name, value in result.items():
        if name != "targets":
            print(f"{name:<20} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
