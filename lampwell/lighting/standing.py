"""What stands above the programs at a moment: overrides and what the light sensors say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lampwell.lighting.model import Layer, Override


class Standing:
    """Overrides in force or to come, by target; ``dark``: lux rule -> the sensors' verdict, None or absent: they have none."""

    __slots__ = ("_by_target", "dark")

    def __init__(self, overrides: Iterable[Override] = (), dark: Mapping[str, bool | None] | None = None) -> None:
        self.dark: Mapping[str, bool | None] = dark or {}
        self._by_target: dict[str, list[Override]] = {}
        for one in overrides:
            for target in one.targets:
                self._by_target.setdefault(target, []).append(one)

    def without_sensors(self) -> Standing:
        """The same overrides where the sensors are silent."""
        bare = Standing()
        bare._by_target = self._by_target
        return bare

    def names(self, target: str) -> bool:
        """Some override is for this target itself."""
        return target in self._by_target

    def winner(self, names: Sequence[str], at: int) -> Override | None:
        """The override that decides at an instant for a target of these names: a loop's own, a lamp's own and its loop's."""
        standing = self._of(names)
        if not standing:
            return None
        live = [one for one in standing if _in_force(one, at) and not _replaced(one, standing, at)]
        return max(live, key=_rank, default=None)

    def just_ended(self, names: Sequence[str], at: int) -> Override | None:
        """The lease whose way back (``ramp_back_s``) is not over yet."""
        for one in self._of(names):
            if (
                one.end is not None
                and one.end <= at < one.end + one.ramp_back_s * 1000
                and self.winner(names, one.end - 1) is one
            ):
                return one
        return None

    def _of(self, names: Sequence[str]) -> list[Override]:
        if not self._by_target:
            return []
        return [one for name in names for one in self._by_target.get(name, ())]

    def bounds(self, target: str) -> Iterator[int]:
        """Every instant at which an override of the target begins or ends."""
        for one in self._by_target.get(target, ()):
            yield one.start
            if one.end is not None:
                yield one.end


NOTHING = Standing()
"""No overrides, no sensors."""


def _in_force(one: Override, at: int) -> bool:
    return one.start <= at and (one.end is None or at < one.end)


def _replaced(one: Override, others: Iterable[Override], at: int) -> bool:
    """A later lease that began while this one held has taken its place for good (TALQ)."""
    if one.layer is not Layer.LEASE:
        return False
    return any(
        other.layer is Layer.LEASE and other is not one and _later(other, one) and one.start <= other.start <= at
        for other in others
    )


def _later(one: Override, other: Override) -> bool:
    return (one.issued, one.id) > (other.issued, other.id)


def _rank(one: Override) -> tuple[int, int, int, str]:
    """Layer first; of locks the lower level, of leases the last issued."""
    lower = -one.level if one.layer is not Layer.LEASE else 0
    return one.layer, lower, one.issued, one.id
