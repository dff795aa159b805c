"""Sparkplug B payloads as values: encode and decode, metric by metric. For births, deaths, commands and foreign payloads;
the edge's hot path is ``fastwire``, which is byte-compatible with this.

``decode`` refuses bytes that are no payload with MalformedPayload and never raises anything else. A metric whose value
contradicts its own datatype keeps its place with ``value`` None and the reason in ``problem``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from lampwell.errors import LampwellError
from lampwell.points import Value
from lampwell.sparkplug.datatypes import (
    SIGNED_BITS,
    TEXTS,
    UNSIGNED_BITS,
    DataType,
    MetricValue,
    WrongType,
    interpret,
    type_name,
)
from lampwell.sparkplug.descriptor import MetricMessage, PayloadMessage

KNOWN_BYTES = 1000  # a larger property set is not kept in memory for the next one like it


class MalformedPayload(LampwellError):
    """Bytes that are not a Sparkplug payload, or a part of one that cannot be read; the message names the part."""


@dataclass(frozen=True, slots=True)
class Property:
    """One entry of a metric's property set; nested sets decode to bytes."""

    type: int
    value: Value | bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. ``name`` "" where only an alias came; ``type`` 0 where the sender left it out, and then integers are still
    the unsigned bits of the wire (``datatypes.interpret`` turns them). ``time`` is epoch ms UTC.
    """

    name: str = ""
    alias: int | None = None
    time: int | None = None
    type: int = DataType.UNKNOWN
    value: MetricValue | None = None
    historical: bool = False
    transient: bool = False
    properties: Mapping[str, Property] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A whole payload; ``seq`` is None in NDEATH and commands."""

    time: int | None = None
    metrics: tuple[Metric, ...] = ()
    seq: int | None = None


# -- encode --------------------------------------------------------------------------------------------------------


def encode(payload: Payload) -> bytes:
    """The payload's bytes; raises WrongType, naming the metric, for a value that its type cannot hold."""
    message = PayloadMessage()
    if payload.time is not None:
        message.timestamp = payload.time
    if payload.seq is not None:
        message.seq = payload.seq
    for metric in payload.metrics:
        _write_metric(message.metrics.add(), metric)
    data: bytes = message.SerializeToString()
    return data


def encode_properties(properties: Mapping[str, Property]) -> bytes:
    """The bytes of a metric's properties field alone, to be joined to a metric's others."""
    message = MetricMessage()
    _write_properties(message, properties)
    data: bytes = message.SerializeToString()
    return data


def _write_metric(out: Any, metric: Metric) -> None:
    if metric.name:
        out.name = metric.name
    if metric.alias is not None:
        out.alias = metric.alias
    if metric.time is not None:
        out.timestamp = metric.time
    if metric.type:
        out.datatype = metric.type
    if metric.historical:
        out.is_historical = True
    if metric.transient:
        out.is_transient = True
    _write_properties(out, metric.properties)
    if metric.value is None:
        out.is_null = True
        return
    try:
        _write_value(out, metric.type, metric.value)
    except (WrongType, ValueError, TypeError) as error:
        raise WrongType(f"metric {metric.name or metric.alias!r}: {error}") from None


def _write_properties(out: Any, properties: Mapping[str, Property]) -> None:
    for name, entry in properties.items():
        out.properties.keys.append(name)
        _write_property(out.properties.values.add(), entry)


def _write_property(out: Any, entry: Property) -> None:
    out.type = entry.type
    if entry.value is None:
        out.is_null = True
    else:
        _write_value(out, entry.type, entry.value)


def _write_value(out: Any, number: int, value: MetricValue) -> None:
    if number in SIGNED_BITS or number in UNSIGNED_BITS:
        field_name, bits = _integer_bits(DataType(number), value)
        setattr(out, field_name, bits)
    elif number == DataType.FLOAT:
        out.float_value = value
    elif number == DataType.DOUBLE:
        out.double_value = value
    elif number == DataType.BOOLEAN:
        out.boolean_value = value
    elif number in TEXTS:
        out.string_value = value
    elif isinstance(value, bytes) and number in _BYTES_FIELDS:
        setattr(out, _BYTES_FIELDS[number], value)
    else:
        raise WrongType(f"cannot encode {value!r} as {type_name(number)}")


_BYTES_FIELDS: dict[int, str] = {
    DataType.BYTES: "bytes_value",
    DataType.FILE: "bytes_value",
    DataType.DATASET: "dataset_value",
    DataType.TEMPLATE: "template_value",
    **{number: "bytes_value" for number in DataType if number >= DataType.INT8_ARRAY},
}


def _integer_bits(number: DataType, value: MetricValue) -> tuple[str, int]:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongType(f"{value!r} is not {type_name(number)}")
    signed = SIGNED_BITS.get(number)
    bits = signed or UNSIGNED_BITS[number]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= value <= high:
        raise WrongType(f"{value} does not fit {type_name(number)}")
    # the specification puts up to 32 bits in int_value, and small negatives sign-extended to 32
    return ("long_value", value & (1 << 64) - 1) if bits == 64 else ("int_value", value & (1 << 32) - 1)


# -- decode --------------------------------------------------------------------------------------------------------


def decode(data: bytes) -> Payload:
    """The payload in these bytes; raises MalformedPayload and nothing else."""
    try:
        message = PayloadMessage.FromString(data)
    except DecodeError:
        raise MalformedPayload(f"{len(data)} bytes are not a Sparkplug payload") from None
    return Payload(
        time=message.timestamp if message.HasField("timestamp") else None,
        metrics=tuple(read_metric(m, i) for i, m in enumerate(message.metrics)),
        seq=message.seq if message.HasField("seq") else None,
    )


def read_metric(message: Any, position: int) -> Metric:
    """One protobuf metric as a value; ``position`` names it in errors."""
    try:
        value, problem = _read_value(message)
        return Metric(
            name=message.name,
            alias=message.alias if message.HasField("alias") else None,
            time=message.timestamp if message.HasField("timestamp") else None,
            type=message.datatype,
            value=value,
            historical=message.is_historical,
            transient=message.is_transient,
            properties=read_properties(message),
            problem=problem,
        )
    except UnicodeDecodeError:
        raise MalformedPayload(f"metric {position + 1}: text is not UTF-8") from None


def raw_value(message: Any) -> Value | bytes | None:
    """Whichever value field a metric or property has set, as it is on the wire; None for a null or for none at all."""
    if message.is_null:
        return None
    which = message.WhichOneof("value")
    value: Value | bytes | None = getattr(message, which) if which else None
    return value


def _read_value(message: Any) -> tuple[MetricValue | None, str]:
    raw = raw_value(message)
    if raw is None:
        return None, ""
    try:
        return interpret(message.datatype, raw), ""
    except WrongType as error:
        return None, str(error)


def read_properties(message: Any) -> Mapping[str, Property]:
    """A metric's property set, not to be changed; raises MalformedPayload where keys and values do not pair."""
    if not message.HasField("properties"):
        return {}
    keys, values = message.properties.keys, message.properties.values
    if len(keys) != len(values):
        raise MalformedPayload(f"metric {message.name or message.alias!r}: {len(keys)} property keys, {len(values)} values")
    data = message.properties.SerializeToString()
    return _known_properties(data) if len(data) <= KNOWN_BYTES else _properties(keys, values)


@lru_cache(maxsize=4096)
def _known_properties(data: bytes) -> Mapping[str, Property]:
    """A thousand devices of one profile are born with the same few property sets."""
    message = MetricMessage().properties
    message.ParseFromString(data)
    return _properties(message.keys, message.values)


def _properties(keys: Iterable[str], values: Iterable[Any]) -> dict[str, Property]:
    return {key: _read_property(entry) for key, entry in zip(keys, values, strict=True)}


def _read_property(entry: Any) -> Property:
    raw = raw_value(entry)
    if isinstance(raw, bytes) or raw is None:
        return Property(entry.type, raw)
    try:
        value = interpret(entry.type, raw)
    except WrongType:
        return Property(entry.type, raw)
    return Property(entry.type, value if not isinstance(value, tuple) else None)


# -- the usual values, quickly ---------------------------------------------------------------------------------------
# Protobuf reads an absent field as its zero, so a zero needs a second look. None sends the metric down the thorough way.


def _plain_double(message: Any) -> float | None:
    value: float = message.double_value
    return value if value - value == 0.0 and (value or message.HasField("double_value")) else None


def _plain_int64(message: Any) -> int | None:
    value: int = message.long_value
    if value < 1 << 63:
        return value if value or message.HasField("long_value") else None
    return value - (1 << 64)


def _plain_boolean(message: Any) -> bool | None:
    value: bool = message.boolean_value
    return value if value or message.HasField("boolean_value") else None


def _plain_string(message: Any) -> str | None:
    return message.string_value or None


PLAIN_READERS: dict[int, Callable[[Any], Value | None]] = {
    DataType.DOUBLE: _plain_double,
    DataType.INT64: _plain_int64,
    DataType.BOOLEAN: _plain_boolean,
    DataType.STRING: _plain_string,
}
"""For the types our own edges use: a metric's value if it is in the type's own field and finite, else None."""
