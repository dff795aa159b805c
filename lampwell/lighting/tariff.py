"""What a kilowatt-hour costs by the hour: many Chinese tariffs are cheap by night, where dimming saves most of the energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """CNY per kWh for each local hour 0..23, in ``months`` (none: all the year)."""

    hours: tuple[float, ...]
    months: tuple[int, ...] = ()
    zh: str = ""
    en: str = ""
    source: str = ""


FLAT = Tariff(hours=(0.0,) * 24, zh="未设电价", en="no tariff", source="none: CNY stay zero")


def tariff_of(tariffs: Sequence[Tariff], day: date) -> Tariff:
    """The first that fits the month; without one, money is not reckoned."""
    return next((one for one in tariffs if not one.months or day.month in one.months), FLAT)
