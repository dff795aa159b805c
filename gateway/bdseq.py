"""bdSeq between lives: it must change on every CONNECT, so it is on the disk before the CONNECT that uses it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


class BdSeqFile:
    """One small file. A disk that takes nothing is logged and costs no connection: bdSeq goes on from memory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> int:
        """The last bdSeq used; -1 where none is known."""
        try:
            number = int(self._path.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return -1
        return number if 0 <= number <= 255 else -1

    def save(self, number: int) -> None:
        """Write it through to the disk (some milliseconds, once a connection)."""
        partial = self._path.with_suffix(".new")
        try:
            with partial.open("w", encoding="ascii") as file:
                file.write(str(number))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
        except OSError as error:
            log.warning("%s: bdSeq %d can not be kept: %s", self._path, number, error)
