"""``channels.toml`` of a county: read, checked, and opened as channels.

Secrets are never in the folder: a key names a file (its first line is the secret) or an environment variable. They are read only
when channels are opened, so that a folder can be checked anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from control.messages.channels.files import KINDS, ChannelFile, StandInFile, is_local
from control.messages.channels.vendors import VENDORS, narrowed
from control.messages.port import Channel, Limits
from control.messages.reach import TABLES
from lampwell.clock import Clock, SystemClock
from lampwell.config import Entry, read_secret, read_toml, validate
from lampwell.config_words import did_you_mean, either
from lampwell.errors import ConfigError, Problem

FILE = "channels.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """A channel as its county wants it. ``fallback``: ids of the channels to try, in order, when this one is broken. ``test_at``:
    minute of the day, county time, of the daily test, None for none. ``where``: its place in the file. ``keys``: the rest.
    """

    id: str
    kind: str
    zh: str
    en: str
    limits: Limits
    fallback: tuple[str, ...]
    test_at: int | None
    where: str
    keys: ChannelFile


def read_channels(folder: Path, problems: list[Problem]) -> tuple[ChannelSettings, ...]:
    """The channels of a county's folder, () where it has no ``channels.toml``; what is wrong is told in ``problems``."""
    path = folder / FILE
    if not path.exists():
        return ()
    whole = read_toml(path, FILE, problems)
    if whole is None:
        return ()
    known = ("channel", *TABLES)
    reason = "unknown key; this file holds [[channel]], [links] and [watcher]"
    problems.extend(whole.problem(reason, key) for key in whole.data if key not in known)
    entries = whole.tables("channel", problems)
    _check_ids(entries, problems)
    return tuple(channel for entry in entries if (channel := _channel(entry, problems)))


def load_channels(folder: Path) -> tuple[ChannelSettings, ...]:
    """The same; ConfigError with everything that is wrong."""
    problems: list[Problem] = []
    channels = read_channels(folder, problems)
    if problems:
        raise ConfigError(problems)
    return channels


def check_channels(
    folder: Path, problems: list[Problem], warnings: list[Problem], env: Mapping[str, str] = os.environ
) -> tuple[ChannelSettings, ...]:
    """``read_channels``, and in ``warnings`` what opening would miss here and now: secrets may well be on another machine."""
    channels = read_channels(folder, problems)
    for channel in channels:
        _secrets(channel, env, warnings)
    return channels


def open_channels(
    settings: Iterable[ChannelSettings], env: Mapping[str, str] = os.environ, clock: Clock | None = None
) -> dict[str, Channel]:
    """The channels by id. ConfigError with every secret that is missing.

    ``clock`` dates signatures, which vendors hold against real time: it is the machine's own unless a test gives another.
    """
    from control.messages.channels.opening import open_channel  # reading settings must not need the channels' libraries

    problems: list[Problem] = []
    secrets = [(channel, _secrets(channel, env, problems) | _stand_in_url(channel, env, problems)) for channel in settings]
    if problems:
        raise ConfigError(problems)
    opened: dict[str, Channel] = {}
    for channel, own in secrets:
        try:
            opened[channel.id] = open_channel(channel.keys, channel.limits, own, clock or SystemClock())
        except OSError as error:
            problems.append(Problem(FILE, f"{channel.where}.ca_file", f"can not be read: {error.strerror or 'no certificate'}"))
    if problems:
        raise ConfigError(problems)
    return opened


def _channel(entry: Entry, problems: list[Problem]) -> ChannelSettings | None:
    kind = entry.data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        wrong = f"must be {either(KINDS)}{did_you_mean(str(kind), KINDS)}" if "kind" in entry.data else "is missing"
        problems.append(entry.problem(wrong, "kind"))
        return None
    keys = validate(KINDS[kind], entry, problems)
    if keys is None:
        return None
    vendor = VENDORS[keys.like or kind] if isinstance(keys, StandInFile) else VENDORS[kind]
    if keys.per_minute is not None and vendor.per_minute and keys.per_minute > vendor.per_minute:
        problems.append(entry.problem(f"{keys.per_minute} is above the vendor's own limit of {vendor.per_minute}", "per_minute"))
        return None
    hour, _, minute = keys.test_at.partition(":")
    return ChannelSettings(
        id=keys.id,
        kind=kind,
        zh=keys.zh,
        en=keys.en,
        limits=narrowed(vendor, keys.per_minute),
        fallback=tuple(keys.fallback),
        test_at=int(hour) * 60 + int(minute) if keys.test_at else None,
        where=entry.where(),
        keys=keys,
    )


def _check_ids(entries: Sequence[Entry], problems: list[Problem]) -> None:
    """Ids are unique, and a fallback is another channel of this file."""
    ids = [entry.data.get("id") for entry in entries]
    for n, entry in enumerate(entries):
        if isinstance(ids[n], str) and ids[n] in ids[:n]:
            problems.append(entry.problem(f"{ids[n]!r} is the id of another channel too", "id"))
        fallback = entry.data.get("fallback")
        for name in fallback if isinstance(fallback, list) else ():
            if name == ids[n]:
                problems.append(entry.problem("a channel can not stand in for itself", "fallback"))
            elif isinstance(name, str) and name not in ids:
                hint = did_you_mean(name, [each for each in ids if isinstance(each, str)])
                problems.append(entry.problem(f"there is no channel {name!r}{hint}", "fallback"))


def _secrets(channel: ChannelSettings, env: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """The secrets that could be read; what is missing is told by its key, never by its value."""
    found: dict[str, str] = {}
    for name, _ in channel.keys.SECRETS:
        file, variable = getattr(channel.keys, f"{name}_file"), getattr(channel.keys, f"{name}_env")
        if file:
            try:
                found[name] = read_secret(file, "")
            except ConfigError as error:
                reasons = (f"{each.file}: {each.reason}" for each in error.problems)
                problems.extend(Problem(FILE, f"{channel.where}.{name}_file", reason) for reason in reasons)
        elif variable and not env.get(variable, "").strip():
            problems.append(Problem(FILE, f"{channel.where}.{name}_env", f"the environment variable {variable} is not set"))
        elif variable:
            found[name] = env[variable].strip()
    return found


def _stand_in_url(channel: ChannelSettings, env: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Where a stand-in listens: known at the latest when the demo runs."""
    if not isinstance(channel.keys, StandInFile):
        return {}
    url = channel.keys.url or env.get(channel.keys.url_env, "")
    if is_local(url):
        return {"url": url}
    wrong = "is not an address on this machine" if url else "is not set; a running demo sets it"
    problems.append(Problem(FILE, f"{channel.where}.url_env", f"the environment variable {channel.keys.url_env} {wrong}"))
    return {}
