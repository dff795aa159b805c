"""Files of other systems as they are given to commands: JSON of a size that a person could have meant."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lampwell.errors import ConfigError, Problem

MOST_BYTES = 16 << 20
"""The programs of a large city, several times over."""


def documents_of(files: Iterable[Path]) -> dict[str, Any]:
    """By the name of each file, or its path where names are alike. ConfigError."""
    every = list(dict.fromkeys(files))
    names = [path.name for path in every]
    return {path.name if names.count(path.name) == 1 else str(path): _document(path) for path in every}


def refuse_talq(wrong: Iterable[str]) -> None:
    """ConfigError, if anything is wrong: each with its place in the documents."""
    if problems := [Problem("TALQ", "", one) for one in wrong]:
        raise ConfigError(problems)


def _document(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise ConfigError([Problem(str(path), "", f"超过 is more than {MOST_BYTES >> 20} MB")])
        return json.loads(body.decode())
    except OSError as error:
        raise ConfigError([Problem(str(path), "", f"读不出 can not be read: {error.strerror}")]) from None
    except (ValueError, RecursionError) as error:  # no JSON, no text, a number of thousands of digits, a thousand brackets
        raise ConfigError([Problem(str(path), "", f"不是 JSON is no JSON: {error}")]) from None
