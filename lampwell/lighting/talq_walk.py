"""A way through a JSON document that knows where it is, so that each refusal names its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lampwell.errors import LampwellError


class TalqRefused(LampwellError):
    """What stands here is not, or not yet, understood; the message names the place in the document."""


@dataclass(frozen=True, slots=True)
class At:
    """A value and the way to it."""

    value: Any
    path: str

    def refuse(self, reason: str) -> TalqRefused:
        """The error to raise about this place."""
        return TalqRefused(f"{self.path}: {reason}")

    def get(self, key: str) -> At:
        """A property that must be there."""
        if not isinstance(self.value, Mapping):
            raise self.refuse("must be an object")
        if key not in self.value:
            raise self.refuse(f"{key} is missing")
        return At(self.value[key], f"{self.path}.{key}")

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
        return [At(each, f"{self.path}[{n}]") for n, each in enumerate(self.value)]

    def text(self) -> str:
        """Checked to be text."""
        if not isinstance(self.value, str):
            raise self.refuse(f"must be text, not {self.value!r}")
        return self.value

    def whole(self, low: int, high: int) -> int:
        """Checked to be a whole number within bounds."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not low <= self.value <= high:
            raise self.refuse(f"must be a whole number from {low} to {high}, not {self.value!r}")
        return self.value

    def number(self) -> float:
        """Checked to be a number of at least 0."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool) or not 0 <= self.value < 1e6:
            raise self.refuse(f"must be a number of at least 0, not {self.value!r}")
        return float(self.value)
