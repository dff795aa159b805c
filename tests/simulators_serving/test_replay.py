"""Recorded series through a sensor's registers: right values at the right times, and clear errors."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampwell.clock import VirtualClock
from lampwell.errors import ConfigError
from simulators.frames import tcp_frame
from simulators.replay import Series, parse, read

from .conftest import Start
from .test_wire import connected

FLOODS = [
    {"event": "e0001", "kind": "rain", "t_s": [0, 60, 130], "depth_cm": [0.0, 11.2, 3.05]},
    {"event": "e0002", "kind": "rain", "t_s": [0, 30], "depth_cm": [0.0, 1.0]},
]


@pytest.fixture
def floods(tmp_path: Path) -> Path:
    path = tmp_path / "floods.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(f) + "\n" for f in FLOODS).encode()))
    return path


def test_units_are_converted_exactly(floods: Path) -> None:
    """11.2 cm is 112 mm and 0.112 m, not a neighbour of them."""
    assert read(floods, "e0001", "mm") == Series(t_s=(0, 60, 130), values=(0.0, 112.0, 30.5))
    assert read(floods, "e0001", "m").values == (0.0, 0.112, 0.0305)


def test_the_last_sample_is_held() -> None:
    """0 before the record, then each sample until the next, the last one for ever."""
    series = Series(t_s=(0, 60, 130), values=(1.0, 2.0, 3.0))
    assert [series.at(t) for t in (-0.1, 0, 59.9, 60, 129, 130, 9999)] == [0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("t_s,depth_cm\n0,1.5\n60,2\n", (15.0, 20.0)),
        ("time,value\n2024-07-01T10:00:00,7\n2024-07-01T10:01:00,8\n", (7.0, 8.0)),
        ("time,level_m,\n".replace(",\n", "\n") + "100,0.5\n160,0.25\n", (500.0, 250.0)),
    ],
)
def test_csv_forms(tmp_path: Path, text: str, values: tuple[float, ...]) -> None:
    """Seconds or ISO times, values in the point's own unit or in the one that the column names."""
    path = tmp_path / "series.csv"
    path.write_text(text)
    assert read(path, "", "mm") == Series(t_s=(0, 60), values=values)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("t_s,depth_cm\n", "holds no samples"),
        ("t_s,depth_cm\n0,wet\n", "line 2: 'wet' is not a finite number"),
        ("t_s,depth_cm\n0,nan\n", "'nan' is not a finite number"),
        ("t_s,depth_cm\n0,1\n5,\n", "line 3: '' is not a finite number"),
        ("time,value\nnoon,1\n", "'noon' is neither seconds nor an ISO 8601 time"),
        ("t_s,depth_cm\n5,1\n4,1\n", "times must rise"),
        ("t_s,depth_ft\n0,1\n", "unknown column 'depth_ft'"),
        ("t_s\n0\n", "needs one filled value column"),
        ("t_s,time,value\n0,0,1\n", "needs one filled time column"),
    ],
)
def test_csv_mistakes(tmp_path: Path, text: str, complaint: str) -> None:
    """The file, the line and the reason."""
    path = tmp_path / "series.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as refused:
        read(path, "", "mm")
    assert str(path) in str(refused.value)


def test_json_mistakes(floods: Path, tmp_path: Path) -> None:
    """No such event (with what is near), no choice made, not JSON, not gzip, not there, a unit that can not be."""
    cases = [
        (floods, "e001", "mm", "has no event 'e001'; near it: e0001"),
        (floods, "", "mm", "holds 2 events; say which one, for example floods.jsonl.gz:e0001"),
        (floods, "e0001", "A", "cm can not be turned into the point's unit, A"),
        (tmp_path / "no.jsonl", "", "mm", "can not be read: No such file"),
    ]
    bad = {"bad.jsonl": b"{", "list.jsonl": b"[]", "bad.jsonl.gz": b"nonsense", "short.jsonl": b'{"t_s":[1],"depth_cm":[]}'}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        cases.append((tmp_path / name, "", "mm", "line 1|can not be read|two lists of one length"))
    for path, event, unit, complaint in cases:
        with pytest.raises(ConfigError, match=complaint):
            read(path, event, unit)


def test_arguments(floods: Path) -> None:
    """A colon parts the event from the file, unless a file is really called so."""
    assert parse(f"ponding-1={floods}:e0002").event == "e0002"
    assert parse(f"ponding-1/level={floods}").point == "level"
    for wrong in ("ponding-1", "=x", "ponding-1="):
        with pytest.raises(ConfigError, match="should read DEVICE=FILE"):
            parse(wrong)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-10, 1000, allow_nan=False)), min_size=1), st.floats(-10, 1e6))
def test_held_values_are_always_from_the_record(samples: list[tuple[float, float]], when: float) -> None:
    """What is shown at any time is a recorded sample not younger than that time, or 0 before all."""
    samples.sort(key=lambda s: s[0])
    series = Series(t_s=tuple(t for t, _ in samples), values=tuple(v for _, v in samples))
    past = [v for t, v in samples if t <= when]
    assert series.at(when) == (past[-1] if past else 0.0)


async def test_a_replay_goes_through_the_registers(start: Start, tmp_path: Path) -> None:
    """The register shows the record from its begin on; the other points stay the plant's own."""
    path = tmp_path / "series.csv"
    path.write_text("t_s,value\n0,1\n60,-2\n")
    clock = VirtualClock()
    begun = start(clock=clock, replay=[f"cabinet-01/i16={path}"], replay_after_s=10)
    async with begun as simulation, connected(simulation, "tcp-1") as (reader, writer):
        seen = []
        for seconds in (5, 6, 60, 100):
            await clock.advance(seconds)
            writer.write(tcp_frame(1, 1, bytes.fromhex("0400000002")))
            seen.append((await reader.readexactly(13))[9:].hex())
    assert seen == ["9c410000", "9c410001", "9c41fffe", "9c41fffe"]


async def test_a_replay_for_what_is_not_there(start: Start, floods: Path) -> None:
    """An unknown device or point is refused with what there is."""
    cases = {"cabinet-1": "no such device; near it: cabinet-0", "cabinet-01": "has no point 'level'; its numbers are: u16"}
    for target, complaint in cases.items():
        with pytest.raises(ConfigError, match=complaint):
            async with start(replay=[f"{target}={floods}:e0001"]):
                pass
