"""The files that keep an edge node's lighting state, beside the journal. Everything here blocks.

The plan has a file of its own, by its version, because it is large and seldom new; all else is one small file that is replaced
whole, so that a kill leaves the old state or the new one and never half of either.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import replace
from pathlib import Path

import msgspec

from gateway.lighting.kept import Kept

log = logging.getLogger(__name__)

FORMAT = 1


class _File(msgspec.Struct, kw_only=True):
    """``hash`` of ``kept``, ``plan_hash`` of the plan's file ("" there is none)."""

    format: int
    hash: str
    plan_hash: str
    kept: msgspec.Raw


class LightingStore:
    """``durable`` is False after a write that the disk did not take; the state then lives in memory until one succeeds.
    ``damaged``: there was a state once, and it could not be read.
    """

    def __init__(self, path: Path) -> None:
        self.durable = True
        self.damaged = False
        self._path = path
        self._plan = (0, "")

    def load(self) -> Kept:
        """What was kept; nothing where there is no file. A damaged file is put aside and told, and nothing is taken from it:
        control sends the plan again, and meanwhile the devices go by their own tables.
        """
        try:
            kept = self._read(self._path.read_bytes())
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            log.error("%s can not be used, this edge node has no lighting plan: %s", self._path, error)
            self.damaged = True
            self._put_aside()
            return Kept()
        self._plan = kept.version, kept.document
        return kept

    def save(self, kept: Kept) -> bool:
        """Write it through to the disk (some milliseconds). False, told once, where the disk does not take it."""
        plan = self._plan_path(kept.version)
        try:
            if kept.document and (kept.version, kept.document) != self._plan:
                _write(plan, kept.document.encode())
                self._plan = kept.version, kept.document
            _write(self._path, _written(kept))
            for old in self._path.parent.glob(f"{self._path.stem}-plan-*.json"):
                if old != plan:
                    old.unlink()
        except OSError as error:
            if self.durable:
                log.error("%s: the lighting state can not be kept, a restart would forget it: %s", self._path, error)
            self.durable = False
            return False
        self.durable = True
        return True

    def _read(self, raw: bytes) -> Kept:
        file = msgspec.json.decode(raw, type=_File)
        body = bytes(file.kept)
        if file.format != FORMAT:
            raise ValueError(f"format {file.format}; this program knows {FORMAT}")
        if file.hash != _hash(body):
            raise ValueError("the hash does not fit, it is damaged")
        kept = msgspec.json.decode(body, type=Kept)
        if not file.plan_hash:
            return kept
        plan = self._plan_path(kept.version)
        if not plan.exists():
            raise ValueError(f"{plan.name} is gone")
        document = plan.read_bytes()
        if file.plan_hash != _hash(document):
            raise ValueError(f"{plan.name}: the hash does not fit, it is damaged")
        return replace(kept, document=document.decode())

    def _plan_path(self, version: int) -> Path:
        return self._path.with_name(f"{self._path.stem}-plan-{version}.json")

    def _put_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".damaged"))
        except OSError as error:
            log.warning("%s: can not be put aside: %s", self._path, error)


def _written(kept: Kept) -> bytes:
    body = msgspec.json.encode(replace(kept, document=""))
    plan_hash = _hash(kept.document.encode()) if kept.document else ""
    return msgspec.json.encode(_File(format=FORMAT, hash=_hash(body), plan_hash=plan_hash, kept=msgspec.Raw(body)))


def _write(path: Path, data: bytes) -> None:
    partial = path.with_suffix(".new")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync_folder(path.parent)


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
