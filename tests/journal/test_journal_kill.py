"""kill -9 of a real process at random instants: everything that was committed is there, once, and no offset is given twice."""

import random
import subprocess
import sys
from pathlib import Path

from gateway.journal import Journal

CHILD = """
import asyncio, sys
from pathlib import Path
from gateway.journal import Journal
from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan

async def main():
    node = NodeId("old-town", "edge-1")
    layout = Layout(node, "well-01", tuple(Point(path=f"p{i}") for i in range(20)))
    journal = Journal.open(Path(sys.argv[1]), limit_mb=50, now_ms=1)
    n = 0
    while True:
        scans = [journal.add(Scan(layout, n + i, tuple(range(20)), (float(n + i),) * 20, (0,) * 20)) for i in range(50)]
        n += 50
        print("published", scans[-1].offset, flush=True)
        await journal.flush()
        print("committed", scans[-1].offset, flush=True)

asyncio.run(main())
"""


def run_and_kill(path: Path, delay_lines: int) -> tuple[int, int]:
    """Run the child, kill it after so many lines: the last offset it said it had published, and committed."""
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = {"published": 0, "committed": 0}
    for number, line in enumerate(process.stdout):
        word, offset = line.split()
        last[word] = int(offset)
        if number >= delay_lines:
            process.kill()
            break
    for line in process.stdout:
        word, _, offset = line.partition(" ")
        if line.endswith("\n") and word in last:
            last[word] = int(offset)
    process.wait()
    return last["published"], last["committed"]


async def test_kill_at_random_instants_loses_nothing_committed(tmp_path: Path) -> None:
    """Five lives, each ended by SIGKILL between or within commits; segments stay apart, rows contiguous and right."""
    path, chance = tmp_path / "journal.db", random.Random(7)
    lives = [run_and_kill(path, chance.randrange(4, 30)) for _ in range(5)]
    journal = Journal.open(path, limit_mb=50, now_ms=1)
    scans = await journal.read(0, 1_000_000)
    for segment, (published, committed) in enumerate(lives, start=1):
        rows = [s for s in scans if (s.offset or 0) >> 32 == segment]
        assert [(s.offset or 0) & 0xFFFFFFFF for s in rows] == list(range(1, len(rows) + 1))
        assert committed <= (rows[-1].offset or 0) <= published
        assert all(s.values == (float(n),) * 20 and s.time == n for n, s in enumerate(rows))
    assert len({(p >> 32) for p, _ in lives}) == 5
    await journal.close()
