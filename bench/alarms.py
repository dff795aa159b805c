"""Alarms under load: ten thousand in a minute, the binding of rules, and the way from a register to a phone."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
from typing import Any

import uvloop

from bench import alarms_binding, alarms_chain, alarms_storm

UNITS, QUICK_UNITS = 1_000, 50
CHAIN_S, QUICK_CHAIN_S = 110.0, 30.0
LAG_MS, ROW_MS, LETTER_MS, GROWTH, LINEAR = 1_000, 1_000, 2_000, 1.05, 15


def run(quick: bool) -> dict[str, Any]:
    """All three, and their limits."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        storm = runner.run(alarms_storm.measure(units=QUICK_UNITS if quick else UNITS))
        chain = runner.run(alarms_chain.measure(QUICK_CHAIN_S if quick else CHAIN_S))
    binding = alarms_binding.measure()
    memory = storm["rss_mb"]
    over = [name for name, sent in storm["letters"].items() if sent["busiest minute"] > sent["vendor's limit"]]
    targets = {
        f"{storm['alarms']} alarms at 10,000 a minute: due to decided, p99 ms": [storm["decided"]["p99"], LAG_MS, "<="],
        "the same: due to on disk, p99 ms": [storm["on disk"]["p99"], LAG_MS, "<="],
        "the same: alarms that were not raised": [storm["alarms"] - storm["raised"], 0, "<="],
        "the same: channels over their vendor's budget": [len(over), 0, "<="],
        "memory after a second storm, of that after the first": [
            round(memory["after the second"] / memory["after the first storm"], 3),
            GROWTH,
            "<=",
        ],
        "register change to journal row beyond poll and on-delay, p99 ms": [
            chain["row, beyond poll and on-delay"]["p99"],
            ROW_MS,
            "<=",
        ],
        "register change to letter beyond poll and on-delay, p99 ms": [
            chain["letter, beyond poll and on-delay"]["p99"],
            LETTER_MS,
            "<=",
        ],
        "changes measured": [chain["changes"], 40, ">="],
        "changes never told": [chain["never told"], 0, "<="],
        "binding ten times taihe, times that of taihe": [
            round(binding["ten times taihe"]["bind ms"] / binding["taihe"]["bind ms"], 1),
            LINEAR,
            "<=",
        ],
    }
    return {"storm": storm, "chain": chain, "binding": binding, "targets": targets}


def _table(result: dict[str, Any]) -> None:
    storm, chain = result["storm"], result["chain"]
    print(f"{'ms':<36}{'p50':>9}{'p99':>9}{'max':>9}")
    for name, figures in {
        "storm: due to decided": storm["decided"],
        "storm: due to on disk": storm["on disk"],
        **{name: figures for name, figures in chain.items() if isinstance(figures, dict)},
    }.items():
        print(f"{name:<36}" + "".join(f"{figure:>9}" for figure in figures.values()))
    print(f"storm: {storm['raised']} raised in {storm['seconds']} s, {storm['cpu']} % of the core, {storm['commits']} commits")
    print(f"memory MB: {', '.join(f'{when} {mb}' for when, mb in storm['rss_mb'].items())}")
    for name, sent in storm["letters"].items():
        print(f"{name:<12} {', '.join(f'{what} {count}' for what, count in sent.items())}")
    for name, figures in result["binding"].items():
        print(f"{name:<18} {', '.join(f'{what} {figure}' for what, figure in figures.items())}")


def main() -> None:
    """A table and a JSON line."""
    parser = argparse.ArgumentParser(prog="bench.alarms", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    logging.disable(logging.WARNING)
    result = run(quick)
    _table(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
