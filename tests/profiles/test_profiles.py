"""The shipped profiles, and everything that a profile file is refused for."""

import re
from pathlib import Path

import pytest

from lampwell.errors import ConfigError
from lampwell.points import Kind, Value
from lampwell.profiles.encoding import decoder, encoder
from lampwell.profiles.loader import load_profile, shipped_profiles
from lampwell.profiles.model import Order, Profile, Register, Space, WireType
from lampwell.profiles.wire_order import raw_limits

NEEDED: dict[str, dict[str, object]] = {
    "radar-level": {"mount_m": 2.5},
    "ultrasonic-level": {"mount_m": 2.5},
    "concentrator": {"lamps": 40, "cabinet": "cabinet-01"},
}


def shipped(name: str, **parameters: object) -> Profile:
    """A shipped profile with what it needs."""
    return load_profile(name, NEEDED.get(name, {}) | parameters)


def a_value(register: Register) -> Value:
    """Some value that the register can hold."""
    encoding = register.encoding
    match encoding.type:
        case WireType.BOOL:
            return True
        case WireType.BITS:
            return True if encoding.width == 1 else 1
        case WireType.TEXT:
            return "A1"
        case WireType.BCD_TIME:
            return "2026-06-21T18:30:00"
        case WireType.F32 | WireType.F64:
            return round(12.5 * encoding.scale + encoding.offset, 6)
        case _:
            raw = int(raw_limits(encoding.type)[1]) // 3
            return raw if register.point.kind is Kind.INT else round(raw * encoding.scale + encoding.offset, 9)


def test_the_shipped_ones_are_there() -> None:
    """One profile for every kind of device that the county holds."""
    kinds = "cabinet concentrator meter-3p radar-level rain-gauge river-gauge station ultrasonic-level"
    assert " ".join(shipped_profiles()) == kinds


@pytest.mark.parametrize("name", shipped_profiles())
def test_whole_map_comes_back(name: str) -> None:
    """Every point of every shipped profile encodes and decodes."""
    for register in shipped(name).registers:
        value = a_value(register)
        back = decoder(register.encoding)(encoder(register.encoding)(value))
        assert back == pytest.approx(value), register.point.path


@pytest.mark.parametrize("name", shipped_profiles())
def test_points_are_fit_to_be_shown(name: str) -> None:
    """Chinese and English labels for every point, a source for every map, no braces left over."""
    profile = shipped(name)
    assert profile.source.strip()
    for point in profile.points:
        assert re.search(r"[一-鿿]", point.zh), point.path
        assert point.en.isascii() or "°" in point.en, point.path
        assert not re.search(r"[{}]", point.zh + point.en + point.path)


@pytest.mark.parametrize("loops", [8, 12, 16])
def test_cabinet_has_its_loops(loops: int) -> None:
    """Loops lie 20 registers apart from 100, contacts one apart (domain streetlights 2.5)."""
    found = {r.point.path: r for r in shipped("cabinet", loops=loops).registers}
    assert f"loop{loops + 1}/i_a" not in found
    last = found[f"loop{loops}/i_a"]
    assert (last.space, last.address, last.encoding.scale, last.point.unit) == (Space.INPUT, 101 + 20 * (loops - 1), 0.01, "A")
    assert last.point.zh == f"回路{loops} A相电流"
    assert found[f"loop{loops}/aux_contact"].address == 16 + loops
    assert found[f"loop{loops}/command"].space is Space.COIL


def test_radar_is_read_register_by_register() -> None:
    """Its maker forbids block reads, and its own status judges its level."""
    profile = shipped("radar-level", mount_m=2.5, blind_m=0.2)
    assert all(not w.bridge and w.max_count == 1 and w.space is Space.HOLDING for w in profile.windows)
    assert "no-block-read" in profile.workarounds
    level = next(r for r in profile.registers if r.point.path == "level")
    assert (level.address, level.point.tests.status, level.point.tests.blind_above) == (3, "status", 2.3)


def test_ultrasonic_turns_its_gap_into_a_level() -> None:
    """Level is mount less gap, and a lost echo, which reads as full range, is no level."""
    level = shipped("ultrasonic-level", mount_m=3.2, range_m=10).registers[0]
    assert decoder(level.encoding)(bytes.fromhex("3f800000")) == 2.2
    assert decoder(level.encoding)(bytes.fromhex("41200000")) is None


def test_zero_switches_a_test_off() -> None:
    """A street is dry by right: its sensor must never be called stuck."""
    assert shipped("radar-level", flat_s=0).registers[0].point.tests.flat_s is None


def test_word_order_of_a_station_is_a_setting() -> None:
    """PLCs differ in the order of their words."""
    flow = next(r for r in shipped("station", word_order="CDAB").registers if r.point.path == "flow")
    assert flow.encoding.order is Order.CDAB


def test_county_profile_comes_before_the_shipped_one(tmp_path: Path) -> None:
    """A county may hold its own map under a shipped name."""
    write(tmp_path, GOOD.replace('"mine"', '"cabinet"'), "cabinet")
    assert load_profile("cabinet", {}, tmp_path).source == "a test"


def test_profile_by_path(tmp_path: Path) -> None:
    """A path relative to the county's folder works whatever the file is called."""
    (tmp_path / "other.toml").write_text(GOOD, encoding="utf-8")
    assert load_profile("other.toml", {}, tmp_path).id == "mine"


GOOD = """\
id = "mine"
zh = "我的"
en = "Mine"
source = "a test"
kinds = ["well"]
window = [{ space = "input", first = 0, last = 9 }]
point = [
  { path = "level", address = 0, space = "input", type = "i16", zh = "水位", en = "Level" },
  { path = "wet", address = 1, space = "input", type = "bits", bit = 3, zh = "湿", en = "Wet" },
]
[parameters.size]
default = 2
low = 1
high = 9
"""
LEVEL = 'path = "level", address = 0, space = "input", type = "i16"'
WINDOW = 'space = "input", first = 0, last = 9'


def write(folder: Path, text: str, name: str = "mine") -> None:
    """The file of a profile in a county's folder."""
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / f"{name}.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('en = "Mine"', 'en = "Mine"\ncolour = 1', "line 4, colour: unknown key"),
        ('en = "Mine"', "en = 3", "line 3, en: must be text, not 3"),
        (
            '"well"]',
            '"wall"]',
            "line 5, kinds[1]: must be cabinet, concentrator, station, well, ponding, rain, river or meter, not 'wall'",
        ),
        ('source = "a test"', "", "source: is missing"),
        ('id = "mine"', 'id = "other"', "line 1, id: must be 'mine' like the name of the file, not 'other'"),
        ("address = 0", "address = 70000", "line 8, point[1].address: input 70000 is not within 0-65535"),
        ("address = 0", "address = -1", "line 8, point[1].address: input -1 is not within 0-65535"),
        ("address = 0", "address = 12", "line 8, point[1].address: input 12 is in no readable window"),
        ('"i16"', '"u64", order = "CDAB"', "line 9, point[2]: input 1 is in both 'level' and 'wet'"),
        ("address = 0, space", "address = 8, space", None),
        (
            '0, space = "input", type = "i16"',
            '8, space = "input", type = "f64"',
            "line 8, point[1].address: input 8-11 is in no readable window",
        ),
        (
            '"i16"',
            '"i17"',
            "line 8, point[1].type: must be bool, u16, i16, u32, i32, u64, i64, f32, f64, bits, text or bcd-time, not 'i17'",
        ),
        (
            '"i16"',
            '"i16", order = "ABDC"',
            "line 8, point[1].order: must be ABCD, CDAB, BADC, DCBA or a parameter that holds one, not 'ABDC'",
        ),
        (
            'address = 0, space = "input"',
            'address = 0, space = "inputs"',
            "line 8, point[1].space: must be coil, discrete, holding or input, not 'inputs'",
        ),
        ('"i16"', '"bool"', "line 8, point[1].type: can not be bool; use bits: one address of input holds one word"),
        (WINDOW, WINDOW.replace("input", "coil"), "line 8, point[1].address: input 0 is in no readable window"),
        ("bit = 3", "bit = 16", "line 9, point[2].bit: must be at most 15, not 16"),
        ("bit = 3", "width = 999999999999", "line 9, point[2].width: must be at most 16, not 999999999999"),
        ('"i16"', '"text", words = 999999999999', "line 8, point[1].words: must be at most 125, not 999999999999"),
        ("bit = 3", "bit = 12, width = 5", "line 9, point[2].bit: bits 12 to 16 are not within the 16 bits of a word"),
        ('"wet", address = 1', '"wet", address = 0', "line 9, point[2]: input 0 is in both 'level' and 'wet'"),
        ('"wet"', '"level"', "line 9, point[2]: the path 'level' is there twice"),
        (
            '"wet"',
            '"Wet"',
            "line 9, point[2].path: must be lower-case letters, digits and _, with at most one /, not 'Wet'",
        ),
        ('"i16"', '"i16", scale = 0', "line 8, point[1].scale: must not be 0"),
        ('"i16"', '"i16", scale = "sise"', "line 8, point[1].scale: 'sise' is not a number parameter of this profile"),
        (
            '"i16"',
            '"i16", scale = "size * 2"',
            "line 8, point[1].scale: must be a number, a parameter, or a sum or difference of two, not 'size * 2'",
        ),
        ('"i16"', '"i16", sentinels = [65535]', "line 8, point[1].sentinels: 65535 is nothing that i16 can hold"),
        ('"i16"', '"i16", write = { low = 1 }', "line 8, point[1].write: input can only be read"),
        ('"i16"', '"i16", tests = { low = 1 }', "line 8, point[1].tests.source: is missing"),
        ('"i16"', '"i16", tests = { source = "x", low = 5, high = 1 }', "line 8, point[1].tests.low: 5 is not below high 1"),
        ('"i16"', '"i16", tests = { source = "x", status = "stat" }', "line 8, point[1].tests.status: there is no point 'stat'"),
        ('"i16"', '"i16", deadband = { absolute = -1 }', "line 8, point[1].deadband.absolute: must not be negative"),
        ("bit = 3", "bit = 3, deadband = { absolute = 1 }", "line 9, point[2].deadband: needs a number, and this is bool"),
        ("last = 9 }", "last = 9, max_count = 200 }", "line 6, window[1].max_count: must be from 1 to 125, not 200"),
        ("last = 9 }", "last = 9 }, { " + WINDOW + " }", "line 6, window[2]: input 0-9 overlaps the window 0-9"),
        ("first = 0", "first = 10", "line 6, window[1]: 10-9 is not a range of addresses within 0-65535"),
        ('"i16"', '"u32"', "line 9, point[2]: input 1 is in both 'level' and 'wet'"),
        ("last = 9 }", "last = 9, max_count = 1 }", None),
        ('type = "i16"', 'type = "i16"]', "line 8, column 63: is not TOML: unclosed inline table"),
    ],
)
def test_refused(tmp_path: Path, old: str, new: str, problem: str | None) -> None:
    """Each thing that can not be is told with its file, line, key and reason; what can be is taken."""
    assert old in GOOD
    write(tmp_path, GOOD.replace(old, new, 1))
    if problem is None:
        load_profile("mine", {}, tmp_path)
        return
    with pytest.raises(ConfigError) as caught:
        load_profile("mine", {}, tmp_path)
    assert f"profiles/mine.toml: {problem}" in map(str, caught.value.problems)


@pytest.mark.parametrize(
    ("name", "parameters", "problem"),
    [
        ("cabinet", {"loops": 40}, "parameter loops: must be at most 16, not 40"),
        ("cabinet", {"loops": 7}, "parameter loops: must be at least 8, not 7"),
        ("cabinet", {"loops": "many"}, "parameter loops: must be a whole number, not 'many'"),
        ("cabinet", {"loops": 8.5}, "parameter loops: must be a whole number, not 8.5"),
        ("cabinet", {"loops": True}, "parameter loops: must be a whole number, not True"),
        ("cabinet", {"pumps": 1}, "parameter pumps: unknown parameter; this profile has loops"),
        ("radar-level", {}, "parameter mount_m: is missing"),
        ("radar-level", {"mount_m": "nan"}, "parameter mount_m: must be a number, not 'nan'"),
        ("station", {"word_order": "AB"}, "parameter word_order: must be ABCD, CDAB, BADC or DCBA, not 'AB'"),
    ],
)
def test_refused_parameters(name: str, parameters: dict[str, object], problem: str) -> None:
    """A device can not ask for what its profile does not have."""
    with pytest.raises(ConfigError) as caught:
        load_profile(name, parameters)
    assert [str(p) for p in caught.value.problems] == [f"lampwell/profiles/data/{name}.toml: {problem}"]


def test_unknown_unit(tmp_path: Path) -> None:
    """Two spellings of one unit would be two quantities to everyone who reads the births."""
    write(tmp_path, GOOD.replace('"i16"', '"i16", unit = "kwh"'))
    with pytest.raises(ConfigError) as caught:
        load_profile("mine", {}, tmp_path)
    (problem,) = caught.value.problems
    assert problem.where == "line 8, point[1].unit"
    assert problem.reason.startswith("must be %, %LEL, A")
    assert problem.reason.endswith("not 'kwh'")


def test_unknown_profile_lists_the_shipped_ones() -> None:
    """A slip in the name shows what there is."""
    with pytest.raises(ConfigError, match=r"profiles/cabnet\.toml: there is no such profile; shipped are cabinet, concentrator"):
        load_profile("cabnet")


REPEAT = """\
[[repeat]]
component = "part{n}"
count = "size"
base = 4
stride = 3
defaults = { space = "holding" }
window = { count = 3 }
point = [ { path = "a", address = 0, type = "u32", zh = "部{n}", en = "Part {n}" } ]
"""


def test_repeat_unrolls(tmp_path: Path) -> None:
    """Components come one after the other and their windows join where they touch."""
    write(tmp_path, GOOD + REPEAT)
    profile = load_profile("mine", {"size": 3}, tmp_path)
    parts = [(r.point.path, r.address, r.point.zh) for r in profile.registers[2:]]
    assert parts == [("part1/a", 4, "部1"), ("part2/a", 7, "部2"), ("part3/a", 10, "部3")]
    assert [(w.space, w.first, w.last) for w in profile.windows[1:]] == [(Space.HOLDING, 4, 12)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"size"', '"sizes"', "line 17, repeat[1].count: 'sizes' is not a number parameter of this profile"),
        ('"size"', "2.5", "line 17, repeat[1].count: must be a whole number or a parameter's name, not 2.5"),
        (
            "part{n}",
            "part",
            "line 16, repeat[1].component: must be a name that holds {n}, such as loop{n} or lamp{n:03}, not 'part'",
        ),
        ('path = "a"', 'path = "b/a"', "line 22, repeat[1].point[1].path: can not name a component: it is in a repeat already"),
        ("stride = 3", "stride = 1", "line 22, repeat[1].point[1]: holding 5 is in both 'part1/a' and 'part2/a'"),
        ("window = { count = 3 }", "", "line 22, repeat[1].point[1].address: holding 4-5 is in no readable window"),
        ("defaults = ", "# ", "line 22, repeat[1].point[1].space: is missing"),
    ],
)
def test_refused_repeats(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """A fault in a repeat is told once, at its place in the file, not once per component."""
    write(tmp_path, GOOD + REPEAT.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_profile("mine", {"size": 2}, tmp_path)
    assert f"profiles/mine.toml: {problem}" in map(str, caught.value.problems)
    assert len(caught.value.problems) <= 3
