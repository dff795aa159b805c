"""A way through a JSON document that knows where it is and what was read, so that each refusal and each loss names its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lampwell.config_words import shown
from lampwell.errors import LampwellError


class TalqRefused(LampwellError):
    """What stands here is not, or not yet, understood; the message names the place in the document."""


@dataclass(frozen=True, slots=True)
class At:
    """A value and the way to it. ``read``: the places of the document that were asked for."""

    value: Any
    path: str
    read: set[str] = field(default_factory=set, compare=False)

    def refuse(self, reason: str) -> TalqRefused:
        """The error to raise about this place."""
        return TalqRefused(f"{self.path}: {reason}")

    def get(self, key: str) -> At:
        """A property that must be there."""
        if not isinstance(self.value, Mapping):
            raise self.refuse("must be an object")
        if key not in self.value:
            raise self.refuse(f"{key} is missing")
        return self._below(self.value[key], f"{self.path}.{key}")

    def has(self, key: str) -> bool:
        """A property is there and not null."""
        return isinstance(self.value, Mapping) and self.value.get(key) is not None

    def items(self, key: str) -> list[At]:
        """The items of an array that may be absent."""
        return self.get(key).as_items() if self.has(key) else []

    def as_items(self) -> list[At]:
        """The items of an array."""
        if not isinstance(self.value, Sequence) or isinstance(self.value, str):
            raise self.refuse("must be an array")
        return [self._below(each, f"{self.path}[{n}]") for n, each in enumerate(self.value)]

    def unread(self) -> Iterator[str]:
        """The places from here on that hold something and that nobody has asked for."""
        if isinstance(self.value, Mapping):
            below = [(each, f"{self.path}.{key}") for key, each in self.value.items()]
        elif isinstance(self.value, list):
            below = [(each, f"{self.path}[{n}]") for n, each in enumerate(self.value)]
        else:
            return
        for value, path in below:
            if path in self.read:
                yield from At(value, path, self.read).unread()
            elif value not in (None, [], {}):
                yield path

    def _below(self, value: Any, path: str) -> At:
        self.read.add(path)
        return At(value, path, self.read)

    def text(self) -> str:
        """Checked to be text."""
        if not isinstance(self.value, str):
            raise self.refuse(f"must be text, not {shown(self.value)}")
        return self.value

    def whole(self, low: int, high: int) -> int:
        """Checked to be a whole number within bounds."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not low <= self.value <= high:
            raise self.refuse(f"must be a whole number from {low} to {high}, not {shown(self.value)}")
        return self.value

    def number(self) -> float:
        """Checked to be a number of at least 0."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool) or not 0 <= self.value < 1e6:
            raise self.refuse(f"must be a number of at least 0, not {shown(self.value)}")
        return float(self.value)
