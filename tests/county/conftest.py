"""A county small enough to read, as files in a temporary folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

COUNTY = """\
id = "small"
zh = "小县"
en = "Small County"
latitude = 26.8
longitude = 114.9
time_zone = "Asia/Shanghai"
[broker]
host = "127.0.0.1"
[[area]]
id = "town"
zh = "城区"
en = "Town"
[[area]]
id = "hills"
zh = "山区"
en = "Hills"
[[road]]
id = "main"
zh = "大道"
en = "Main Avenue"
road_class = "main"
area = "town"
[[edge]]
id = "edge-town"
area = "town"
[[edge]]
id = "edge-hills"
area = "hills"
"""
LINKS = """\
id,edge,transport,host,port,path,baud
cab-1,edge-town,tcp,127.0.0.1,1502,,
line-1,edge-town,rtu-over-tcp,127.0.0.1,1503,,9600
rain,edge-hills,rtu,,,serial/rain,4800
"""
DEVICES = """\
id,kind,profile,link,unit,area,road,zh,parameters.loops,parameters.mount_m,modes.level.watch,modes.level.storm,levels.blue,levels.yellow,levels.orange,levels.red,datum.invert,datum.ground
cabinet-1,cabinet,cabinet,cab-1,1,town,main,大道控制箱,8,,,,,,,,,
well-1,well,radar-level,line-1,1,,main,一号井,,2.4,0.5,0.9,0.6,1.5,2,2.3,58.1,60.6
rain-1,rain,rain-gauge,rain,1,,,雨量站,,,,,,,,,,
"""
LAMPS = """\
id,cabinet,loop,phase,road,pole,watts
lamp-1,cabinet-1,1,a,main,M-1,150
lamp-2,cabinet-1,8,b,main,M-2,150
"""
DEFAULTS = """\
[cabinet]
intervals = { dry_s = 5, watch_s = 5, storm_s = 5 }
[well]
intervals = { dry_s = 10, watch_s = 5, storm_s = 2, slow_s = 30 }
[rain]
intervals = { dry_s = 10, watch_s = 5, storm_s = 5 }
"""
FILES = {
    "county.toml": COUNTY,
    "links.csv": LINKS,
    "devices.csv": DEVICES,
    "lamps.csv": LAMPS,
    "defaults.toml": DEFAULTS,
}


def make(folder: Path) -> Path:
    """The small county in a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The folder of a county that is in order."""
    return make(tmp_path / "small")


@pytest.fixture
def edit(small: Path) -> Callable[[str, str, str], None]:
    """Replaces the first ``old`` in a file of the small county by ``new``; the test is wrong where there is none."""

    def replace(file: str, old: str, new: str) -> None:
        text = (small / file).read_text(encoding="utf-8")
        assert old in text
        (small / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace
