"""The parts of reading files that a county does not show, and the promise that every key is documented."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from lampwell.config import Settings, read_csv, read_secret, read_toml, validate
from lampwell.county import files as county_files
from lampwell.county.read import COLUMNS, KNOWN_FILES
from lampwell.errors import ConfigError, Problem
from lampwell.profiles import files as profile_files
from lampwell.profiles.loader import shipped_profiles

DOC = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def models() -> list[type[BaseModel]]:
    """Every model that a person's file fills."""
    found = [*vars(county_files).values(), *vars(profile_files).values()]
    return [m for m in found if isinstance(m, type) and issubclass(m, Settings) and m is not Settings]


@pytest.mark.parametrize("model", sorted(models(), key=lambda m: m.__name__), ids=lambda m: m.__name__)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    """A key that docs/configuration.md does not name can not be found by those who need it."""
    missing = [name for name in model.model_fields if f"`{name}`" not in DOC and f"[{name}]" not in DOC]
    assert not missing


def test_every_file_and_profile_is_documented() -> None:
    """So are the files of a county and the shipped profiles."""
    assert [name for name in (*KNOWN_FILES, *shipped_profiles()) if f"`{name}`" not in DOC] == []


def test_every_unit_is_documented() -> None:
    """Who writes a profile must know how to spell a unit."""
    assert [unit for unit in profile_files.UNITS if f"`{unit}`" not in DOC] == []


def test_columns_are_the_keys() -> None:
    """A CSV can say all that TOML can."""
    flat = {column.partition(".")[0] for column in COLUMNS["devices"]}
    assert flat == set(county_files.DeviceFile.model_fields)


class Thing(Settings):
    """Something with a name and a count."""

    name: str
    count: int = 0
    inner: dict[str, int] = {}  # noqa: RUF012  pydantic copies defaults


def test_toml_problem_shows_the_line_of_a_nested_key(tmp_path: Path) -> None:
    """The line is found for keys of tables, arrays of tables and inline tables, one a line."""
    path = tmp_path / "a.toml"
    path.write_text('name = "x"\n\n[inner]\na = 1\n"b" = "two"\n')
    problems: list[Problem] = []
    entry = read_toml(path, "a.toml", problems)
    assert entry is not None
    assert validate(Thing, entry, problems) is None
    assert [str(p) for p in problems] == ["a.toml: line 5, inner.b: must be a whole number, not 'two'"]


def test_csv_rows_keep_their_own_line(tmp_path: Path) -> None:
    """Empty rows and cells that hold line breaks do not shift the numbers that a person sees in an editor."""
    path = tmp_path / "a.csv"
    path.write_text('name,count\n\n"two\nlines",1\n,,\nx,many\n'.replace(",,", ","), encoding="utf-8")
    problems: list[Problem] = []
    entries = read_csv(path, "a.csv", ("name", "count"), problems)
    made = [validate(Thing, entry, problems) for entry in entries]
    assert made[0] == Thing(name="two\nlines", count=1)
    assert [str(p) for p in problems] == ["a.csv: line 6, count: must be a whole number, not 'many'"]


def test_toml_takes_no_text_for_a_number(tmp_path: Path) -> None:
    """TOML has types, so "3" is a mistake there; a CSV cell has none."""
    (tmp_path / "a.toml").write_text('name = "x"\ncount = "3"\n')
    (tmp_path / "a.csv").write_text("name,count\nx,3\n")
    problems: list[Problem] = []
    entry = read_toml(tmp_path / "a.toml", "a.toml", problems)
    assert entry is not None
    assert validate(Thing, entry, problems) is None
    (row,) = read_csv(tmp_path / "a.csv", "a.csv", ("name", "count"), problems)
    assert validate(Thing, row, problems) == Thing(name="x", count=3)
    assert len(problems) == 1


def test_secret_comes_from_file_or_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line of the named file, else the variable, else none."""
    monkeypatch.setenv("LAMPWELL_TEST_SECRET", "from the environment")
    path = tmp_path / "secret"
    path.write_text("from the file\nnot this\n")
    assert read_secret(str(path), "LAMPWELL_TEST_SECRET") == "from the file"
    assert read_secret("", "LAMPWELL_TEST_SECRET") == "from the environment"
    monkeypatch.delenv("LAMPWELL_TEST_SECRET")
    assert read_secret("", "LAMPWELL_TEST_SECRET") == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the secret can not be read: there is no such file"),
        (b"\n", "should hold a secret"),
        (b"\xff", "it is not UTF-8 text"),
    ],
)
def test_secret_that_is_named_must_be_there(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """A named file that is absent or empty is refused, never taken for "no password"."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason):
        read_secret(str(path), "LAMPWELL_TEST_SECRET")
