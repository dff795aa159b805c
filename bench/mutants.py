"""`make mutants`: do the tests of the alarm engine notice when it is wrong? One small fault at a time, and who survives.

Each mutant meets `tests/alarms` in a copy: tables first, then properties, then the state machine, with the same examples every
time. It is killed when a test fails, when the module no longer loads, or when a test runs some ten times as long as without it.
`mutants_equivalent.toml` names those that change nothing anyone can see, with the reason. They are run as well, so that a wrong
claim shows; so does one that fits no mutant any more. Ends with one line of JSON; exit code 1 if fewer than 90 % of the others
were killed (domain alarms 1.4, item 6) or if a claim was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.mutants_make import Mutant, enums_of, mutants
from bench.mutants_run import PACKAGE, ROOT, Fate, fates

ENGINE = ("core.py", "engine.py", "states.py", "occurrences.py")
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.toml")
LEAST_KILLED = 90.0
_QUICK = 10
"""``--quick`` takes one mutant in so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A mutant that is said to change nothing, and why."""

    file: str
    within: str
    was: str
    now: str
    why: str

    @property
    def same(self) -> tuple[str, str, str, str]:
        """As ``Mutant.same``."""
        return self.file, self.within, self.was, self.now


@dataclass(frozen=True, slots=True)
class Verdict:
    """A mutant, its fate, and whether it was said to be equivalent."""

    mutant: Mutant
    fate: Fate
    claimed: bool

    @property
    def word(self) -> str:
        """The column it counts in."""
        if not self.claimed:
            return str(self.fate)
        return "equivalent" if self.fate is Fate.SURVIVED else "wrong claim"


def run(files: Sequence[str] = ENGINE, *, quick: bool = False, within: str = "", jobs: int = 2) -> dict[str, Any]:
    """The mutants of these files, of functions whose name holds ``within``; prints the tables, returns what the JSON tells."""
    began = time.monotonic()
    enums = enums_of((ROOT / PACKAGE / "model.py").read_text())
    every = [one for file in files for one in mutants(file, (ROOT / PACKAGE / file).read_text(), enums)]
    chosen = [one for one in every if within in one.within][:: _QUICK if quick else 1]
    claims = [one for one in claims_of(EQUIVALENT.read_text()) if one.file in files]
    with tempfile.TemporaryDirectory(prefix="lampwell-mutants-") as folder:
        found = fates(chosen, Path(folder), jobs=jobs, progress=_Progress(len(chosen)))
    claimed = {claim.same for claim in claims}
    verdicts = [Verdict(mutant, fate, mutant.same in claimed) for mutant, fate in zip(chosen, found, strict=True)]
    stale = [claim for claim in claims if claim.same not in {one.same for one in every}]
    _print(verdicts, stale)
    return told(verdicts, stale) | {"quick": quick, "seconds": round(time.monotonic() - began)}


def claims_of(text: str) -> list[Claim]:
    """The mutants a TOML text says to be equivalent."""
    return [Claim(**one) for one in tomllib.loads(text).get("equivalent", [])]


def share(verdicts: Sequence[Verdict]) -> float | None:
    """Per cent killed of those that may be told from the true engine; None = there are none."""
    words = Counter(one.word for one in verdicts)
    killed = words["killed"] + words["timeout"]
    return round(100 * killed / (killed + words["survived"]), 1) if killed + words["survived"] else None


def told(verdicts: Sequence[Verdict], stale: Sequence[Claim]) -> dict[str, Any]:
    """The JSON: counts per file, the survivors, and each target with its limit."""
    files = {file: dict(Counter(v.word for v in verdicts if v.mutant.file == file)) for file in _files(verdicts)}
    killed = sum(v.fate is not Fate.SURVIVED for v in verdicts)
    wrong = sum(v.word == "wrong claim" for v in verdicts) + len(stale)
    return {
        "files": files,
        "survivors": [_line(v.mutant) for v in verdicts if v.word == "survived"],
        "killed of all, equivalent ones too, %": round(100 * killed / len(verdicts), 1) if verdicts else None,
        "targets": {
            "killed of those not equivalent, %": [share(verdicts), LEAST_KILLED, ">="],
            "wrong or outdated claims of equivalence": [wrong, 0, "<="],
        },
    }


# -- the tables ------------------------------------------------------------------------------------------------------------------


class _Progress:
    """A line on the screen now and then: the whole takes minutes."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.fates = total, 0, Counter[Fate]()

    def __call__(self, fate: Fate) -> None:
        self.done += 1
        self.fates[fate] += 1
        if self.done % 50 == 0:
            print(f"  {self.done} of {self.total}: {', '.join(f'{n} {word}' for word, n in self.fates.items())}", flush=True)


_COLUMNS = ("killed", "timeout", "survived", "equivalent", "wrong claim")


def _print(verdicts: Sequence[Verdict], stale: Sequence[Claim]) -> None:
    print(f"\n{'file':<18}{'mutants':>9}{''.join(f'{word:>13}' for word in _COLUMNS)}{'killed %':>10}")
    for file in [*_files(verdicts), ""]:
        rows = [one for one in verdicts if file in ("", one.mutant.file)]
        words = Counter(one.word for one in rows)
        print(f"{file or 'all':<18}{len(rows):>9}{''.join(f'{words[word]:>13}' for word in _COLUMNS)}{share(rows) or '-':>10}")
    for one in verdicts:
        if one.word in ("survived", "wrong claim"):
            print(f"\n{one.word}: {_line(one.mutant)}\n  - {one.mutant.was}\n  + {one.mutant.now}")
    for claim in stale:
        print(f"\nno such mutant any more: {claim.file} {claim.within}\n  - {claim.was}\n  + {claim.now}")


def _files(verdicts: Sequence[Verdict]) -> list[str]:
    return list(dict.fromkeys(one.mutant.file for one in verdicts))


def _line(mutant: Mutant) -> str:
    return f"{mutant.file}:{mutant.line} {mutant.within or 'module'} [{mutant.kind}]"


def main() -> int:
    """Run, print the line of JSON, and judge."""
    parser = argparse.ArgumentParser(prog="bench.mutants", description=__doc__.splitlines()[0])
    parser.add_argument(
        "files", nargs="*", metavar="FILE", choices=[[], *ENGINE], help=f"some of: {' '.join(ENGINE)} (default: all)"
    )
    parser.add_argument("--within", default="", metavar="NAME", help="only functions whose name holds this")
    parser.add_argument("--quick", action="store_true", help=f"one mutant in {_QUICK}; do not quote the figures")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copies are removed on that way out too
    found = run(given.files or ENGINE, quick=given.quick, within=given.within, jobs=given.jobs)
    missed = [
        name
        for name, (figure, limit, sense) in found["targets"].items()
        if figure is None or (figure < limit if sense == ">=" else figure > limit)
    ]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    print(json.dumps({"machine": machine} | found | {"missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
