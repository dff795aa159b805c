"""Points in births: a birth certificate tells the catalogue (unit, range, deadband, labels), so no host needs a second one."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from lampwell.points import Deadband, Kind, Point, PollClass, Tests, Value
from lampwell.readings import Flag, Quality, quality_of
from lampwell.sparkplug import names
from lampwell.sparkplug.codec import Metric, Property
from lampwell.sparkplug.datatypes import DataType, kind_of

_DEFAULT = Point(path="default")


def settled(value: Value | None, flags: int) -> int:
    """The flags that go with a value on the wire: no value is never good (SENTINEL unless it is bad or stale already)."""
    if value is None and quality_of(flags) is Quality.GOOD:
        return flags | Flag.SENTINEL
    return flags


def quality_properties(flags: int) -> dict[str, Property]:
    """``Quality`` and ``quality/flags`` of a reading that is not simply good; {} for one that is."""
    if not flags:
        return {}
    return {
        names.QUALITY: Property(DataType.INT32, int(quality_of(flags))),
        names.FLAGS: Property(DataType.INT32, int(flags)),
    }


def flags_of(properties: Mapping[str, Property], value: Value | None) -> int:
    """Our flags for a reading off the wire. A node of another make has only ``Quality``: anything that is neither good nor stale
    is taken as bad (DEVICE); the absence of a value without a reason is SENTINEL.
    """
    own = properties.get(names.FLAGS)
    if own is not None and isinstance(own.value, int) and 0 <= own.value < 1 << 31:
        return settled(value, int(own.value))
    quality = properties.get(names.QUALITY)
    if quality is None or quality.value == Quality.GOOD:
        return settled(value, 0)
    return int(Flag.STALE if quality.value == Quality.STALE else Flag.DEVICE)


def point_properties(point: Point) -> dict[str, Property]:
    """What differs from the default of a point, as birth properties."""
    band, tests = point.deadband, point.tests
    found: dict[str, tuple[DataType, Value | None, Value | None]] = {
        names.ENG_UNIT: (DataType.STRING, point.unit, ""),
        names.ENG_LOW: (DataType.DOUBLE, tests.low, None),
        names.ENG_HIGH: (DataType.DOUBLE, tests.high, None),
        names.DEADBAND: (DataType.DOUBLE, band.absolute, 0.0),
        names.DEADBAND_PERCENT: (DataType.DOUBLE, band.percent, 0.0),
        names.HEARTBEAT: (DataType.DOUBLE, band.heartbeat_s, _DEFAULT.deadband.heartbeat_s),
        names.LABEL_ZH: (DataType.STRING, point.zh, ""),
        names.LABEL_EN: (DataType.STRING, point.en, ""),
        names.POLL_CLASS: (DataType.STRING, point.poll.value, _DEFAULT.poll.value),
        names.READ_ONLY: (DataType.BOOLEAN, not point.writable, True),
    }
    return {name: Property(kind, value) for name, (kind, value, default) in found.items() if value != default}


def point_of(metric: Metric) -> Point | None:
    """The point a birth metric declares, or None where its values cannot be readings (data sets, bytes, arrays, …)."""
    kind = kind_of(metric.type)
    if kind is None:
        return None
    entries = metric.properties
    return Point(
        path=metric.name,
        kind=kind,
        unit=_text(entries, names.ENG_UNIT),
        zh=_text(entries, names.LABEL_ZH),
        en=_text(entries, names.LABEL_EN),
        poll=_poll(entries),
        deadband=Deadband(
            absolute=_number(entries, names.DEADBAND) or 0.0,
            percent=_number(entries, names.DEADBAND_PERCENT) or 0.0,
            heartbeat_s=_number(entries, names.HEARTBEAT) or _DEFAULT.deadband.heartbeat_s,
        ),
        tests=Tests(low=_number(entries, names.ENG_LOW), high=_number(entries, names.ENG_HIGH)),
        writable=_is(entries, names.READ_ONLY, value=False),
    )


def reading(kind: Kind, raw: Value | None, properties: Mapping[str, Property]) -> tuple[Value | None, int]:
    """A value off the wire as (value, flags) of a point of this kind. NaN, infinities and integers beyond 64 signed bits
    are no values.
    """
    if raw is None or (type(raw) is float and not isfinite(raw)):
        return None, flags_of(properties, None)
    if kind is Kind.FLOAT:
        raw = float(raw)
    elif kind is Kind.INT and not -(1 << 63) <= int(raw) < 1 << 63:
        return None, flags_of(properties, None) | Flag.RANGE
    return raw, flags_of(properties, raw)


def _text(entries: Mapping[str, Property], name: str) -> str:
    value = entries[name].value if name in entries else None
    return value if isinstance(value, str) else ""


def _number(entries: Mapping[str, Property], name: str) -> float | None:
    value = entries[name].value if name in entries else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is(entries: Mapping[str, Property], name: str, *, value: bool) -> bool:
    return name in entries and entries[name].value is value


def _poll(entries: Mapping[str, Property]) -> PollClass:
    text = _text(entries, names.POLL_CLASS)
    return PollClass(text) if text in set(PollClass) else PollClass.FAST
