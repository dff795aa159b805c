"""The edge's hand-made encoding against protobuf's own."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.points import Kind, Point, Value
from lampwell.readings import Flag, Layout, NodeId, Quality, Scan, quality_of
from lampwell.sparkplug import codec
from lampwell.sparkplug.births import point_properties, quality_properties, settled
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import TYPE_OF_KIND, DataType, WrongType, interpret
from lampwell.sparkplug.fastwire import ScanEncoder, varint

NODE = NodeId("taihe", "gw-1")
PATHS = st.text(min_size=1, max_size=20) | st.text("x", min_size=80, max_size=200)
VALUE = {
    Kind.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    Kind.INT: st.integers(-(1 << 63), (1 << 63) - 1),
    Kind.BOOL: st.booleans(),
    Kind.TEXT: st.text(max_size=200),
}
FLAGS = st.just(0) | st.integers(0, 1023)


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    """Scans of any layout: any subset of the points in any order, nulls, flags, live or historical, with or without offset."""
    paths = draw(st.lists(PATHS, min_size=1, max_size=6, unique=True))
    points = tuple(Point(path=p, kind=draw(st.sampled_from(Kind))) for p in paths)
    index = draw(st.lists(st.integers(0, len(points) - 1), unique=True))
    values: tuple[Value | None, ...] = tuple(draw(st.none() | VALUE[points[i].kind]) for i in index)
    return Scan(
        Layout(NODE, "well-01", points),
        draw(st.integers(0, 1 << 43)),
        tuple(index),
        values,
        tuple(draw(FLAGS) for _ in index),
        draw(st.none() | st.integers(0, (1 << 63) - 1)),
        "j-1",
        draw(st.booleans()),
    )


def slowly(scan: Scan, seq: int, sent: int) -> Payload:
    """The same payload as values, for protobuf to encode."""
    metrics = []
    for column, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
        point = scan.layout.points[column]
        metrics.append(
            Metric(
                name=point.path,
                time=scan.time,
                type=TYPE_OF_KIND[point.kind],
                value=value,
                historical=scan.historical,
                properties=quality_properties(settled(value, flags)),
            )
        )
    if scan.offset is not None:
        offset = Metric(name="journal/offset", time=scan.time, type=DataType.INT64, value=scan.offset, historical=scan.historical)
        metrics.append(offset)
    return Payload(time=sent, seq=seq, metrics=tuple(metrics))


@given(scan=scans(), seq=st.integers(0, 255), sent=st.integers(0, 1 << 43))
@settings(deadline=None, max_examples=300)
def test_decodes_to_what_protobuf_would_have_sent(scan: Scan, seq: int, sent: int) -> None:
    """decode(fast(scan)) == decode(slow(scan)); live metrics leave out the datatype, so integers are brought to theirs first."""
    expected = slowly(scan, seq, sent)
    found = codec.decode(ScanEncoder(scan.layout).encode(scan, seq, sent))
    metrics = []
    for metric, model in zip(found.metrics, expected.metrics, strict=True):
        assert metric.type == (model.type if scan.historical else DataType.UNKNOWN)
        assert not isinstance(metric.value, tuple)
        value = None if metric.value is None else interpret(model.type, metric.value)
        metrics.append(replace(metric, type=model.type, value=value))
    assert replace(found, metrics=tuple(metrics)) == expected


@given(scan=scans(), seq=st.integers(0, 255))
@settings(deadline=None, max_examples=200)
def test_historical_bytes_are_protobufs_own(scan: Scan, seq: int) -> None:
    """With the datatype in it, a scan is byte for byte what protobuf writes: fields in order, shortest numbers."""
    scan = replace(scan, historical=True)
    assert ScanEncoder(scan.layout).encode(scan, seq, scan.time) == codec.encode(slowly(scan, seq, scan.time))


@given(scan=scans(), seq=st.integers(0, 255), now=st.integers(0, 1 << 43))
@settings(deadline=None, max_examples=200)
def test_a_birth_decodes_to_what_was_meant(scan: Scan, seq: int, now: int) -> None:
    """A birth joined from cached parts decodes to exactly the metrics it was made of."""
    latest = [(scan.time, None, int(Flag.STALE)) for _ in scan.layout.points]
    for column, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
        latest[column] = (scan.time, value, flags)
    opening = (Metric(name="bdSeq", time=now, type=DataType.INT64, value=7),)
    points = tuple(
        Metric(
            name=point.path,
            time=time,
            type=TYPE_OF_KIND[point.kind],
            value=value,
            properties=quality_properties(settled(value, flags)) | point_properties(point),
        )
        for point, (time, value, flags) in zip(scan.layout.points, latest, strict=True)
    )
    found = ScanEncoder(scan.layout).birth(codec.encode(Payload(time=now, metrics=opening)), latest, seq)
    assert codec.decode(found) == Payload(time=now, seq=seq, metrics=(*opening, *points))


@given(number=st.integers(0, (1 << 64) - 1))
def test_varints(number: int) -> None:
    """Against protobuf's own."""
    assert codec.encode(Payload(time=number)) == b"\x08" + varint(number)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("historical", [False, True])
def test_nan_never_leaves_the_edge(value: float, historical: bool) -> None:
    """Should one get past the quality tests, it goes out as null and bad."""
    layout = Layout(NODE, "well-01", (Point(path="level"),))
    scan = Scan(layout, 1_780_000_000_000, (0,), (value,), (0,), historical=historical)
    (metric,) = codec.decode(ScanEncoder(layout).encode(scan, 0, 0)).metrics
    assert metric.value is None
    assert metric.properties["Quality"].value == Quality.BAD
    assert metric.properties["quality/flags"].value == Flag.SENTINEL


def test_a_value_of_the_wrong_kind_names_the_point() -> None:
    """A fault in a profile is told by device and point, not as a struct error."""
    kinds = ((Kind.FLOAT, "7"), (Kind.INT, 1.5), (Kind.INT, 1 << 63), (Kind.BOOL, 1), (Kind.TEXT, 1.0), (Kind.FLOAT, 10**400))
    for kind, value in kinds:
        layout = Layout(NODE, "well-01", (Point(path="level", kind=kind),))
        with pytest.raises(WrongType, match=f"well-01: level: .* is not {kind}"):
            ScanEncoder(layout).encode(Scan(layout, 0, (0,), (value,), (0,)), 0, 0)


def tck(*ids: str) -> pytest.MarkDecorator:
    """The assertions a test stands for; each becomes a test of that name."""
    return pytest.mark.parametrize("tck", ids)


@tck(
    "tck-id-payloads-propertyset-quality-value-type",
    "tck-id-payloads-propertyset-quality-value-value",
    "tck-id-payloads-metric-propertyvalue-type-type",
    "tck-id-payloads-metric-propertyvalue-type-value",
    "tck-id-payloads-metric-propertyvalue-type-req",
)
@pytest.mark.parametrize("flags", [0, *Flag, Flag.SENTINEL | Flag.BLIND, Flag.STALE | Flag.CLOCK])
def test_quality_is_an_int32_of_0_192_or_500(flags: int, tck: str) -> None:
    """And the reason travels beside it; a good value carries neither."""
    layout = Layout(NODE, "well-01", (Point(path="level"),))
    scan = Scan(layout, 1_780_000_000_000, (0,), (0.5,), (flags,))
    (metric,) = codec.decode(ScanEncoder(layout).encode(scan, 0, 0)).metrics
    if not flags:
        assert metric.properties == {}
        return
    quality = metric.properties["Quality"]
    assert (quality.type, quality.value) == (DataType.INT32, quality_of(flags))
    assert quality.value in (0, 192, 500)
    assert (metric.properties["quality/flags"].type, metric.properties["quality/flags"].value) == (DataType.INT32, flags)
