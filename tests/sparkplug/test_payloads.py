"""The codec: every type both ways, what other senders do differently, and bytes that are no payload."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import MalformedPayload, Metric, Payload, Property
from lampwell.sparkplug.datatypes import DataType, WrongType
from lampwell.sparkplug.descriptor import PayloadMessage

NOW = 1_780_000_000_000


def tck(*ids: str) -> pytest.MarkDecorator:
    """The assertions a test stands for; each becomes a test of that name."""
    return pytest.mark.parametrize("tck", ids)


def integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


VALUES: dict[int, st.SearchStrategy[object]] = {
    DataType.INT8: integers(8, signed=True),
    DataType.INT16: integers(16, signed=True),
    DataType.INT32: integers(32, signed=True),
    DataType.INT64: integers(64, signed=True),
    DataType.UINT8: integers(8, signed=False),
    DataType.UINT16: integers(16, signed=False),
    DataType.UINT32: integers(32, signed=False),
    DataType.UINT64: integers(64, signed=False),
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: st.text(),
    DataType.DATETIME: integers(64, signed=False),
    DataType.TEXT: st.text(),
    DataType.UUID: st.uuids().map(str),
    DataType.DATASET: st.binary(),
    DataType.BYTES: st.binary(),
    DataType.FILE: st.binary(),
    DataType.TEMPLATE: st.binary(),
}
BASIC = tuple(n for n in VALUES if n not in (DataType.DATASET, DataType.TEMPLATE, DataType.BYTES, DataType.FILE))


@st.composite
def typed(draw: st.DrawFn, numbers: tuple[int, ...] = tuple(VALUES)) -> tuple[int, object]:
    number = draw(st.sampled_from(numbers))
    return number, draw(st.none() | VALUES[number])


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    number, value = draw(typed())
    properties = draw(st.dictionaries(st.text(max_size=8), typed(BASIC).map(lambda p: Property(*p)), max_size=3))
    return Metric(
        name=draw(st.text(max_size=12)),
        alias=draw(st.none() | integers(64, signed=False)),
        time=draw(st.none() | integers(64, signed=False)),
        type=number,
        value=value,  # type: ignore[arg-type]
        historical=draw(st.booleans()),
        transient=draw(st.booleans()),
        properties=properties,
    )


payloads = st.builds(
    Payload,
    time=st.none() | integers(64, signed=False),
    metrics=st.lists(metrics(), max_size=4).map(tuple),
    seq=st.none() | st.integers(0, 255),
)


@given(payload=payloads)
@settings(deadline=None)
def test_every_payload_comes_back_as_it_was(payload: Payload) -> None:
    """All types, nulls, properties, aliases, history and transience, both ways."""
    assert codec.decode(codec.encode(payload)) == payload


@given(data=st.binary(max_size=300))
@example(data=b"\x12\x03\x0a\x01\xff")
@settings(deadline=None, max_examples=400)
def test_random_bytes_are_a_payload_or_malformed(data: bytes) -> None:
    """No bytes from the network may raise anything but MalformedPayload."""
    try:
        codec.decode(data)
    except MalformedPayload:
        return


@given(payload=payloads, data=st.data())
@settings(deadline=None, max_examples=300)
def test_mutated_payloads_are_a_payload_or_malformed(payload: Payload, data: st.DataObject) -> None:
    """Real payloads with bytes flipped, cut or doubled."""
    raw = bytearray(codec.encode(payload))
    for _ in range(data.draw(st.integers(1, 4))):
        if raw:
            at = data.draw(st.integers(0, len(raw) - 1))
            raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        codec.decode(bytes(raw))
    except MalformedPayload:
        return


@pytest.mark.parametrize(
    ("number", "field", "raw", "meant"),
    [
        (DataType.INT8, "int_value", 0xFF, -1),  # masked to its width
        (DataType.INT8, "int_value", 0xFFFFFFFF, -1),  # sign-extended to 32 bits
        (DataType.INT16, "long_value", (1 << 64) - 2, -2),  # sign-extended to 64 bits, in the other field
        (DataType.INT32, "int_value", 0x80000000, -(1 << 31)),
        (DataType.INT64, "int_value", 7, 7),
        (DataType.UINT32, "long_value", 4_000_000_000, 4_000_000_000),
        (DataType.UINT32, "int_value", 4_000_000_000, 4_000_000_000),
        (DataType.DOUBLE, "float_value", 0.5, 0.5),
        (DataType.FLOAT, "int_value", 3, 3.0),
        (DataType.BOOLEAN, "int_value", 1, True),
    ],
)
def test_whichever_field_is_set_is_read(number: int, field: str, raw: object, meant: object) -> None:
    """Other libraries choose other fields and other widths for the same value (domain pitfalls 4.4)."""
    message = PayloadMessage()
    setattr(message.metrics.add(datatype=number), field, raw)
    (metric,) = codec.decode(message.SerializeToString()).metrics
    assert (metric.value, type(metric.value), metric.problem) == (meant, type(meant), "")


@pytest.mark.parametrize(
    ("number", "field", "raw"),
    [
        (DataType.BOOLEAN, "int_value", 2),
        (DataType.BOOLEAN, "double_value", 1.0),
        (DataType.INT32, "double_value", 1.0),
        (DataType.INT32, "boolean_value", True),
        (DataType.DOUBLE, "string_value", "1.0"),
        (DataType.STRING, "int_value", 1),
        (DataType.BYTES, "string_value", "x"),
        (99, "int_value", 1),
        (DataType.INT16_ARRAY, "bytes_value", b"\0\0\0"),
        (DataType.BOOLEAN_ARRAY, "bytes_value", b"\x09\0\0\0\xff"),
        (DataType.STRING_ARRAY, "bytes_value", b"a"),
        (DataType.STRING_ARRAY, "bytes_value", b"\xff\0"),
    ],
)
def test_a_value_against_its_type_is_a_problem_not_a_number(number: int, field: str, raw: object) -> None:
    """The metric keeps its place, has no value, and says why."""
    message = PayloadMessage()
    setattr(message.metrics.add(name="m", datatype=number), field, raw)
    (metric,) = codec.decode(message.SerializeToString()).metrics
    assert metric.value is None
    assert metric.problem


@pytest.mark.parametrize(
    ("number", "raw", "meant"),
    [
        (DataType.INT8_ARRAY, b"\xef\x7b", (-17, 123)),
        (DataType.INT16_ARRAY, b"\x30\x8a\x39\x30", (-30160, 12345)),
        (DataType.UINT64_ARRAY, struct.pack("<2Q", 1, 1 << 63), (1, 1 << 63)),
        (DataType.FLOAT_ARRAY, struct.pack("<2f", 0.5, -2.0), (0.5, -2.0)),
        (DataType.DOUBLE_ARRAY, b"", ()),
        (DataType.BOOLEAN_ARRAY, b"\x0c\0\0\0\x34\xd0", tuple(c == "1" for c in "001101001101")),
        (DataType.STRING_ARRAY, b"ABC\0\xe4\xba\x95\0", ("ABC", "井")),
        (DataType.DATETIME_ARRAY, struct.pack("<Q", NOW), (NOW,)),
    ],
)
def test_arrays_are_decoded(number: int, raw: bytes, meant: tuple[object, ...]) -> None:
    """Packed little-endian items; booleans most significant bit first after their count; strings ended by zero."""
    message = PayloadMessage()
    message.metrics.add(name="m", datatype=number, bytes_value=raw)
    assert codec.decode(message.SerializeToString()).metrics[0].value == meant


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (DataType.INT8, 128),
        (DataType.UINT8, -1),
        (DataType.INT64, 1 << 63),
        (DataType.INT32, 1.5),
        (DataType.INT32, True),
        (DataType.DOUBLE, "1"),
        (DataType.STRING, 1),
        (DataType.UNKNOWN, 1),
        (DataType.BYTES, "x"),
    ],
)
def test_a_value_that_does_not_fit_is_not_sent(number: int, value: object) -> None:
    """Encoding refuses by name instead of wrapping around."""
    with pytest.raises(WrongType, match="level"):
        codec.encode(Payload(metrics=(Metric(name="level", type=number, value=value),)))  # type: ignore[arg-type]


def test_zero_is_a_value_and_nothing_is_not_zero() -> None:
    """Protobuf reads an absent field as 0; a metric without a value is null, whatever it forgot to say."""
    message = PayloadMessage()
    message.metrics.add(name="absent", datatype=DataType.DOUBLE)
    message.metrics.add(name="zero", datatype=DataType.DOUBLE, double_value=0.0)
    message.metrics.add(name="null", datatype=DataType.DOUBLE, double_value=0.0, is_null=True)
    assert [m.value for m in codec.decode(message.SerializeToString()).metrics] == [None, 0.0, None]


def test_infinities_pass_the_codec() -> None:
    """The codec tells what was sent; that NaN is no reading is the session's business."""
    found = codec.decode(codec.encode(Payload(metrics=(Metric(name="x", type=DataType.DOUBLE, value=math.inf),))))
    assert found.metrics[0].value == math.inf


@tck("tck-id-payloads-propertyset-keys-array-size", "tck-id-payloads-propertyset-values-array-size")
def test_properties_pair_up_or_are_malformed(tck: str) -> None:
    """A quality under the wrong key would be believed, so unpaired properties are refused, naming the metric."""
    message = PayloadMessage()
    metric = message.metrics.add(name="level", datatype=DataType.DOUBLE, double_value=1.0)
    metric.properties.keys.append("Quality")
    with pytest.raises(MalformedPayload, match="'level': 1 property keys, 0 values"):
        codec.decode(message.SerializeToString())
    sent = Payload(
        metrics=(Metric(name="x", type=DataType.DOUBLE, value=1.0, properties={"a": Property(3, 1), "b": Property(12, "x")}),)
    )
    found = PayloadMessage.FromString(codec.encode(sent)).metrics[0].properties
    assert len(found.keys) == len(found.values) == 2


def test_unknown_fields_are_skipped() -> None:
    """What a later version of the specification adds does not make a payload malformed."""
    data = codec.encode(Payload(time=NOW, seq=1)) + b"\xfa\x01\x02hi"
    assert codec.decode(data) == Payload(time=NOW, seq=1)
