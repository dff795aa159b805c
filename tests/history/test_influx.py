"""InfluxDB's side: lines, answers, and the v2 write endpoint of a real victoria-metrics."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.influxd import Influxd, free_port
from lampwell.assets import HistorySettings
from lampwell.clock import VirtualClock
from lampwell.errors import StoreAction, StoreError
from lampwell.history import open_history
from lampwell.history.answers import refused, retry_after
from lampwell.history.fit import sort_out
from lampwell.history.influx_store import InfluxHistory
from lampwell.history.lines import careful_lines, catalogue_lines, named, place, quick_lines, unnamed
from lampwell.history.port import SeriesId
from lampwell.points import Kind, Point
from lampwell.readings import Flag, NodeId, Scan

from .conftest import NODE, POINTS, T0, layout, scan

DEVICE = layout()


def test_one_line_per_component() -> None:
    """Names, tags and types as docs/wire.md has them."""
    one = scan(DEVICE, T0, {"loop1/i_a": 3.5, "loop1/on": True, "loop2/i_a": 4, "energy": 12})
    tags = "group=oldtown,edge=edge-1,device=cabinet-01"
    assert quick_lines(one) == (
        f"loop,{tags},component=loop1 i_a=3.5,on=True {T0}\n"
        f"loop,{tags},component=loop2 i_a=4 {T0}\n"
        f"device,{tags} energy=12 {T0}\n"
    )


def test_flags_bad_values_and_text() -> None:
    """Doubtful keeps its field, bad moves to ``_bad``, null leaves only flags; text is quoted."""
    flags = {"loop1/i_a": int(Flag.SPIKE), "loop2/i_a": int(Flag.RANGE), "energy": int(Flag.SENTINEL)}
    one = scan(DEVICE, T0, {"loop1/i_a": 3.5, "loop2/i_a": 99.0, "energy": None, "model": 'a"\\b'}, flags)
    assert quick_lines(one) is None
    tags = "group=oldtown,edge=edge-1,device=cabinet-01"
    assert careful_lines(one) == (
        f"loop,{tags},component=loop1 i_a=3.5,i_a_flags=16i {T0}\n"
        f"loop,{tags},component=loop2 i_a_bad=99.0,i_a_flags=2i {T0}\n"
        f'device,{tags} energy_flags=1i,model="a\\"\\\\b" {T0}\n'
    )


def test_columns_in_any_order_find_their_line() -> None:
    """Values follow their fields when a scan's columns mix components."""
    one = Scan(DEVICE, T0, (2, 0, 3, 1), (1.0, 2.0, 3, False), (0, 0, 0, 0))
    text = quick_lines(one)
    assert text is not None
    assert sorted(text.split("\n")) == sorted(careful_lines(one).replace("energy=3.0", "energy=3").split("\n"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("loop3/i_a", ("loop", "loop3", "i_a")),
        ("lamp012/level", ("lamp", "lamp012", "level")),
        ("level", ("device", "", "level")),
        ("17/x", ("device", "17", "x")),
        ("a/b2/c", ("a/b", "a/b2", "c")),
        ("time", ("device", "", "time_")),
    ],
)
def test_where_a_point_goes(path: str, expected: tuple[str, str, str]) -> None:
    """The measurement is the component without its number; a field may not be called time."""
    at = place(path)
    assert (at.measurement, at.component, at.field) == expected


@given(st.text())
def test_names_come_back(name: str) -> None:
    """Any name survives the encoding of what line protocol cannot carry."""
    assert unnamed(named(name)) == name
    assert "\n" not in named(name)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=1, max_size=5, unique=True),
    value=st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec="utf-8"), max_size=20)),
    kind=st.sampled_from(list(Kind)),
    flags=st.integers(0, 1 << 20),
)
def test_any_scan_makes_whole_lines(names: list[str], value: object, kind: Kind, flags: int) -> None:
    """Whatever a foreign node calls its points and sends, a value that fits makes lines with head, fields and time."""
    where = layout(names[0], NodeId(names[-1], names[0]), [Point(path=name, kind=kind) for name in names])
    whole = Scan(where, T0, tuple(range(len(names))), (value,) * len(names), (flags,) * len(names))  # type: ignore[arg-type]
    good, _ = sort_out(whole)
    text = quick_lines(good) or careful_lines(good)
    assert text.count(f" {T0}\n") >= (1 if good.index else 0)
    assert catalogue_lines(where, T0).count(f" {T0}\n") == len(names)


ANSWERS = [
    (204, "", True, None),
    (200, "", True, None),
    (400, "partial write: field type conflict: input field", True, StoreAction.SPLIT),
    (400, "partial write: field type conflict: input field", False, StoreAction.DROP),
    (400, '{"error":"unable to parse"}', False, StoreAction.DROP),
    (422, "points beyond retention policy", True, StoreAction.SPLIT),
    (413, "Request Entity Too Large", True, StoreAction.SPLIT),
    (413, "Request Entity Too Large", False, StoreAction.DROP),
    (400, "database is required", True, StoreAction.WAIT),
    (400, 'bucket "x" not found', False, StoreAction.WAIT),
    (404, "database not found", False, StoreAction.WAIT),
    (401, "unauthorized", False, StoreAction.WAIT),
    (403, "forbidden", True, StoreAction.WAIT),
    (429, "too many", True, StoreAction.WAIT),
    (503, "unavailable", True, StoreAction.WAIT),
    (502, "<html>bad gateway</html>", False, StoreAction.WAIT),
    (500, "timeout", True, StoreAction.RETRY),
]


@pytest.mark.parametrize(("status", "body", "many", "action"), ANSWERS)
def test_what_an_answer_means(status: int, body: str, many: bool, action: StoreAction | None) -> None:
    """Only rows that can never be stored are given up, and only one by one; wrong settings and outages wait."""
    error = refused(status, body, {}, many=many, now=T0)
    assert (error.action if error else None) == action


def test_retry_after_as_seconds_and_as_a_date() -> None:
    """Both forms of the header, and nonsense."""
    assert retry_after({"Retry-After": "17"}, T0) == 17
    assert retry_after({"Retry-After": "Thu, 01 Jan 2099 00:00:00 GMT"}, 4_070_908_790_000) == 10
    assert retry_after({"Retry-After": "soon"}, T0) is None
    assert retry_after({}, T0) is None


async def test_a_store_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """Connection refused is an outage, not a reason to give anything up."""
    settings_ = HistorySettings(store="influx", url=f"http://127.0.0.1:{free_port()}")
    history = open_history(settings_, tmp_path, clock=VirtualClock())
    with pytest.raises(StoreError) as caught:
        await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0})], {"j/1": "1-1"})
    assert caught.value.action is StoreAction.WAIT
    assert await history.progress() == {}
    await history.close()


async def test_a_partly_refused_batch_moves_no_position(influxd: Influxd, tmp_path: Path) -> None:
    """While one row of a batch is refused its positions stay; the good rows may be there already, which is harmless."""
    settings_ = HistorySettings(store="influx", url=influxd.url, database=tmp_path.name)
    history = open_history(settings_, tmp_path, clock=VirtualClock())
    await history.append([scan(DEVICE, T0, {"loop1/i_a": 1.0})], {"j/1": "1-1"})
    changed = layout("cabinet-02", points=[replace(POINTS[0], kind=Kind.TEXT)])
    batch = [scan(DEVICE, T0 + 1, {"loop1/i_a": 2.0}), Scan(changed, T0 + 2, (0,), ("x",), (0,))]
    with pytest.raises(StoreError, match="field type conflict") as caught:
        await history.append(batch, {"j/1": "1-3"})
    assert caught.value.action is StoreAction.SPLIT
    assert await history.progress() == {"j/1": "1-1"}
    await history.append(batch[:1], {"j/1": "1-2"})
    assert list((await history.readings(SeriesId(NODE, "cabinet-01", "loop1/i_a"), T0, T0 + 9)).value) == [1.0, 2.0]
    await history.close()


async def test_the_v2_write_endpoint_takes_our_lines(victoria: str, tmp_path: Path) -> None:
    """A real /api/v2/write (victoria-metrics): every number arrives with its time, device and component."""
    settings_ = HistorySettings(store="influx", url=victoria, version=2, database="lampwell", org="county")
    history = open_history(settings_, tmp_path, clock=VirtualClock(start_ms=T0), token="unused")
    assert isinstance(history, InfluxHistory)
    await history.append(
        [scan(DEVICE, T0 + n * 1000, {"loop1/i_a": n / 4, "loop2/i_a": 1.0, "energy": n}) for n in range(500)], {"j/1": "1-500"}
    )
    assert await history.progress() == {"j/1": "1-500"}
    await history.close()
    query = urllib.parse.urlencode(
        {"match[]": '{__name__="loop_i_a",component="loop1"}', "start": T0 / 1000 - 1, "end": T0 / 1000 + 600}
    )

    def export() -> list[dict[str, object]]:
        urllib.request.urlopen(f"{victoria}/internal/force_flush").close()
        with urllib.request.urlopen(f"{victoria}/api/v1/export?{query}") as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    (series,) = await asyncio.to_thread(export)
    assert series["values"] == [n / 4 for n in range(500)]
    assert series["timestamps"] == [T0 + n * 1000 for n in range(500)]
    assert series["metric"] == {
        "__name__": "loop_i_a",
        "group": "oldtown",
        "edge": "edge-1",
        "device": "cabinet-01",
        "component": "loop1",
        **({"db": series["metric"]["db"]} if "db" in series["metric"] else {}),  # type: ignore[index,operator]
    }
