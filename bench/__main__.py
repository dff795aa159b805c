"""`make bench`: every table of speed in one run, each figure beside its limit, and one line of JSON at the end.

Each part is a module with ``run(quick) -> dict``; a part whose dict holds ``targets`` (name -> [figure, limit, "<=" or ">="]) is
judged by it. Parts run in processes of their own, so that one cannot warm or burden the next.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from typing import Any

PARTS = ("codec", "bus", "gateway", "collector", "history", "lighting", "lighting_edge", "latency", "onebox", "alarms")


def main() -> int:
    """Run the named parts (default: all) and judge them; exit 1 when a limit was missed or a part failed."""
    arguments = _arguments()
    results = {part: _run(part, quick=arguments.quick) for part in arguments.parts or PARTS}
    missed = _judge(results)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    print(json.dumps({"machine": machine, "results": results, "missed": missed}))
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"some of: {' '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="shorter runs, to see that it works; do not quote the figures")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.parts) - set(PARTS))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)} (there are: {', '.join(PARTS)})")
    return arguments


def _run(part: str, *, quick: bool) -> dict[str, Any]:
    """One part in its own process; its tables go to the screen, its dict comes back as its last line."""
    print(f"\n== {part} ==", flush=True)
    command = [sys.executable, "-m", f"bench.{part}", *(["--quick"] if quick else [])]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("{"):
                print(line, end="", flush=True)
            last = line
    if process.returncode and not last.startswith("{"):
        return {"failed": f"exit code {process.returncode}"}
    result: dict[str, Any] = json.loads(last)
    return result


def _judge(results: dict[str, dict[str, Any]]) -> list[str]:
    """Print every figure beside its limit; return what missed."""
    print("\n== limits ==")
    missed = []
    for part, result in results.items():
        if "failed" in result:
            missed.append(f"{part}: {result['failed']}")
        for name, (figure, limit, sense) in result.get("targets", {}).items():
            met = figure is not None and (figure <= limit if sense == "<=" else figure >= limit)
            print(f"{'ok  ' if met else 'MISS'}  {part:<10} {name:<60} {figure} {sense} {limit}")
            if not met:
                missed.append(f"{part}: {name} {figure}, limit {sense} {limit}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
