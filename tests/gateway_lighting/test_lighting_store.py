"""What the edge keeps of lighting survives restarts and kills, and damage is never believed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.lighting.book import Book
from gateway.lighting.kept import Dealt, Kept, shifted, stands, without_past
from gateway.lighting.steady import Reckoned
from gateway.lighting.store import LightingStore
from lampwell.lighting import Override, Text
from lampwell.lighting.model import Layer
from lampwell.lighting.wire import Said, State

AT = 1_790_000_000_000
LEASE = Override(
    id="o1",
    targets=("cabinet-01/loop1",),
    level=50,
    issued=AT,
    start=AT,
    end=AT + 7_200_000,
    ramp_s=10,
    who="王工",
    reason=Text(zh="节能", en="saving"),
)
LOCK = Override(id="o2", layer=Layer.CREW_LOCK, targets=("cabinet-01/loop2",), level=0, issued=AT, start=AT, who="李工")
DEALT = Dealt(
    id="o1", kind="lease", state=State.ACCEPTED, at=AT, since=AT, expires=AT + 60_000, reason=Said(zh="收到", en="taken"),
    targets=LEASE.targets, left_out={"cabinet-01/loop2": Said(zh="挂牌", en="locked")},
)  # fmt: skip
KEPT = Kept(
    version=3, hash="sha256:x", document='{"a": "字"}', overrides=(LEASE, LOCK), orders={"o1": DEALT},
    newest={"cabinet-01/loop1": AT}, saved=AT,
)  # fmt: skip


def test_everything_comes_back(tmp_path: Path) -> None:
    """A restart forgets no plan, lease, lock or order."""
    store = LightingStore(tmp_path / "lighting.json")
    assert store.load() == Kept()
    assert store.save(KEPT)
    assert LightingStore(tmp_path / "lighting.json").load() == KEPT


@pytest.mark.parametrize("harm", ["cut", "bit", "empty", "format"])
def test_damage_is_put_aside_and_not_believed(tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    """A torn or altered file gives no state at all, says so, and stays for whoever looks into it."""
    path = tmp_path / "lighting.json"
    LightingStore(path).save(KEPT)
    raw = path.read_bytes()
    changed = {
        "cut": raw[:-20],
        "bit": raw.replace(b'"level":50', b'"level":90'),
        "empty": b"",
        "format": raw.replace(b'"format":1', b'"format":2'),
    }[harm]
    path.write_bytes(changed)
    assert LightingStore(path).load() == Kept()
    assert path.with_suffix(".damaged").read_bytes() == changed
    assert "no lighting plan" in caplog.text


@pytest.mark.parametrize("harm", ["gone", "altered"])
def test_a_plan_without_its_file_is_no_plan(tmp_path: Path, harm: str) -> None:
    """The plan is kept apart from what changes often; without it, or with another in its place, nothing is believed."""
    path = tmp_path / "lighting.json"
    LightingStore(path).save(KEPT)
    plan = tmp_path / "lighting-plan-3.json"
    if harm == "gone":
        plan.unlink()
    else:
        plan.write_text(KEPT.document + " ")
    store = LightingStore(path)
    assert store.load() == Kept()
    assert store.damaged


def test_the_plan_is_written_once(tmp_path: Path) -> None:
    """Leases that run are saved every minute, for years: the large part is not written each time, and old plans go."""
    path = tmp_path / "lighting.json"
    LightingStore(path).save(KEPT)
    store = LightingStore(path)
    kept = store.load()
    before = (tmp_path / "lighting-plan-3.json").stat().st_mtime_ns
    store.save(replace(kept, saved=AT + 60_000))
    assert (tmp_path / "lighting-plan-3.json").stat().st_mtime_ns == before
    store.save(replace(kept, version=4, document="{}"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["lighting-plan-4.json", "lighting.json"]
    assert LightingStore(path).load().document == "{}"


def test_a_disk_that_takes_nothing_costs_nothing_but_durability(tmp_path: Path) -> None:
    """The gateway lights on from memory; the next write that works makes it durable again."""
    store = LightingStore(tmp_path / "gone" / "lighting.json")
    assert not store.save(KEPT)
    assert not store.durable
    (tmp_path / "gone").mkdir()
    assert store.save(KEPT)
    assert store.durable


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from gateway.lighting.book import Book
from gateway.lighting.kept import Kept
from gateway.lighting.store import LightingStore
store = LightingStore(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    store.save(Kept(version=n, hash=f"h{n}", document="x" * 200_000))
    print(n, flush=True)
"""


def test_kill_leaves_the_last_state_or_the_one_before(tmp_path: Path) -> None:
    """kill -9 at any moment: what was confirmed as saved is there, whole."""
    path = tmp_path / "lighting.json"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(5):
        confirmed = int(process.stdout.readline())
    time.sleep(0.037)
    os.kill(process.pid, signal.SIGKILL)
    confirmed = max([confirmed, *map(int, process.stdout.read().split())])
    process.wait()
    process.stdout.close()
    found = LightingStore(path).load()
    assert found.version in (confirmed, confirmed + 1)
    assert found.hash == f"h{found.version}"


def test_past_is_forgotten_and_locks_are_not() -> None:
    """Leases go when their way back is over, orders a day after they expired; what has no end stays."""
    assert without_past(KEPT, AT + 3_600_000) is KEPT
    later = without_past(KEPT, AT + 3 * 86_400_000)
    assert [one.id for one in later.overrides] == ["o2"]
    assert list(later.orders) == ["o1"]  # nothing has become of it yet


@pytest.mark.parametrize("away_ms", [0, 60_000, 7_000_000])
async def test_a_lease_of_an_earlier_life_keeps_its_end(tmp_path: Path, away_ms: int) -> None:
    """The node wakes without a clock, goes on from the time saved and hears the right one later: the end stays, also after a
    doubtful time; what is set once the time is known moves it as ever.
    """
    store = LightingStore(tmp_path / "lighting.json")
    store.save(KEPT)
    book = Book(store)
    await book.load()
    for moved, margin, end in ((0, 0, 0), (away_ms, 900_000, 0), (4_000, 0, 0), (30_000, 0, 30_000)):
        book.move(Reckoned(AT, known=margin > 0 or moved > 0, margin_ms=margin, moved=moved))
        (lease, _) = book.kept.overrides
        assert lease.end == AT + 7_200_000 + end


def test_a_lease_lasts_as_long_as_given_when_the_clock_is_set() -> None:
    """An hour forward or back moves its end along; a lock has none to move."""
    moved = shifted(KEPT, 3_600_000)
    (lease, lock) = stands(moved, AT)
    assert lease.end is not None
    assert lease.end - lease.start == 7_200_000
    assert lease.end == AT + 10_800_000
    assert lock.end is None
