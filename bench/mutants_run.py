"""A mutant against the tests, in a copy of the packages; the tree itself is never touched."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.mutants_make import Mutant

ROOT = Path(__file__).parents[1]
PACKAGE = Path("control/alarms")
TESTS = Path("tests/alarms")
_PROFILE = Path(__file__).with_name("mutants_profile.py")
_ELSEWHERE = 9  # mutants_profile.ELSEWHERE; not imported, for that would load the true package here
_SETTINGS = "[pytest]\naddopts = --import-mode=importlib\n"
"""Not the project's own: those want plugins that take longer to load than most mutants live."""
_MORE_S = 10.0
"""A mutant may take ten times as long as the tests without one, and so much more for a busy machine."""


class Fate(StrEnum):
    """What became of a mutant. A timeout is a kill: with the fault the tests never end."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Copy:
    """A folder with the packages, the tests and the profile; whoever has it alone may change it."""

    folder: Path

    def lay(self, root: Path, tests: Path) -> Copy:
        """Fill it from ``root``, with the tests of the folder ``tests``."""
        leave = shutil.ignore_patterns("__pycache__")
        for part in ("lampwell", "control"):
            shutil.copytree(root / part, self.folder / part, ignore=leave)
        shutil.copytree(tests, self.folder / TESTS, ignore=leave)
        shutil.copy(_PROFILE, self.folder)
        (self.folder / "pytest.ini").write_text(_SETTINGS)
        return self

    def meets(self, file: str, source: str, timeout: float | None) -> Fate:
        """Whether the tests notice this text in the place of ``file`` (seconds at most; None = whatever it takes)."""
        target = self.folder / PACKAGE / file
        true = target.read_text()
        try:
            target.write_text(source)
            return self._test(timeout)
        finally:
            target.write_text(true)

    def _test(self, timeout: float | None) -> Fate:
        plugins = ["-p", "no:cacheprovider", "-p", "mutants_profile"]
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", *plugins, str(TESTS)]
        settings = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONHASHSEED": "0", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            command, cwd=self.folder, env=settings, stdout=quiet, stderr=quiet, start_new_session=True
        ) as tests:
            try:
                code = tests.wait(timeout)
            except subprocess.TimeoutExpired:
                return Fate.TIMEOUT
            finally:
                if tests.poll() is None:
                    os.killpg(tests.pid, signal.SIGKILL)
        if code == _ELSEWHERE:
            raise SystemExit("bench.mutants: the tests ran against another package than the mutated copy")
        if code == -signal.SIGVTALRM:
            return Fate.TIMEOUT
        return Fate.KILLED if code else Fate.SURVIVED


def fates(
    chosen: Sequence[Mutant],
    folder: Path,
    *,
    jobs: int = 2,
    progress: Callable[[Fate], object] = bool,
    root: Path = ROOT,
    tests: Path = ROOT / TESTS,
) -> list[Fate]:
    """The fate of each mutant, ``jobs`` at a time in copies below ``folder``. SystemExit if the tests fail without any, before or
    after: then a failure says nothing of a mutant.
    """
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for n in range(jobs):
        copies.put(Copy(folder / str(n)).lay(root, tests))
    timeout = 10 * _without_any(copies, root) + _MORE_S

    def fate(mutant: Mutant) -> Fate:
        with _lent(copies) as one:
            found = one.meets(mutant.file, mutant.source, timeout)
        progress(found)
        return found

    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(fate, chosen))
    _without_any(copies, root)
    return found


def _without_any(copies: queue.SimpleQueue[Copy], root: Path) -> float:
    """How long the tests take without a mutant, seconds. SystemExit if they fail."""
    began = time.monotonic()
    with _lent(copies) as one:
        if one.meets("core.py", (root / PACKAGE / "core.py").read_text(), None) is not Fate.SURVIVED:
            raise SystemExit("bench.mutants: the tests fail without any mutant")
    return time.monotonic() - began


@contextmanager
def _lent(copies: queue.SimpleQueue[Copy]) -> Iterator[Copy]:
    one = copies.get()
    try:
        yield one
    finally:
        copies.put(one)
