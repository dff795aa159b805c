"""What the onebox costs is measured over all its processes and agrees with an independent measurement."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from deploy.usage import age_s, usage


def test_agrees_with_psutil() -> None:
    """The summary's memory and CPU are what an administrator's tools would say."""
    ours, process = usage(), psutil.Process()
    every = [process, *process.children(recursive=True)]
    theirs = sum(each.memory_full_info().pss for each in every)
    assert ours.measure == "pss"
    assert ours.memory_mb == pytest.approx(theirs / 1e6, rel=0.2)
    assert ours.cpu_s == pytest.approx(sum(sum(each.cpu_times()[:2]) for each in every), abs=1)


def test_counts_children() -> None:
    """The broker and the hydraulics are processes of their own and must be in the sum."""
    before = usage()
    command = [sys.executable, "-c", "x = bytearray(50_000_000); print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with_child = usage()
        child.communicate("\n")
    assert with_child.processes == before.processes + 1
    assert with_child.memory_mb > before.memory_mb + 45


def test_a_process_that_has_ended_costs_nothing() -> None:
    """Children come and go while they are counted."""
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    assert usage(gone.pid).cpu_s == 0
    assert usage(os.getpid()).processes >= 1


def test_age_counts_from_the_start_of_the_program() -> None:
    """First readings are timed from when the newcomer pressed Enter, imports included."""
    assert age_s() == pytest.approx(time.time() - psutil.Process().create_time(), abs=2)
