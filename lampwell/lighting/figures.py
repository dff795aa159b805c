"""The figures of nights, as engineers judge a program: energy, money, hours, operations, darkness. They add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lampwell.lighting.model import OFF
from lampwell.lighting.standards import RoadStandard, class_of

FLOOR = 0.05
"""Share of rated power that a driver takes at its lowest level while its loop is on (domain streetlights 4.2)."""


def power_share(level: int) -> float:
    """Of rated power at a level; an open loop takes nothing."""
    return 0.0 if level <= OFF else FLOOR + (1 - FLOOR) * level / 100


SHARES = tuple(power_share(level) for level in range(101))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What hangs on a target: rated kW and the class of its road ("" unknown)."""

    kw: float
    road_class: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one or more targets over one or more nights.

    ``full_kwh`` and ``full_cny``: had every lamp burnt at 100 % whenever its program has light. ``dark_min``: minutes between
    sunset and sunrise below the class minimum; ``day_min``: minutes lit while the sun is up. ``operations``: openings and
    closings of contactors. ``lowest_lx``: the least average illuminance while lit, None where never lit or no class is known.
    """

    nights: int = 0
    burn_h: float = 0.0
    kwh: float = 0.0
    cny: float = 0.0
    full_kwh: float = 0.0
    full_cny: float = 0.0
    peak_kw: float = 0.0
    dark_min: float = 0.0
    day_min: float = 0.0
    operations: int = 0
    lowest_lx: float | None = None
    kw: float = 0.0
    """Rated power of the targets."""

    @property
    def full_hours(self) -> float | None:
        """Equivalent full-power hours; None without a load."""
        return self.kwh / self.kw if self.kw else None

    @property
    def saving(self) -> float | None:
        """Share of energy that dimming and half-night lamps save; None where nothing burns."""
        return 1 - self.kwh / self.full_kwh if self.full_kwh else None

    @property
    def money_saving(self) -> float | None:
        """Share of money; None without a tariff."""
        return 1 - self.cny / self.full_cny if self.full_cny else None

    @property
    def lowest_class(self) -> str | None:
        """The CJJ 45 class that the darkest lit hour still reaches: Ⅰ, Ⅱ, Ⅲ or ""; None where it is not known."""
        return None if self.lowest_lx is None else class_of(self.lowest_lx)


def total(parts: Iterable[Figures]) -> Figures:
    """Several targets together: sums, the lowest of the lowest, and as many nights as the longest."""
    every = list(parts)
    lows = [one.lowest_lx for one in every if one.lowest_lx is not None]
    return Figures(
        nights=max((one.nights for one in every), default=0),
        burn_h=sum(one.burn_h for one in every),
        kwh=sum(one.kwh for one in every),
        cny=sum(one.cny for one in every),
        full_kwh=sum(one.full_kwh for one in every),
        full_cny=sum(one.full_cny for one in every),
        peak_kw=sum(one.peak_kw for one in every),
        dark_min=sum(one.dark_min for one in every),
        day_min=sum(one.day_min for one in every),
        operations=sum(one.operations for one in every),
        lowest_lx=min(lows, default=None),
        kw=sum(one.kw for one in every),
    )


class Sums:
    """Figures of one kW of one pattern of levels, added up night by night; ``figures`` makes them those of a load."""

    __slots__ = ("burn", "cny", "dark", "day", "full", "full_cny", "low", "nights", "operations", "peak", "share")

    def __init__(self) -> None:
        self.nights = self.operations = self.burn = self.dark = self.day = self.full = 0
        self.share = self.cny = self.full_cny = self.peak = 0.0
        self.low: float = 101.0

    def burning(self, level: int, start: int, end: int, price: float) -> None:
        """A stretch at a level; ``price`` is what a steady kW would cost over it."""
        share = SHARES[level]
        self.burn += end - start
        self.share += share * (end - start)
        self.cny += share * price
        self.peak = max(self.peak, share)

    def figures(self, load: Load, standard: RoadStandard | None) -> Figures:
        """For a load on a road."""
        hour, kw = 3_600_000, load.kw
        return Figures(
            nights=self.nights,
            burn_h=self.burn / hour,
            kwh=self.share * kw / hour,
            cny=self.cny * kw / hour,
            full_kwh=self.full * kw / hour,
            full_cny=self.full_cny * kw / hour,
            peak_kw=self.peak * kw,
            dark_min=self.dark / 60_000 if standard else 0.0,
            day_min=self.day / 60_000,
            operations=self.operations,
            kw=kw,
            lowest_lx=standard.design_lx * self.low / 100 if standard and self.low <= 100 else None,
        )
