"""The pytest plugin of `make mutants`: the same examples every time, nothing kept, no search for the smallest, quick tests first.

It is copied beside the mutated package and refuses to test any other one.
"""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

import control.alarms

ELSEWHERE = 9
"""Exit code: the tests would run against another package than the mutated one."""

CPU_S = (3.0, 10.0, 40.0)
"""What one table, property or state machine may take: some ten times what it does."""

settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")


def pytest_sessionstart() -> None:
    """A mutant that runs away must not take the machine with it."""
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
    if not Path(control.alarms.__file__).is_relative_to(Path.cwd()):
        pytest.exit(f"{control.alarms.__file__} is not the mutated copy", ELSEWHERE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tables, then properties, then state machines: most mutants die at once."""
    items.sort(key=_weight)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that never ends is ended by the signal of its timer, by CPU time: a busy machine changes nothing."""
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S[_weight(item)])


def _weight(item: pytest.Item) -> int:
    """0 = a table, 1 = a property, 2 = a state machine."""
    return 2 if item.name == "runTest" else int(hasattr(getattr(item, "function", None), "hypothesis"))
