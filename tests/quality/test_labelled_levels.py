"""The tests against real level series with human labels, where that development data lies beside the repository."""

import csv
import io
import tarfile
from datetime import datetime
from pathlib import Path

import pytest

from lampwell.points import Point
from lampwell.points import Tests as Limits
from lampwell.quality import make_judge

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "labelled-levels-dev.tar.xz"
MILLIMETRES = Limits(spike=30, rate_suspect=20, rate_bad=250)

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason="the labelled series are not on this machine")


@pytest.fixture(scope="module")
def shares() -> dict[str, tuple[bool, float]]:
    """Of each series: is it labelled clean, and which share of its samples was flagged (per thousand)."""
    with tarfile.open(ARCHIVE) as archive:
        texts = {m.name: (f.read().decode()) for m in archive if (f := archive.extractfile(m)) is not None}
    labels = next(csv.DictReader(io.StringIO(text)) for name, text in texts.items() if name.endswith("labels.csv"))
    clean = {row["series"]: row["clean"] == "1" for row in labels}
    return {stem: (clean[stem], flagged(text)) for name, text in texts.items() if (stem := Path(name).stem) in clean}


def flagged(text: str) -> float:
    """Flagged samples per thousand of one series."""
    judge, before, count, hits = make_judge(Point(path="level", tests=MILLIMETRES)), 0, 0, 0
    rows = csv.reader(io.StringIO(text))
    next(rows)
    for stamp, value in rows:
        now = int(datetime.fromisoformat(stamp).timestamp() * 1000)
        hits += judge.judge(float(value), now, before or now, False) != 0
        before, count = now, count + 1
    return 1000 * hits / count


def test_clean_series_are_left_alone(shares: dict[str, tuple[bool, float]]) -> None:
    """In the middle clean series fewer than 2 of 1,000 real samples are flagged at all."""
    clean = sorted(share for is_clean, share in shares.values() if is_clean)
    assert clean[len(clean) // 2] < 2


def test_obstructed_series_stand_out(shares: dict[str, tuple[bool, float]]) -> None:
    """The share of flagged samples ranks a series labelled as obstructed above a clean one in most pairs."""
    clean = [share for is_clean, share in shares.values() if is_clean]
    dirty = [share for is_clean, share in shares.values() if not is_clean]
    auc = sum(d > c for d in dirty for c in clean) / (len(clean) * len(dirty))
    assert auc > 0.75
