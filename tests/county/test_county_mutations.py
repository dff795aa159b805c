"""Whatever is done to the files of a county, it loads or is refused in words; never a traceback."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.check import report
from lampwell.assets import County
from lampwell.county import load
from lampwell.errors import ConfigError
from lampwell.profiles.loader import SHIPPED

TAIHE = Path(__file__).parents[2] / "counties" / "taihe"
FILES = (
    "county.toml",
    "defaults.toml",
    "links.csv",
    "devices.csv",
    "lamps.csv",
    "profiles/station.toml",
    "profiles/radar-level.toml",
)

NASTY = tuple(
    text.encode("latin-1")
    for text in (
        *(
            "",
            "0",
            "-1",
            "1e999",
            "nan",
            "inf",
            "99999999999999999999",
            "true",
            '""',
            '"x"',
            "[]",
            "{}",
            "{",
            "[[",
            "]]",
            "\0",
            '"',
            "'",
            "#",
        ),
        *(
            "=",
            ".",
            ",",
            "\r",
            "\n",
            "+/#",
            "\xff\xfe",
            "\xc4\xe3",
            "\xef\xbb\xbf",
            "\xe6\xb3\xb0",
            "2026-01-01",
            "0x7fffffffffffffff",
        ),
        *("{n}", "{n:09}", "mount_m - ", "../../etc/passwd", "profiles/station.toml", "[area]\n", "a.b.c = 1\n", "," * 40),
    )
)

Mutation = Callable[[bytes], bytes]


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """One way to spoil a file."""
    kind = draw(st.sampled_from(("drop", "double", "swap", "splice", "value", "cut", "recode")))
    at, to = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    match kind:
        case "drop" | "double" | "swap":
            return lambda data: _lines(data, kind, at, to)
        case "splice":
            new, length = draw(st.binary(max_size=6) | st.sampled_from(NASTY)), draw(st.integers(0, 12))
            return lambda data: data[: int(at * len(data))] + new + data[int(at * len(data)) + length :]
        case "value":
            new = draw(st.sampled_from(NASTY))
            return lambda data: _value(data, at, new)
        case "cut":
            return lambda data: data[: int(at * len(data))]
        case _:
            coding = draw(st.sampled_from(("gbk", "gb18030", "utf-16", "utf-8-sig", "big5", "utf-7")))
            return lambda data: data.decode("utf-8", "replace").encode(coding, "replace")


def _lines(data: bytes, kind: str, at: float, to: float) -> bytes:
    lines = data.split(b"\n")
    one, other = (min(int(x * len(lines)), len(lines) - 1) for x in (at, to))
    match kind:
        case "drop":
            del lines[one]
        case "double":
            lines.insert(other, lines[one])
        case _:
            lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _value(data: bytes, at: float, new: bytes) -> bytes:
    """Replace what stands after a comma or an equals sign, up to the next."""
    start = max(data.find(b",", int(at * len(data))), data.find(b"=", int(at * len(data)))) + 1
    end = min((e for e in (data.find(b",", start), data.find(b"\n", start)) if e > 0), default=len(data))
    return data[:start] + new + data[end:]


@given(file=st.sampled_from(FILES), steps=st.lists(mutations(), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_mutated_county_loads_or_is_refused(file: str, steps: list[Mutation]) -> None:
    """Loads to a county that can be planned, or is refused with problems of which each names a file and a reason."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "taihe"
        shutil.copytree(TAIHE, folder)
        (folder / "profiles").mkdir(exist_ok=True)
        path = folder / file
        if not path.exists():
            shutil.copy(SHIPPED / path.name, path)
        data = path.read_bytes()
        for step in steps:
            data = step(data)
        path.write_bytes(data)
        _check(folder)


def _check(folder: Path) -> None:
    try:
        found: object = load(folder)
    except ConfigError as error:
        found = error.problems
    if isinstance(found, County):
        assert len(report(found)) == len(found.links)
        return
    assert isinstance(found, tuple)
    assert found
    assert all(p.file and p.reason for p in found)
    assert not any(word in str(p) for p in found for word in ("\n", "pydantic", "Traceback"))
