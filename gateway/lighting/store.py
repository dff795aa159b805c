"""The file that keeps an edge node's lighting state: one JSON beside the journal, replaced whole, so that a kill leaves the old
one or the new one and never half of either. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import msgspec

from gateway.lighting.kept import Kept

log = logging.getLogger(__name__)

FORMAT = 1


class _File(msgspec.Struct, kw_only=True):
    format: int
    hash: str
    kept: msgspec.Raw


class LightingStore:
    """``durable`` is False after a write that the disk did not take; the state then lives in memory until one succeeds.
    ``damaged``: there was a state once, and it could not be read.
    """

    def __init__(self, path: Path) -> None:
        self.durable = True
        self.damaged = False
        self._path = path

    def load(self) -> Kept:
        """What was kept; nothing where there is no file. A damaged file is put aside and told, and nothing is taken from it:
        control sends the plan again, and meanwhile the devices go by their own tables.
        """
        try:
            return _read(self._path.read_bytes())
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            log.error("%s can not be used, this edge node has no lighting plan: %s", self._path, error)
            self.damaged = True
            self._put_aside()
            return Kept()

    def save(self, kept: Kept) -> bool:
        """Write it through to the disk (some milliseconds). False, told once, where the disk does not take it."""
        partial = self._path.with_suffix(".new")
        try:
            with partial.open("wb") as file:
                file.write(_written(kept))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            if self.durable:
                log.error("%s: the lighting state can not be kept, a restart would forget it: %s", self._path, error)
            self.durable = False
            return False
        self.durable = True
        return True

    def _put_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".damaged"))
        except OSError as error:
            log.warning("%s: can not be put aside: %s", self._path, error)


def _written(kept: Kept) -> bytes:
    body = msgspec.json.encode(kept)
    return msgspec.json.encode(_File(format=FORMAT, hash=_hash(body), kept=msgspec.Raw(body)))


def _read(raw: bytes) -> Kept:
    file = msgspec.json.decode(raw, type=_File)
    body = bytes(file.kept)
    if file.format != FORMAT:
        raise ValueError(f"format {file.format}; this program knows {FORMAT}")
    if file.hash != _hash(body):
        raise ValueError("the hash does not fit, it is damaged")
    return msgspec.json.decode(body, type=Kept)


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _sync_folder(folder: Path) -> None:
    """The new name itself must be on the disk too, where the system knows such a thing."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
