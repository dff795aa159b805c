"""A county as files: one folder, read whole, checked whole, refused with every reason at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lampwell.assets import County
from lampwell.county.build import Profiles, build_county, build_devices
from lampwell.county.checks import check_rows
from lampwell.county.read import read_folder
from lampwell.errors import ConfigError, Problem

__all__ = ["load", "place_lines"]


def load(folder: Path) -> County:
    """The county that ``folder`` describes (docs/configuration.md). ConfigError with all problems found, not the first."""
    if not folder.is_dir():
        raise ConfigError([Problem(str(folder), "", "there is no such folder")])
    problems: list[Problem] = []
    try:
        rows = read_folder(folder, problems)
    except OSError as error:
        raise ConfigError([Problem(str(folder), "", f"can not be read: {error.strerror}")]) from None
    problems.extend(check_rows(rows))
    devices = build_devices(rows, Profiles(folder, problems))
    if problems or rows.county is None:
        raise ConfigError(dict.fromkeys(problems))
    return build_county(rows.county.model, rows, devices, folder)


def place_lines(county: County, folder: Path | None = None) -> County:
    """The county with relative serial paths meant from ``folder``: by default ``run/<county id>``, where the virtual field makes
    its lines. An absolute path (a real port) stays as it is.
    """
    base = (folder or Path("run") / county.id).resolve()
    return replace(county, links=tuple(replace(link, path=str(base / link.path)) if link.path else link for link in county.links))
