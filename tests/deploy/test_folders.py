"""Data folders: two times are never mixed, nothing of anyone else's is touched."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.folders import FolderRefused, locked, prepare

NOW = datetime(2026, 6, 21, 18, 30, tzinfo=UTC)


def ready(folder: Path, *, shifted: bool = False, keep: bool = False, county: str = "taihe"):
    return prepare(folder, county=county, shifted=shifted, keep=keep, now=NOW)


def test_real_clock_goes_on_in_its_data(tmp_path: Path) -> None:
    """Stopping and starting the demo must not lose yesterday."""
    ready(tmp_path / "d")
    (tmp_path / "d" / "history").write_text("readings")
    assert "going on" in ready(tmp_path / "d").en
    assert (tmp_path / "d" / "history").exists()


@pytest.mark.parametrize(("first", "second"), [(True, True), (False, True), (True, False)])
def test_times_are_never_mixed(tmp_path: Path, first: bool, second: bool) -> None:
    """Readings of a shifted clock among real ones could never be told apart again; the old ones are kept aside."""
    ready(tmp_path / "d", shifted=first)
    (tmp_path / "d" / "history").write_text("readings")
    said = ready(tmp_path / "d", shifted=second)
    assert not (tmp_path / "d" / "history").exists()
    assert (tmp_path / "d-20260621-183000" / "history").read_text() == "readings"
    assert "d-20260621-183000" in said.en


def test_three_drills_in_one_second_keep_three_folders(tmp_path: Path) -> None:
    """The name of a folder put aside must never hit another."""
    for _ in range(4):
        ready(tmp_path / "d", shifted=True)
    assert len(list(tmp_path.iterdir())) == 4


def test_keep_goes_on_in_a_drill(tmp_path: Path) -> None:
    """A drill can be taken up again when the officer asks for it."""
    ready(tmp_path / "d", shifted=True)
    assert "going on" in ready(tmp_path / "d", shifted=True, keep=True).en


def test_a_strangers_folder_is_refused(tmp_path: Path) -> None:
    """``--data ~`` must not move a home directory aside."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FolderRefused, match="not a lampwell data folder"):
        ready(tmp_path, shifted=True)


def test_what_services_left_is_gone_on_with(tmp_path: Path) -> None:
    """`lampwell sim run` and `lampwell gateway` use the same folder; the demo after them must start, and keep their data."""
    for name in ("serial", "edge-1"):
        (tmp_path / "d" / name).mkdir(parents=True)
    said = prepare(tmp_path / "d", county="taihe", shifted=False, keep=False, now=NOW, edges=["edge-1"])
    assert "going on" in said.en
    assert (tmp_path / "d" / "edge-1").exists()


def test_another_countys_data_are_refused(tmp_path: Path) -> None:
    """Two counties in one store would share device ids."""
    ready(tmp_path / "d", county="wanan")
    with pytest.raises(FolderRefused, match="wanan"):
        ready(tmp_path / "d")


def test_a_running_demos_folder_is_refused(tmp_path: Path) -> None:
    """A second drill must not move the folder of the first away under it."""
    ready(tmp_path / "d", shifted=True)
    with locked(tmp_path / "d"), pytest.raises(FolderRefused, match="running"):
        ready(tmp_path / "d", shifted=True)
