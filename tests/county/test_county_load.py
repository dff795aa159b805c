"""A county folder: read as written, or refused with file, place and reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lampwell.assets import DeviceKind, Intervals, Levels, ModeRule, Transport
from lampwell.county import load
from lampwell.errors import ConfigError

TAIHE = Path(__file__).parents[2] / "counties" / "taihe"
ID = "must be at most 64 letters, digits, '-', '_' or '.' (Sparkplug forbids + / #), not "
Edit = Callable[[str, str, str], None]


def problems(folder: Path) -> list[str]:
    """What the folder is refused for, [] where it is not."""
    try:
        load(folder)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_small_county_as_written(small: Path) -> None:
    """Every cell arrives where it belongs, defaults of the kind fill what a device does not say."""
    county = load(small)
    well = next(d for d in county.devices if d.id == "well-1")
    assert (well.kind, well.area, well.unit, well.zh) == (DeviceKind.WELL, "town", 1, "一号井")
    assert well.intervals == Intervals(dry_s=10, watch_s=5, storm_s=2, slow_s=30)
    assert well.modes == (ModeRule(point="level", watch=0.5, storm=0.9),)
    assert well.levels == Levels(blue=0.6, yellow=1.5, orange=2, red=2.3)
    assert well.datum == {"invert": 58.1, "ground": 60.6}
    assert well.parameters["mount_m"] == 2.4
    assert well.parameters["blind_m"] == 0.2
    assert county.devices[0].parameters == {"loops": 8}
    rain = county.links[2]
    assert (rain.transport, rain.path, rain.baud, rain.endpoint) == (Transport.RTU, "serial/rain", 4800, "serial/rain")
    assert [lamp.loop for lamp in county.lamps] == [1, 8]


def test_tables_may_be_toml_csv_or_both(small: Path) -> None:
    """The few in TOML, the many in CSV, side by side."""
    (small / "links.toml").write_text('[[link]]\nid = "st-1"\nedge = "edge-hills"\ntransport = "tcp"\nhost = "h"\nport = 502\n')
    device = '[[device]]\nid = "s"\nkind = "station"\nprofile = "station"\nlink = "st-1"\nunit = 3\n'
    rest = 'intervals = { dry_s = 9, watch_s = 5, storm_s = 2 }\nmodes = { "pump1/current" = { watch = 1, storm = 2 } }\n'
    (small / "devices.toml").write_text(device + rest + "parameters = { pumps = 1 }\n")
    station = next(d for d in load(small).devices if d.id == "s")
    assert (station.area, station.modes[0].point, station.parameters["pumps"]) == ("hills", "pump1/current", 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_as_excel_in_china_writes_it(small: Path, encoding: str, newline: str) -> None:
    """GBK and byte order marks are how real sheets arrive."""
    path = small / "devices.csv"
    text = path.read_text(encoding="utf-8").replace("\n", newline)
    path.write_bytes(text.encode(encoding))
    assert [d.zh for d in load(small).devices] == ["大道控制箱", "一号井", "雨量站"]


def test_toml_with_a_byte_order_mark(small: Path) -> None:
    """Windows Notepad puts one in front."""
    path = small / "county.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(small).zh == "小县"


def test_damaged_utf8_is_not_taken_for_gbk(small: Path) -> None:
    """One lost byte would turn every Chinese name into other Chinese characters, without a word."""
    path = small / "devices.csv"
    path.write_bytes(path.read_bytes().replace("井".encode(), "井".encode()[:2], 1))
    assert problems(small) == ["devices.csv: line 3: is neither UTF-8 nor GBK text"]


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("county.toml", "泰和县".encode("gbk"), "county.toml: line 1: is not UTF-8 text"),
        ("devices.csv", b"id\n\xff\xff\n", "devices.csv: line 2: is neither UTF-8 nor GBK text"),
        ("devices.csv", "id,kind".encode("utf-16"), "devices.csv: is UTF-16; save it as UTF-8"),
        ("devices.csv", b"", "devices.csv: is empty; its first line must name the columns"),
        ("devices.csv", b'id,"kind\n', "devices.csv: line 1: is not CSV: unexpected end of data"),
        ("county.toml", b"id = ", "county.toml: is not TOML: invalid value (at end of document)"),
        ("county.toml", b"", "county.toml: latitude: is missing"),
    ],
)
def test_unreadable_files(small: Path, file: str, content: bytes, problem: str) -> None:
    """A broken file is told as such, not as a hundred missing devices."""
    (small / file).write_bytes(content)
    assert problem in problems(small)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        # the county
        ("county.toml", "latitude = 26.8", "latitude = 114.9", "county.toml: line 4, latitude: must be at most 90, not 114.9"),
        ("county.toml", "latitude = 26.8", "latitude = nan", "county.toml: line 4, latitude: must be a finite number, not nan"),
        ("county.toml", "latitude = 26.8", 'latitude = "26"', "county.toml: line 4, latitude: must be a number, not '26'"),
        (
            "county.toml",
            "Asia/Shanghai",
            "Asia/Taihe",
            "county.toml: line 6, time_zone: must be a time zone such as Asia/Shanghai, not 'Asia/Taihe'",
        ),
        (
            "county.toml",
            "Asia/Shanghai",
            "../etc",
            "county.toml: line 6, time_zone: must be a time zone such as Asia/Shanghai, not '../etc'",
        ),
        ("county.toml", "host =", "hots =", "county.toml: line 8, broker.hots: unknown key; did you mean 'host'?"),
        ("county.toml", "host =", "hots =", "county.toml: line 7, broker.host: is missing"),
        (
            "county.toml",
            "[broker]",
            "[broker]\nport = 70000",
            "county.toml: line 8, broker.port: must be at most 65535, not 70000",
        ),
        (
            "county.toml",
            "[broker]",
            '[broker]\nport = "1883"',
            "county.toml: line 8, broker.port: must be a whole number, not '1883'",
        ),
        (
            "county.toml",
            "[[area]]",
            '[history]\nstore = "sqlite"\n[[area]]',
            "county.toml: line 10, history.store: must be duckdb or influx, not 'sqlite'",
        ),
        (
            "county.toml",
            "[[area]]",
            '[history]\nstore = "influx"\n[[area]]',
            "county.toml: line 9, history: store influx needs a url such as http://127.0.0.1:8086, not ''",
        ),
        ("county.toml", 'id = "hills"', 'id = "town"', "county.toml: line 14, area[2].id: area 'town' is there twice"),
        (
            "county.toml",
            'id = "hills"',
            'id = "Town"',
            "county.toml: line 14, area[2].id: area 'Town' differs from 'town' only in case",
        ),
        (
            "county.toml",
            'id = "hills"',
            'id = "hi/lls"',
            "county.toml: line 14, area[2].id: " + ID + "'hi/lls'",
        ),
        ("county.toml", 'area = "hills"', 'area = "hill"', "county.toml: line 28, edge[2].area: there is no area 'hill'"),
        (
            "county.toml",
            'road_class = "main"',
            'road_class = "big"',
            "county.toml: line 21, road[1].road_class: must be main, secondary or branch, not 'big'",
        ),
        ("county.toml", 'area = "town"', 'area = "city"', "county.toml: line 22, road[1].area: there is no area 'city'"),
        # links
        ("links.csv", "edge-town,tcp", "edge-city,tcp", "links.csv: line 2, edge: there is no edge 'edge-city'"),
        ("links.csv", ",tcp,", ",udp,", "links.csv: line 2, transport: must be tcp, rtu-over-tcp or rtu, not 'udp'"),
        ("links.csv", "1502", "0", "links.csv: line 2, port: must be at least 1, not '0'"),
        ("links.csv", "1502", "", "links.csv: line 2: transport tcp needs host and port, and no path"),
        (
            "links.csv",
            "1503",
            "1502",
            "links.csv: line 3: link 'line-1' goes to 127.0.0.1:1502 like link 'cab-1'; put their units on one link",
        ),
        ("links.csv", "serial/rain", "", "links.csv: line 4: transport rtu needs a path (the serial port), and no host or port"),
        (
            "links.csv",
            "4800",
            "4801",
            "links.csv: line 4, baud: must be 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200, not 4801",
        ),
        ("links.csv", "path,baud", "path,bauds", "links.csv: line 1, column 7: unknown column 'bauds'; did you mean 'baud'?"),
        ("links.csv", "path,baud", "path,path", "links.csv: line 1, column 7: column 'path' is there twice"),
        ("links.csv", "path,baud", "path,", "links.csv: line 1, column 7: has no name"),
        ("links.csv", "1503,,9600", "1503,9600", "links.csv: line 3: has 6 cells where the first line names 7 columns"),
        # devices
        ("devices.csv", "rain-1", "well-1", "devices.csv: line 4, id: device 'well-1' is there twice"),
        ("devices.csv", "rain-1", "Well-1", "devices.csv: line 4, id: device 'Well-1' differs from 'well-1' only in case"),
        (
            "devices.csv",
            "rain-1",
            "rain#1",
            "devices.csv: line 4, id: " + ID + "'rain#1'",
        ),
        ("devices.csv", "rain,1,", "rain,248,", "devices.csv: line 4, unit: must be at most 247, not '248'"),
        ("devices.csv", "rain,1,", "rain,0,", "devices.csv: line 4, unit: must be at least 1, not '0'"),
        ("devices.csv", "rain,1,", "rain,one,", "devices.csv: line 4, unit: must be a whole number, not 'one'"),
        (
            "devices.csv",
            "rain-gauge,rain,1",
            "rain-gauge,line-1,1",
            "devices.csv: line 4, unit: unit 1 on link 'line-1' is 'well-1' already",
        ),
        ("devices.csv", "rain-gauge,rain,1", "rain-gauge,rains,1", "devices.csv: line 4, link: there is no link 'rains'"),
        (
            "devices.csv",
            "rain-1,rain,",
            "rain-1,snow,",
            "devices.csv: line 4, kind: must be cabinet, concentrator, station, well, ponding, rain, river or meter, not 'snow'",
        ),
        ("devices.csv", "rain-gauge", "rain-gage", "devices.csv: line 4, profile: profile 'rain-gage' was refused"),
        ("devices.csv", "rain-gauge", "station", "devices.csv: line 4, profile: profile 'station' is for station, not rain"),
        (
            "devices.csv",
            "rain,1,,",
            "rain,1,town,",
            "devices.csv: line 4, area: must be 'hills', the area of edge 'edge-hills' that polls link 'rain'",
        ),
        ("devices.csv", "1,,main", "1,,mian", "devices.csv: line 3, road: there is no road 'mian'"),
        ("devices.csv", ",8,", ",80,", "devices.csv: line 2, parameters.loops: must be at most 16, not 80"),
        ("devices.csv", "2.4", "", "devices.csv: line 3, parameters.mount_m: is missing"),
        ("devices.csv", "2.4", "high", "devices.csv: line 3, parameters.mount_m: must be a number, not 'high'"),
        ("devices.csv", "0.5,0.9", "0.9,0.5", "devices.csv: line 3, modes.level: watch 0.9 is above storm 0.5"),
        ("devices.csv", "0.5,0.9", "0.5,", "devices.csv: line 3, modes.level.storm: is missing"),
        (
            "devices.csv",
            "modes.level.watch,modes.level.storm",
            "modes.depth.watch,modes.depth.storm",
            "devices.csv: line 3, modes.depth: profile 'radar-level' has no point 'depth'",
        ),
        (
            "devices.csv",
            "0.6,1.5",
            "1.5,0.6",
            "devices.csv: line 3, levels: must rise from blue to red, not blue 1.5, yellow 0.6, orange 2, red 2.3",
        ),
        ("devices.csv", "58.1,60.6", "60.6,58.1", "devices.csv: line 3, datum: invert 60.6 is not below ground 58.1"),
        (
            "defaults.toml",
            "storm_s = 2",
            "storm_s = 20",
            "defaults.toml: line 4, well.intervals: must not grow from dry_s 10 to watch_s 5 to storm_s 20",
        ),
        (
            "defaults.toml",
            "storm_s = 2",
            "storm_s = 0",
            "defaults.toml: line 4, well.intervals.storm_s: must be more than 0, not 0",
        ),
        ("defaults.toml", "[rain]", "[rains]", "defaults.toml: line 5, rains: unknown key; did you mean 'rain'?"),
        ("defaults.toml", "[rain]", "[river]", "devices.csv: line 4, intervals: is missing"),
        # lamps
        ("lamps.csv", "lamp-2,", "lamp-1,", "lamps.csv: line 3, id: lamp 'lamp-1' is there twice"),
        ("lamps.csv", ",8,b", ",9,b", "lamps.csv: line 3, loop: there is no loop 9: cabinet 'cabinet-1' has 8"),
        ("lamps.csv", ",8,b", ",0,b", "lamps.csv: line 3, loop: must be at least 1, not '0'"),
        ("lamps.csv", ",8,b", ",8,d", "lamps.csv: line 3, phase: must be a, b or c, not 'd'"),
        ("lamps.csv", "cabinet-1,8", "cabinet-2,8", "lamps.csv: line 3, cabinet: there is no cabinet 'cabinet-2'"),
        ("lamps.csv", "cabinet-1,8", "well-1,8", "lamps.csv: line 3, cabinet: there is no cabinet 'well-1'"),
        ("lamps.csv", "main,M-2", "side,M-2", "lamps.csv: line 3, road: there is no road 'side'"),
        ("lamps.csv", "M-2,150", "M-2,-5", "lamps.csv: line 3, watts: must be more than 0, not '-5'"),
        ("lamps.csv", "M-2,150", "M-2,inf", "lamps.csv: line 3, watts: must be a finite number, not 'inf'"),
    ],
)
def test_refused(small: Path, edit: Edit, file: str, old: str, new: str, problem: str) -> None:
    """Each wrong thing is told with file, line, key and reason in plain words."""
    edit(file, old, new)
    assert problem in problems(small)


def test_all_problems_at_once(small: Path, edit: Edit) -> None:
    """A person mends a folder in one go, not one error a run."""
    edit("links.csv", "1502", "x")
    edit("lamps.csv", ",8,b", ",9,z")
    edit("devices.csv", "rain,1,", "rain,999,")
    assert len(problems(small)) == 3


def test_refused_row_does_not_make_others_wrong(small: Path, edit: Edit) -> None:
    """A device with a slip in it is told once; its lamps are not called orphans."""
    edit("devices.csv", ",8,", ",80,")
    assert problems(small) == ["devices.csv: line 2, parameters.loops: must be at most 16, not 80"]


def test_refused_defaults_do_not_make_every_device_wrong(small: Path, edit: Edit) -> None:
    """A slip in defaults.toml is told once, not once per device."""
    edit("defaults.toml", "storm_s = 2", "storm = 2")
    assert problems(small) == [
        "defaults.toml: line 4, well.intervals.storm_s: is missing",
        "defaults.toml: line 4, well.intervals.storm: unknown key; did you mean 'storm_s'?",
    ]


def test_misspelt_file_name_is_not_an_absent_file(small: Path) -> None:
    """``lamp.csv`` would otherwise be a county without lamps."""
    (small / "lamps.csv").rename(small / "lamp.csv")
    assert any(p.startswith("lamp.csv: is no file of a county; those are county.toml") for p in problems(small))


def test_missing_files(small: Path, tmp_path: Path) -> None:
    """What is not there is named."""
    (small / "links.csv").unlink()
    assert "links.csv: there is no such file, nor links.toml" in problems(small)
    (small / "county.toml").unlink()
    assert problems(small) == ["county.toml: can not be read: there is no such file"]
    assert problems(tmp_path / "nowhere") == [f"{tmp_path / 'nowhere'}: there is no such folder"]


def test_lamps_of_a_concentrator_are_its_cabinets(small: Path) -> None:
    """Lamp n of a concentrator is the n-th lamp of its cabinet: it can not have more."""
    device = '[[device]]\nid = "c"\nkind = "concentrator"\nprofile = "concentrator"\nlink = "cab-1"\nunit = 2\n'
    device += 'intervals = { dry_s = 9, watch_s = 9, storm_s = 9 }\nparameters = { cabinet = "cabinet-1", lamps = 3 }\n'
    (small / "devices.toml").write_text(device)
    assert problems(small) == [
        "devices.toml: line 8, device[1].parameters.lamps: 3 lamps are more than the 2 that cabinet 'cabinet-1' has"
    ]


def test_refused_profile_of_the_county(small: Path) -> None:
    """A county's own profile with overlapping registers is told with the profile's file and line."""
    (small / "profiles").mkdir()
    source = (Path(__file__).parents[2] / "lampwell/profiles/data/rain-gauge.toml").read_text(encoding="utf-8")
    (small / "profiles" / "rain-gauge.toml").write_text(source.replace("address = 2", "address = 1"), encoding="utf-8")
    found = problems(small)
    assert any(
        p.startswith("profiles/rain-gauge.toml: line 12, point[2]: holding 1 is in both 'total' and 'today'") for p in found
    )


# -- the demo county -----------------------------------------------------------------------------------------------------------


def test_taihe_is_what_its_bureau_reports() -> None:
    """1,194 lamps changed to LED and 26 new on 11 cabinets; three areas with one edge node each."""
    county = load(TAIHE)
    kinds = [device.kind for device in county.devices]
    wanted = {"cabinet": 11, "station": 3, "well": 40, "ponding": 6, "rain": 4, "river": 1, "meter": 1, "concentrator": 1}
    assert {kind: kinds.count(kind) for kind in set(kinds)} == wanted
    assert len(county.lamps) == 1220
    assert sum("-N" in lamp.pole for lamp in county.lamps) == 26
    assert [edge.area for edge in county.edges] == [area.id for area in county.areas]
    assert {road.zh for road in county.roads} == {"白凤大道", "工农兵大道", "澄江大道", "滨江大道", "祥和大道", "G319国道"}
    assert {lamp.cabinet for lamp in county.lamps} == {d.id for d in county.devices if d.kind is DeviceKind.CABINET}


def test_taihe_stands_where_taihe_is() -> None:
    """Everything within a few kilometres of the county town, and the wells below their ground."""
    county = load(TAIHE)
    places = [*county.devices, *county.lamps]
    assert all(abs((p.latitude or 0) - 26.79) < 0.03 and abs((p.longitude or 0) - 114.90) < 0.03 for p in places)
    for well in (d for d in county.devices if d.kind is DeviceKind.WELL):
        assert well.levels is not None
        assert 1.7 < well.datum["ground"] - well.datum["invert"] < 4
        assert well.levels.red < well.datum["ground"] - well.datum["invert"]


def test_taihe_shows_every_way_to_connect() -> None:
    """TCP, RTU over TCP and a serial line; stations in different word orders; both makes of level sensor."""
    county = load(TAIHE)
    assert {link.transport for link in county.links} == set(Transport)
    assert len({d.parameters["word_order"] for d in county.devices if d.kind is DeviceKind.STATION}) >= 2
    assert {d.profile.id for d in county.devices if d.kind is DeviceKind.WELL} == {"radar-level", "ultrasonic-level"}
