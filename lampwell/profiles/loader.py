"""Finding and reading profile files; ``expansion`` turns them into profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lampwell.config import read_toml, validate
from lampwell.errors import ConfigError, Problem
from lampwell.profiles.expansion import Source, expand
from lampwell.profiles.files import ProfileFile
from lampwell.profiles.model import Profile
from lampwell.profiles.parameters import resolve

SHIPPED = Path(__file__).parent / "data"


def shipped_profiles() -> tuple[str, ...]:
    """The ids of the profiles that come with lampwell."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def load_profile(id_or_path: str, parameters: Mapping[str, object] | None = None, folder: Path | None = None) -> Profile:
    """The profile for one device; ``folder`` is the county's, whose own ``profiles/*.toml`` come before the shipped ones.

    ConfigError with everything that is wrong with the file or with the parameters.
    """
    source = read_profile(id_or_path, folder)
    values, wrong = resolve(source.file.parameters, parameters or {})
    if wrong:
        raise ConfigError(Problem(source.entry.file, f"parameter {name}", reason) for name, reason in wrong)
    return expand(source, values)


def read_profile(id_or_path: str, folder: Path | None = None) -> Source:
    """The file behind a profile id (or path ending in .toml, relative to the county's folder). ConfigError if it is none."""
    path, name = _find(id_or_path, folder)
    problems: list[Problem] = []
    entry = read_toml(path, name, problems)
    file = validate(ProfileFile, entry, problems) if entry else None
    if entry and file and not id_or_path.endswith(".toml") and file.id != id_or_path:
        problems.append(entry.problem(f"must be {id_or_path!r} like the name of the file, not {file.id!r}", "id"))
    if problems or file is None or entry is None:
        raise ConfigError(problems)
    return Source(file=file, entry=entry)


def _find(id_or_path: str, folder: Path | None) -> tuple[Path, str]:
    if id_or_path.endswith(".toml"):
        return (folder or Path()) / id_or_path, id_or_path
    name = f"profiles/{id_or_path}.toml"
    if folder and (own := folder / name).is_file():
        return own, name
    if id_or_path not in shipped_profiles():
        reason = f"there is no such profile; shipped are {', '.join(shipped_profiles())}"
        raise ConfigError([Problem(name, "", reason)])
    return SHIPPED / f"{id_or_path}.toml", f"lampwell/profiles/data/{id_or_path}.toml"
