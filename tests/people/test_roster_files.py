"""The files that a roster comes from, and the document it is kept as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.people.escalation import SKILLS, Told, due
from control.people.files import load_roster, read_roster, write_roster
from control.people.roster import (
    Contact,
    Crew,
    Holiday,
    Person,
    Roster,
    Step,
    UnreadableRoster,
    channels_used,
    from_json,
    to_json,
)
from control.people.rota import gaps, on_shift
from lampwell.assets import DeviceKind
from lampwell.errors import ConfigError, Problem

from .conftest import AREAS, HOUR, RED, ROSTER, TAIHE, ZONE, at

FILES = sorted(path.name for path in TAIHE.iterdir())


def copy_of_taihe(folder: Path, change: Callable[[str, bytes], bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for source in TAIHE.iterdir():
        (folder / source.name).write_bytes(change(source.name, source.read_bytes()))
    return folder


def test_the_demo_county_has_no_gap_in_two_years(tmp_path: Path) -> None:
    """The shipped roster loads, has no gap, and is the same after writing, reading and keeping as JSON."""
    roster = load_roster(TAIHE, AREAS)
    assert gaps(roster, at("2026-01-02T00:00"), at("2027-12-31T00:00"), ZONE) == ()
    write_roster(roster, tmp_path / "people")
    assert load_roster(tmp_path / "people", AREAS) == roster
    assert from_json(to_json(roster)) == roster
    assert channels_used(roster) == ("dingtalk-duty", "feishu-drainage", "mail", "sms", "wecom-lighting")


@pytest.mark.parametrize("area", [*AREAS, ""])
@pytest.mark.parametrize("kind", [*map(str, DeviceKind), ""])
def test_the_demo_county_has_someone_for_everything(area: str, kind: str) -> None:
    """Every priority, area and kind of device finds those who were meant, in both seasons, by day and by night."""
    roster = load_roster(TAIHE, AREAS)
    for begin in ("2026-01-15T03:00", "2026-07-15T12:00"):
        for priority in (1, 2, 3, 4):
            told = Told(priority=priority, area=area, kind=kind, announced_at=at(begin))
            calls = due(roster, told, at(begin) + 24 * HOUR, ZONE)
            assert calls
            assert not [call for call in calls if call.why]


def test_every_kind_of_device_has_a_crew() -> None:
    """Protects a new kind of device from being left to nobody's trade."""
    assert set(SKILLS) == set(map(str, DeviceKind))


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("people.toml", '"duty:office"', '"duty:nobody"', "there is no rota 'nobody'"),
        ("people.toml", '"person:group-duty"', '"person:nobody"', "there is no person 'nobody'"),
        ("people.toml", '["crew"]', '["everyone"]', "must be duty:<rota>"),
        ("people.toml", '["crew"] }', '["crew"], channels = ["fax"] }', "there is no contact with channel 'fax'"),
        ("people.toml", 'areas = ["g319"]', 'areas = ["moon"]', "there is no area 'moon'"),
        ("people.toml", 'crew = "lighting-g319"', 'areas = ["moon"]', "there is no area 'moon'"),
        ("people.toml", 'crew = "lighting-g319"', 'crew = "moon"', "there is no crew 'moon'"),
        ("people.toml", 'starts = ["08:00", "20:00"]', 'starts = ["08:00", "08:00"]', "begin at the same time"),
        ("people.toml", 'starts = ["08:00", "20:00"]', 'starts = ["08:00+08:00"]', "a time of day"),
        ("people.toml", 'quiet = ["22:00", "07:00"]', 'quiet = ["22:00", "7 h"]', "a time of day"),
        ("people.toml", "priorities = [3]", "priorities = [2]", "quiet hours are for priorities 3 and 4 alone"),
        ("people.toml", "priorities = [3]", "priorities = [4]", "no policy is for priority 3"),
        ("people.toml", "steps = [{ after_s = 0", "steps = [] # [{ after_s = 0", "steps"),
        ("people.toml", "after_s = 180", "after_s = 900", "a step comes before"),
        ("people.toml", "every_s = 900", "every_s = 480", "before the last step"),
        ("people.toml", "[season]", "[seasons]", "unknown key"),
        ("people.toml", 'anchor = "2026-01-01"', 'anchor = "0001-01-01"', "a date, written"),
        ("contacts.csv", "19900000001", "199", "must be a mobile number"),
        ("contacts.csv", "19900000001", "１９９００００００００１", "must be a mobile number"),
        ("contacts.csv", "wang@taihe.example", "wang", "must be a mail address"),
        ("persons.csv", "wang,", "wang2,", "there is no person 'wang'"),
        ("persons.csv", "zhang,", "wang,", "person 'wang' is there twice"),
        ("persons.csv", ",leader", ",engineer", "no person whose role is leader"),
        ("persons.csv", ",leader", ",king", "role"),
        ("holidays.csv", "2026-01-01", "2026-13-01", "a date, written"),
        ("holidays.csv", "2026-01-02", "2026-01-01", "is there twice"),
        ("shifts.csv", "chen yang", "chen nobody", "there is no person 'nobody'"),
        ("shifts.csv", "office", "attic", "there is no rota 'attic'"),
        ("shifts.csv", "T16:00", "T08:00", "ends"),
        (
            "shifts.csv",
            "chen yang",
            "chen yang\nlighting-g319,2026-10-01T15:00,2026-10-01T20:00,chen",
            "'chen' is on another shift",
        ),
        ("swaps.csv", "T16:00", "T17:00", "no shift of 'office' begins at"),
        ("swaps.csv", "zhang", "li", "'li' is not on that shift; zhang is"),
        ("swaps.csv", "wu,", "nobody,", "there is no person 'nobody'"),
    ],
)
def test_a_wrong_file_is_told_by_place_and_reason(tmp_path: Path, file: str, old: str, new: str, reason: str) -> None:
    """Protects whoever edits the roster: every slip is named with its file, never a traceback."""
    assert old in (TAIHE / file).read_text("utf-8")
    folder = copy_of_taihe(
        tmp_path / "people", lambda name, raw: raw.replace(old.encode(), new.encode()) if name == file else raw
    )
    with pytest.raises(ConfigError, match=reason):
        load_roster(folder, AREAS)


def test_both_seasons_policies_together_are_enough(tmp_path: Path) -> None:
    """Protects the county that writes one policy for the flood season and one for the rest."""
    flood, dry = (
        replace(RED, id="f", priorities=(1, 2, 3), season="flood"),
        replace(RED, id="d", priorities=(1, 2, 3), season="dry"),
    )
    write_roster(replace(ROSTER, policies=(flood, dry)), tmp_path / "people")
    assert len(load_roster(tmp_path / "people", AREAS).policies) == 2
    write_roster(replace(ROSTER, policies=(flood,)), tmp_path / "people")
    with pytest.raises(ConfigError, match="no policy is for priority 1, 2, 3"):
        load_roster(tmp_path / "people", AREAS)


def test_one_chat_may_stand_beside_two_crews(tmp_path: Path) -> None:
    """Protects group chats: they are at many places at once, people are not."""
    two = b"rota,start,end,persons\n" + b"".join(
        b"%s,2026-10-01T08:00,2026-10-02T08:00,%s group-lighting\n" % pair
        for pair in ((b"lighting-g319", b"guo"), (b"lighting-oldtown", b"liu"))
    )
    folder = copy_of_taihe(tmp_path / "people", lambda name, raw: two if name == "shifts.csv" else raw)
    assert len(load_roster(folder, AREAS).shifts) == 2


def test_a_swap_may_be_swapped_again(tmp_path: Path) -> None:
    """Protects a second thought: the next swap of the same shift starts from the one before it."""
    again = b"office,2026-12-24T16:00,wu,li,peng,\n"
    folder = copy_of_taihe(tmp_path / "people", lambda name, raw: raw + again if name == "swaps.csv" else raw)
    assert on_shift(load_roster(folder, AREAS), "office", at("2026-12-24T17:00"), ZONE) == ("li",)


def test_no_folder_is_an_empty_roster_and_a_file_is_not(tmp_path: Path) -> None:
    """Protects a county without people yet, and tells a file that stands where the folder should."""
    assert load_roster(tmp_path / "people", AREAS) == Roster()
    (tmp_path / "people").write_text("")
    for act in (lambda: load_roster(tmp_path / "people", AREAS), lambda: write_roster(Roster(), tmp_path / "people")):
        with pytest.raises(ConfigError):
            act()


def test_excel_files_are_read(tmp_path: Path) -> None:
    """Protects the office: sheets saved as GBK with Windows line ends are the same roster."""

    def as_excel(name: str, raw: bytes) -> bytes:
        return raw.decode().replace("\n", "\r\n").encode("gb18030") if name.endswith(".csv") else raw

    assert load_roster(copy_of_taihe(tmp_path / "people", as_excel), AREAS) == load_roster(TAIHE, AREAS)


@pytest.mark.parametrize("text", ["", "[]", '{"persons": 3}', '{"persons": [{"id": "a"}]}', "\x00"])
def test_a_document_that_is_no_roster_is_refused(text: str) -> None:
    """Protects the service from a damaged row: one clear error."""
    with pytest.raises(UnreadableRoster, match="can not be read"):
        from_json(text)


def test_a_document_of_an_earlier_version_is_read() -> None:
    """Protects kept rosters: what came later has its default."""
    policy = '{"id": "p", "zh": "p", "priorities": [1], "steps": []}'
    old = f'{{"rotas": [{{"id": "r", "zh": "r", "cycle": [["a"]]}}], "policies": [{policy}]}}'
    assert from_json(old).rotas[0].length_h is None


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=12).map(
    lambda text: f"n{text}n"  # no spaces at its ends, which nobody could see in a sheet
)


@settings(max_examples=60, deadline=None)
@given(names, names, st.floats(0, 86_400), st.booleans())
def test_any_text_survives_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory, zh: str, note: str, s: float, on: bool
) -> None:
    """Protects names with quotes, commas, line ends and worse."""
    roster = Roster(
        persons=(Person(id="a", zh=zh, en=note, role="leader"),),
        contacts=(Contact(person="a", channel="app", address=note),),
        crews=(Crew(id="k", zh=zh, en=note, members=("a",)),),
        holidays=(Holiday(date="2026-01-01", zh=zh, en=note, workday=on),),
        policies=(
            replace(
                RED, zh=note, priorities=(1, 2, 3), steps=(Step(after_s=s, targets=("leader",), channels=("app",)),), rounds=1
            ),
        ),
    )
    folder = tmp_path_factory.mktemp("county") / "people"
    write_roster(roster, folder)
    assert load_roster(folder, AREAS) == roster


def load_or_refuse(folder: Path) -> None:
    """A roster that can be used and written again, or problems."""
    try:
        roster = load_roster(folder, AREAS)
    except ConfigError:
        return
    gaps(roster, at("2026-10-01T00:00"), at("2026-10-02T00:00"), ZONE)
    write_roster(roster, folder.parent / "again")
    assert load_roster(folder.parent / "again", AREAS) == roster


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 20_000), st.binary(min_size=1, max_size=4))
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, file: str, where: int, bits: bytes) -> None:
    """Protects the loader: whatever bytes a file holds, it is a roster or a list of problems."""

    def damaged(name: str, raw: bytes) -> bytes:
        spot = where % len(raw)
        return raw[:spot] + bits + raw[spot + len(bits) :] if name == file else raw

    load_or_refuse(copy_of_taihe(tmp_path_factory.mktemp("county") / "people", damaged))


WORDS = [
    '""',
    "[]",
    "{}",
    "[[]]",
    "-1",
    "1e308",
    "99999999999999999999",
    "nan",
    "true",
    "2026-06-21",
    '"24:00"',
    '"0001-01-01T00:00"',
]


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 20_000), st.sampled_from(WORDS))
def test_a_value_in_the_wrong_place_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, file: str, n: int, word: str
) -> None:
    """Protects the checks behind the syntax: any value or cell of a file may be of any type, absent or absurd."""

    def changed(name: str, raw: bytes) -> bytes:
        if name != file:
            return raw
        lines = raw.decode().split("\n")
        row = n % len(lines)
        if name.endswith(".toml") and "=" in lines[row]:
            lines[row] = f"{lines[row].partition('=')[0]}= {word}"
        elif name.endswith(".csv") and lines[row]:
            cells = lines[row].split(",")
            cells[n % len(cells)] = word.strip('"')
            lines[row] = ",".join(cells)
        return "\n".join(lines).encode()

    load_or_refuse(copy_of_taihe(tmp_path_factory.mktemp("county") / "people", changed))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Protects the evening of whoever mends it: slips in three files are told in one run, with file and line."""
    slips = {"persons.csv": (b",leader", b",king"), "contacts.csv": (b"19900000002", b"2"), "holidays.csv": (b"2026-01-01", b"x")}
    folder = copy_of_taihe(tmp_path / "people", lambda name, raw: raw.replace(*slips[name]) if name in slips else raw)
    problems: list[Problem] = []
    read_roster(folder, AREAS, problems)
    told = {(one.file, one.where.partition(",")[0]) for one in problems}
    assert {("people/persons.csv", "line 10"), ("people/contacts.csv", "line 4"), ("people/holidays.csv", "line 2")} <= told
