"""The secret that signs links: made once, kept beside the data, readable by its owner alone."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from control.store.errors import StateBroken
from lampwell.config import read_secret

NAME, VARIABLE = "link.key", "LAMPWELL_LINK_SECRET"
LENGTH = 32
"""Bytes of a key that is made, and the fewest a text given by a person may have (our choice: no short password)."""


def link_secret(data_dir: Path, env: str = VARIABLE) -> bytes:
    """The text of the file that the variable ``env``_FILE names, or of the variable, or else the key in the folder, which is made
    if there is none. StateBroken for a short text and a key that others may read; ConfigError for a named file that is not there.
    """
    if text := read_secret(os.environ.get(f"{env}_FILE", ""), env):
        if len(text.encode()) < LENGTH:
            raise StateBroken(
                f"{env}: should have at least {LENGTH} characters, but has {len(text)}; make one with: openssl rand -hex 32"
            )
        return hashlib.sha256(text.encode()).digest()
    path = data_dir / NAME
    try:
        if not path.exists():
            _make(path)
        found, mode = path.read_bytes(), path.stat().st_mode & 0o777
    except OSError as error:
        raise StateBroken(f"{path}: the key of the links can not be read or made: {error.strerror}") from error
    if len(found) != LENGTH:
        raise StateBroken(f"{path}: is no key of {LENGTH} bytes; delete it for a new one (links sent before stop working)")
    if mode & 0o077:
        raise StateBroken(f"{path}: others may read it (mode {mode:03o}); chmod 600 it, or delete it for a new one")
    return found


def _make(path: Path) -> None:
    """Whole or not at all, and of several processes that begin together one wins: the rest read its key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{NAME}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(LENGTH))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
