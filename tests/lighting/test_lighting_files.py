"""The files of a county's lighting: read as written, refused with file, line and key."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.assets import County
from lampwell.county import load
from lampwell.errors import ConfigError
from lampwell.lighting import Timetable
from lampwell.lighting.assign import Assignment, only_cabinets, resolve
from lampwell.lighting.documents import PlanRefused, plan_hash, read_document, write_document
from lampwell.lighting.files import Lighting, build_plan, load_lighting
from lampwell.lighting.model import (
    Adjustment,
    Calendar,
    LoopMap,
    LoopRow,
    LuxRule,
    Operation,
    Period,
    Plan,
    Program,
    Rotation,
    Rule,
    Span,
    Step,
)
from lampwell.lighting.moments import read_moment
from lampwell.lighting.tariff import Tariff
from lampwell.lighting.write import write_lighting

from .conftest import a_plan, main_road, ms

TAIHE_FOLDER = Path("counties/taihe")


@pytest.fixture(scope="module")
def county() -> County:
    return load(TAIHE_FOLDER)


@pytest.fixture(scope="module")
def plan(county: County) -> Plan:
    return build_plan(county, load_lighting(TAIHE_FOLDER, county))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(TAIHE_FOLDER / "lighting", tmp_path / "lighting")
    return tmp_path


def refused(folder: Path, county: County) -> str:
    with pytest.raises(ConfigError) as told:
        load_lighting(folder, county)
    return str(told.value)


# -- Taihe ---------------------------------------------------------------------------------------------------------------------


def test_every_loop_of_taihe_has_a_calendar(plan: Plan, county: County) -> None:
    """126 loops, and the 84 lamps that a concentrator reaches."""
    loops = [one for one in plan.targets if not one.loop]
    assert len(loops) == sum(int(one.parameters["loops"]) for one in county.devices if one.kind == "cabinet")
    assert all(one.calendar and one.festivals and one.loop_map for one in loops)
    assert len(plan.targets) - len(loops) == 84
    assert {one.calendar for one in loops if one.cabinet == "cabinet-06"} == {"secondary"}
    assert loops[0].place.latitude == pytest.approx(26.782238)


def test_a_night_in_taihe(plan: Plan) -> None:
    """Main road by the clock, with half-night loops; on Lantern Festival full until one."""
    table = Timetable(plan)
    usual = [table.level_at("cabinet-01/loop1", ms(f"2026-06-{each}")).level for each in ("22T20:00", "22T23:00", "23T05:05")]
    assert usual == [100, 75, 100]
    pair = {table.level_at(f"cabinet-01/loop{n}", ms("2026-06-23T02:00")).level for n in (1, 2)}
    assert pair == {0, 100}
    feast = table.level_at("cabinet-01/loop2", ms("2026-03-04T00:45"))
    assert feast.level == 100
    assert feast.why.zh == "节日“元宵节”的方案“节日全亮”：日落后5分钟（18:27）起 100%"


def test_an_edge_node_gets_its_own_part(plan: Plan) -> None:
    """Its cabinets and what they use, and it says the same of them as the whole."""
    part = only_cabinets(plan, ["cabinet-06", "cabinet-07"])
    assert {one.id for one in part.programs} == {"secondary-road", "festival"}
    assert [one.id for one in part.lux] == ["sky-other"]
    at = ms("2026-06-22T23:00")
    assert Timetable(part).level_at("cabinet-06/loop2", at) == Timetable(plan).level_at("cabinet-06/loop2", at)


def test_without_a_folder_lamps_are_on_by_night(county: County, tmp_path: Path) -> None:
    """A county that has no lighting files yet is not dark."""
    bare = build_plan(county, load_lighting(tmp_path, county))
    assert Timetable(bare).level_at("cabinet-01/loop1", ms("2026-06-22T23:00")).level == 100
    assert load_lighting(tmp_path, county) == Lighting()


# -- what is refused -----------------------------------------------------------------------------------------------------------

WRONG = [
    ("programs.toml", 'at = "22:30"', 'at = "22.30"', "program[1].step[1].at: must be a time such as 22:30"),
    ("programs.toml", "level = 75", "level = 175", "must be at most 100, not 175"),
    ("programs.toml", 'lux = "sky-main"', 'lux = "sky-mian"', "there is no lux 'sky-mian'; did you mean 'sky-main'?"),
    ("programs.toml", "minimum = 30", "minimun = 30", "unknown key; did you mean 'minimum'?"),
    ("programs.toml", "A = 100, B = 0", "A = 100", "must give a level to each of A, B"),
    ("programs.toml", 'rotate = "month"', 'rotate = "week"', "must be none, night or month, not 'week'"),
    ("programs.toml", 'id = "festival"', 'id = "main-road"', "program 'main-road' is there twice"),
    (
        "calendars.toml",
        'default = "main-road"',
        'default = "main-rod"',
        "there is no program 'main-rod'; did you mean 'main-road'?",
    ),
    ("calendars.toml", '"fri", "sat"', '"fri", "sta"', "must be 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'"),
    ("calendars.toml", 'lunar = ["lantern"]', 'lunar = ["latern"]', "must be a lunar festival (new-year-eve, spring"),
    ("calendars.toml", '"05-01..05-03"', '"05-03..05-01"', "over the new year write two"),
    ("calendars.toml", '"01-01"', '"02-30"', "must be days that exist"),
    ("calendars.toml", 'lunar = ["mid-autumn"]', "days_after = 2", "days_before and days_after widen lunar festivals"),
    ("assignments.toml", 'calendar = "main"', 'calendar = "mian"', "there is no calendar 'mian'"),
    ("assignments.toml", ', B = "even"', "", "must say which loops are in each of A, B"),
    ("assignments.toml", 'road_classes = ["main"]', 'roads = ["baifng"]', "there is no road 'baifng'; did you mean 'baifeng'?"),
    ("tariff.toml", "0.38, 0.38, 0.38, 0.38, 0.38, 0.38, 0.38, 0.62", "0.38", "hours"),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), WRONG, ids=[each[3][:40] for each in WRONG])
def test_a_slip_is_told_with_its_place(folder: Path, county: County, file: str, old: str, new: str, told: str) -> None:
    """File, line and key, and what would be right; no slip passes in silence."""
    path = folder / "lighting" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    message = refused(folder, county).replace(
        "must be mon, tue, wed, thu, fri, sat or sun", "must be 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'"
    )
    assert f"lighting/{file}: line " in message
    assert told in message


def test_a_strange_file_is_told(folder: Path, county: County) -> None:
    """A misspelt name must not pass for an absent file."""
    (folder / "lighting" / "program.toml").write_text("")
    assert "lighting/program.toml: is no file of the lighting; those are programs.toml" in refused(folder, county)


def test_the_first_assignment_that_fits_counts(county: County) -> None:
    """And a loop that none fits is a target without a calendar."""
    given = resolve(
        county, [Assignment(calendar="a", cabinets=("cabinet-01",), loops=(1,)), Assignment(calendar="b", areas=("oldtown",))]
    )
    by_id = {one.id: one.calendar for one in given}
    assert (by_id["cabinet-01/loop1"], by_id["cabinet-01/loop2"], by_id["cabinet-08/loop1"]) == ("a", "b", "")


def test_what_is_written_reads_back_as_the_same(county: County, tmp_path: Path) -> None:
    """The shipped lighting, and one with every key that a program, rule or map can have."""
    shipped = load_lighting(TAIHE_FOLDER, county)
    every = Lighting(
        programs=(
            Program(
                id="p",
                zh='引号"与\\',
                en="P",
                active=(Period(start=read_moment("dusk-5"), end=read_moment("06:30:15")),),
                level=0,
                steps=(Step(at=read_moment("solar-midnight"), level=40, ramp_s=0), Step(at=read_moment("00:30"), level=0)),
                adjustments=(Adjustment(at=read_moment("sunrise-60"), operation=Operation.MUL, level=50),),
                ramp_s=9,
                minimum=0,
                lux="x",
                landscape=True,
            ),
        ),
        calendars=(
            Calendar(
                id="c",
                zh="日历",
                en="C",
                rules=(
                    Rule(program="p", start="11-15", end="2028-02-29", months=(1, 12), weekdays=(1, 7), occurrences=("2", "L")),
                    Rule(program="p", dates=(Span(first=(0, 31), last=(0, 31)), Span(first=(2, 1), last=(2, 29)))),
                    Rule(program="p", lunar=("spring", "8-15"), days_before=2, days_after=3, zh="节", en="F"),
                ),
            ),
        ),
        loop_maps=(
            LoopMap(id="m", zh="图", en="M", groups=("A", "B"), rows=(LoopRow(50, (0, 70)),), dims=False, rotate=Rotation.NIGHT),
        ),
        lux=(LuxRule(id="x", on_lx=10.5, sensors=1),),
        assignments=(
            Assignment(
                calendar="c", festivals="c", loop_map="m", groups={"A": (1, 3), "B": (2,)}, areas=("oldtown",), loops=(1, 2, 3)
            ),
            Assignment(calendar="c", lamps=("lamp-0001",)),
        ),
        tariffs=(Tariff(hours=(0.5,) * 24, months=(7,), source="s"),),
    )
    for n, one in enumerate((shipped, every)):
        write_lighting(one, tmp_path / str(n) / "lighting")
        assert load_lighting(tmp_path / str(n), county) == one


# -- documents -----------------------------------------------------------------------------------------------------------------


def test_a_document_reads_back_as_the_same_plan(plan: Plan) -> None:
    """Version, hash and every value."""
    raw = write_document(plan, version=7, made=1_780_000_000_000, who="王工")
    read = read_document(raw)
    assert read.plan == plan
    assert (read.version, read.hash, read.who) == (7, plan_hash(plan), "王工")
    assert write_document(read.plan, version=7, made=1_780_000_000_000, who="王工") == raw


def test_equal_plans_have_equal_hashes_and_others_others(plan: Plan) -> None:
    """The hash follows what decides levels, not who wrote it when."""
    first, second = (read_document(write_document(plan, version=n, made=n, who=str(n))).hash for n in (1, 2))
    assert first == second
    assert plan_hash(a_plan(main_road())) != plan_hash(a_plan(main_road(minimum=21)))


def test_a_damaged_document_is_refused(plan: Plan) -> None:
    """An edge node keeps its old plan rather than a wrong one."""
    raw = write_document(plan, version=7, made=0, who="")
    with pytest.raises(PlanRefused, match="the hash does not fit"):
        read_document(raw.replace(b'"level":75', b'"level":15', 1))
    with pytest.raises(PlanRefused, match="no lighting plan"):
        read_document(raw[:-9])
    with pytest.raises(PlanRefused, match="format 2; this program knows 1"):
        read_document(raw.replace(b'"format":1', b'"format":2'))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """Whatever comes over the wire is a plan or refused."""
    with pytest.raises(PlanRefused):
        read_document(raw)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_flipped_byte_is_found(data: st.DataObject) -> None:
    """Anywhere in the document: never another plan in silence."""
    raw = write_document(a_plan(main_road()), version=1, made=0, who="x")
    place = data.draw(st.integers(0, len(raw) - 1))
    damaged = raw[:place] + bytes([raw[place] ^ (1 << data.draw(st.integers(0, 6)))]) + raw[place + 1 :]
    try:
        read = read_document(damaged)
    except PlanRefused:
        return
    assert read.plan == a_plan(main_road())


def test_a_plan_that_contradicts_itself_is_refused() -> None:
    """Names of nothing are found when the plan is written, not at night."""
    plan = a_plan(main_road(), default="nothing")
    with pytest.raises(PlanRefused, match="calendar 'usual': there is no program 'nothing'"):
        write_document(plan, version=1, made=0, who="")
    lost = replace(plan, time_zone="Asia/Nowhere", targets=(replace(plan.targets[0], loop_map="m", group="A"),))
    with pytest.raises(PlanRefused, match=r"no time zone 'Asia/Nowhere'.*loop map 'm' has no group 'A'"):
        write_document(lost, version=1, made=0, who="")
