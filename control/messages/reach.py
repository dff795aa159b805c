"""The two tables of ``channels.toml`` beside its channels: ``[links]``, how a phone reaches the page to acknowledge on, and
``[watcher]``, who shouts when the sender has fallen silent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from control.messages.channels.files import EnvName, is_loopback
from lampwell.config import Entry, Settings, read_secret, read_toml, validate
from lampwell.errors import ConfigError, Problem

M = TypeVar("M", bound=Settings)
FILE = "channels.toml"
TABLES = ("links", "watcher")


def _base(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://lampwell.example.gov.cn")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https, since whoever reads the address can acknowledge; http is for this machine only")
    return value.rstrip("/")


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError("must be host:port, such as 127.0.0.1:8091; port 0 is any that is free")
    return value


class LinksFile(Settings):
    """``listen``: where the page is served; ``base``: how phones reach it (a proxy with TLS before it)."""

    listen: Annotated[str, AfterValidator(_listen)] = ""
    base: Annotated[str, AfterValidator(_base)] | None = None

    @model_validator(mode="after")
    def _something(self) -> LinksFile:
        if not self.listen and not self.base:
            raise ValueError("needs listen (the page is served by this control), or base (by another), or both")
        return self


class WatcherFile(Settings):
    """An address that is called every minute, and shouts when the calls stop; it may hold a token."""

    url_file: Annotated[str, Field(max_length=500)] = ""
    url_env: EnvName = ""

    @model_validator(mode="after")
    def _one(self) -> WatcherFile:
        if bool(self.url_file) == bool(self.url_env):
            raise ValueError("needs url_file or url_env")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """``listen``: (host, port), None = no page is served; ``base`` "": as it is served; ``watcher`` "": nobody watches."""

    listen: tuple[str, int] | None = None
    base: str = ""
    watcher: str = ""


def load_reach(folder: Path, env: Mapping[str, str] = os.environ) -> Reach:
    """Of a county's folder. ConfigError with everything that is wrong, a missing secret too."""
    problems: list[Problem] = []
    reach = read_reach(folder, problems, problems, env)
    if problems:
        raise ConfigError(problems)
    return reach


def read_reach(folder: Path, problems: list[Problem], warnings: list[Problem], env: Mapping[str, str] = os.environ) -> Reach:
    """The same, with what is wrong in ``problems`` and what is missing on this machine in ``warnings``."""
    if not (folder / FILE).exists():
        return Reach()
    whole = read_toml(folder / FILE, FILE, [])  # its own problems are told by who reads the channels
    if whole is None:
        return Reach()
    links, watcher = _table(whole, "links", LinksFile, problems), _table(whole, "watcher", WatcherFile, problems)
    host, _, port = links.listen.rpartition(":") if links else ("", "", "")
    return Reach(
        listen=(host.strip("[]"), int(port)) if host else None,
        base=(links.base or "") if links else "",
        watcher=_url(watcher, env, warnings) if watcher else "",
    )


def _table(whole: Entry, name: str, model: type[M], problems: list[Problem]) -> M | None:
    if name not in whole.data:
        return None
    data = whole.data[name]
    if not isinstance(data, dict):
        problems.append(whole.problem(f"must be a table, written [{name}]", name))
        return None
    return validate(model, Entry(file=FILE, data=data, path=(name,), lines=whole.lines), problems)


def _url(watcher: WatcherFile, env: Mapping[str, str], warnings: list[Problem]) -> str:
    if watcher.url_file:
        try:
            return read_secret(watcher.url_file, "")
        except ConfigError as error:
            warnings.extend(Problem(FILE, "watcher.url_file", f"{each.file}: {each.reason}") for each in error.problems)
            return ""
    found = env.get(watcher.url_env, "").strip()
    if not found:
        warnings.append(Problem(FILE, "watcher.url_env", f"the environment variable {watcher.url_env} is not set"))
    return found
