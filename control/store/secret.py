"""The secret that signs links: made once, kept beside the data, readable by its owner alone."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

NAME, VARIABLE = "link.key", "LAMPWELL_LINK_SECRET"
LENGTH = 32


def link_secret(data_dir: Path, env: str = VARIABLE) -> bytes:
    """The secret of the environment variable, or of the folder's file, which is made if there is none."""
    if text := os.environ.get(env, ""):
        return hashlib.sha256(text.encode()).digest()
    path = data_dir / NAME
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(handle, "wb") as file:
        made = secrets.token_bytes(LENGTH)
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made


def _read(path: Path) -> bytes:
    found = path.read_bytes()
    if len(found) != LENGTH:  # a crash while it was made: no link was signed with it yet
        path.unlink()
        return link_secret(path.parent, env="")
    return found
