"""Draws docs/demo.svg: the demo's screen during a storm, from a real run of a few minutes of county time."""

from __future__ import annotations

import asyncio
import io
import tempfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import uvloop
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from deploy.onebox import Storm, running
from deploy.ports import shifted
from deploy.screen import Size, render
from deploy.session import moment
from deploy.watch import Watch
from lampwell.clock import ScaledClock
from lampwell.county import load

SPEED, COUNTY_S, PORTS = 12.0, 15 * 60, 17000
NIGHT = TerminalTheme((24, 26, 27), (178, 178, 178), [(24, 26, 27)] * 8, [(178, 178, 178)] * 8)
FORMAT = """<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font-family: "Sarasa Mono SC", "Noto Sans Mono CJK SC", monospace; font-size: {char_height}px;
line-height: {line_height}px }} {styles}</style>
<defs>{lines}</defs>
<rect width="100%" height="100%" fill="#181a1b"/>
<g clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


async def main() -> None:
    """Run the county until the storm's peak is over and draw what the screen shows."""
    county = shifted(load(Path("counties/taihe")), PORTS)
    start = datetime(2026, 6, 21, 18, 30, tzinfo=ZoneInfo(county.time_zone))
    clock = ScaledClock(int(start.timestamp() * 1000), SPEED)
    watch = Watch(county, clock, speed=SPEED, folder="run/taihe-drill", note="新数据目录 new data folder")
    with tempfile.TemporaryDirectory() as folder:
        async with running(county, clock=clock, data_dir=Path(folder), storm=Storm(20, 15)) as box:
            while clock.monotonic() < COUNTY_S:
                view = watch.look(moment(box))
                await asyncio.sleep(0.5)
    size = Size(width=124, height=30)
    console = Console(record=True, width=size.width, height=size.height, file=io.StringIO(), force_terminal=True)
    console.print(render(view, size))
    console.save_svg("docs/demo.svg", title="", theme=NIGHT, code_format=FORMAT)


if __name__ == "__main__":
    uvloop.run(main())
