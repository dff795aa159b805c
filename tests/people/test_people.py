"""Who is on duty, who is told next, and the files both come from."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.people.escalation import Told, due, next_due
from control.people.files import load_roster, write_roster
from control.people.roster import Contact, Holiday, Person, Policy, Roster, Rota, Season, Shift, Step, Swap, from_json, to_json
from control.people.rota import gaps, is_workday, on_shift, shifts
from lampwell.errors import ConfigError

ZONE = ZoneInfo("Asia/Shanghai")
TAIHE = Path(__file__).parents[2] / "counties/taihe/people"
AREAS = ("oldtown", "newtown", "g319")
DAY = 86_400_000


def at(text: str, zone: ZoneInfo = ZONE) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


OFFICE = Rota(id="office", zh="值班室", starts=("08:00", "20:00"), cycle=(("a",), ("b",), ("c",)), anchor="2026-01-01")
PEOPLE = tuple(Person(id=name, zh=name, role="leader" if name == "boss" else "duty") for name in ("a", "b", "c", "boss"))
RED = Policy(
    id="red",
    zh="红",
    priorities=(1,),
    steps=(
        Step(after_s=0, targets=("duty:office",)),
        Step(after_s=180, targets=("deputy:office",)),
        Step(after_s=480, targets=("leader",)),
    ),
    rounds=3,
)
ROSTER = Roster(
    persons=PEOPLE,
    contacts=tuple(Contact(person=one.id, channel="sms", address=f"1990000000{n}") for n, one in enumerate(PEOPLE)),
    rotas=(OFFICE,),
    policies=(RED,),
)


@pytest.mark.parametrize(
    ("when", "who"),
    [
        ("2026-01-01T08:00", ("a",)),
        ("2026-01-01T19:59", ("a",)),
        ("2026-01-01T20:00", ("b",)),
        ("2026-01-02T07:59", ("b",)),
        ("2026-01-02T08:00", ("c",)),
        ("2026-01-02T20:00", ("a",)),
        ("2028-02-29T12:00", ("a",)),  # 789 days and so 1,578 shifts after the first
    ],
)
def test_the_pattern_goes_on_over_midnight_months_and_leap_days(when: str, who: tuple[str, ...]) -> None:
    """Protects the night shift: it belongs to whoever began it, and the cycle never slips."""
    found = on_shift(ROSTER, "office", at(when), ZONE)
    assert found is not None
    assert found.persons == who


def test_swaps_and_shifts_by_hand_stand_in_place_of_the_pattern() -> None:
    """Protects what people agreed: a swap holds for its shift alone, a written shift cuts the pattern where it lies."""
    roster = Roster(
        rotas=(OFFICE,),
        swaps=(Swap(rota="office", start="2026-01-01T08:00", out="a", replaced_by="c"),),
        shifts=(Shift(rota="office", start="2026-01-02T10:00", end="2026-01-02T12:00", persons=("b", "c")),),
    )
    found = shifts(roster, "office", at("2026-01-01T08:00"), at("2026-01-02T20:00"), ZONE)
    assert [one.persons for one in found] == [("c",), ("b",), ("c",), ("b", "c"), ("c",)]
    assert gaps(roster, at("2026-01-01T08:00"), at("2026-01-03T08:00"), ZONE) == ()


def test_nobody_on_shift_is_found_a_day_ahead() -> None:
    """Protects against an empty chair: an emptied shift shows as a gap of exactly its length."""
    roster = Roster(rotas=(OFFICE,), shifts=(Shift(rota="office", start="2026-01-02T08:00", end="2026-01-02T20:00", persons=()),))
    (gap,) = gaps(roster, at("2026-01-01T21:00"), at("2026-01-02T21:00"), ZONE)
    assert (gap.start, gap.end) == (at("2026-01-02T08:00"), at("2026-01-02T20:00"))


@pytest.mark.parametrize(
    ("when", "working"), [("2026-03-31", False), ("2026-04-01", True), ("2026-09-30", True), ("2026-10-01", False)]
)
def test_the_flood_season_has_both_its_ends(when: str, working: bool) -> None:
    """Protects the first and the last day of the season."""
    rota = Rota(id="flood", zh="汛期", cycle=(("a",),), anchor="2026-01-01", season="flood")
    found = on_shift(Roster(rotas=(rota,), season=Season()), "flood", at(f"{when}T12:00"), ZONE)
    assert (found is not None) is working


def test_holidays_and_days_worked_in_exchange() -> None:
    """Protects the working-day clock: a holiday is off, its exchange day is worked though it is a Sunday."""
    roster = Roster(holidays=(Holiday(date="2026-10-01", zh="国庆节"), Holiday(date="2026-10-11", zh="调休", workday=True)))
    days = [datetime.fromisoformat(f"2026-10-{day}").date() for day in ("01", "11", "12", "17")]
    assert [is_workday(roster, day) for day in days] == [False, True, True, False]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 800 * 24 * 60))
def test_a_full_rota_always_has_exactly_its_people(minute: int) -> None:
    """Every minute of two years and in a zone with summer time: one team, never none or two."""
    for zone in (ZONE, ZoneInfo("Europe/Berlin")):
        now = at("2026-01-02T00:00", zone) + minute * 60_000
        assert len(shifts(ROSTER, "office", now, now + 1, zone)) == 1


def test_the_steps_come_one_after_the_other_until_someone_answers() -> None:
    """Protects escalation: duty at once, deputy at 3 min, leader at 8 min, three rounds; an answer ends it."""
    told = Told(priority=1, area="x", kind="ponding", announced_at=at("2026-01-01T12:00"))
    begin = told.announced_at

    def called(minutes: float, acked: float | None = None) -> list[str]:
        known = Told(
            priority=1,
            area="x",
            kind="ponding",
            announced_at=begin,
            acked_at=None if acked is None else begin + round(acked * 60_000),
        )
        return [call.person for call in due(ROSTER, known, begin + round(minutes * 60_000), ZONE)]

    assert called(0) == ["a"]
    assert called(2.99) == ["a"]
    assert called(3) == ["a", "b"]
    assert called(8) == ["a", "b", "boss"]
    assert len(called(600)) == 9
    assert called(600, acked=4) == ["a", "b"]
    assert next_due(ROSTER, told, begin, ZONE) == begin + 180_000
    assert next_due(ROSTER, told, begin + 40 * DAY, ZONE) is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 7200), min_size=2, max_size=6).map(sorted))
def test_what_is_due_only_grows_and_keeps_its_names(seconds: list[int]) -> None:
    """Protects restarts: asked at any times, earlier calls come again under the same step, none is taken back."""
    told = Told(priority=1, area="x", kind="ponding", announced_at=at("2026-01-01T12:00"))
    before: list[tuple[str, str]] = []
    for second in seconds:
        now = [(call.step, call.person) for call in due(ROSTER, told, told.announced_at + second * 1000, ZONE)]
        assert now[: len(before)] == before
        before = now


def test_nobody_on_shift_goes_to_the_last_target_at_once() -> None:
    """Protects the alarm that meets an empty chair: the leader hears of it now, and why."""
    roster = Roster(persons=PEOPLE, contacts=ROSTER.contacts, policies=(RED,))
    told = Told(priority=1, area="x", kind="ponding", announced_at=at("2026-01-01T12:00"))
    (call,) = due(roster, told, told.announced_at, ZONE)
    assert call.person == "boss"
    assert "nobody on shift" in call.why


def test_quiet_hours_hold_back_yellow_until_the_morning() -> None:
    """Protects sleep: priority 3 waits for 07:00, over midnight too."""
    yellow = Policy(id="y", zh="黄", priorities=(3,), steps=(Step(after_s=0, targets=("person:a",)),), quiet=("22:00", "07:00"))
    roster = Roster(persons=PEOPLE, contacts=ROSTER.contacts, policies=(yellow,))
    told = Told(priority=3, area="x", kind="well", announced_at=at("2026-01-01T23:30"))
    assert due(roster, told, at("2026-01-02T06:59"), ZONE) == ()
    assert len(due(roster, told, at("2026-01-02T07:00"), ZONE)) == 1


def test_the_demo_county_has_someone_for_everything(tmp_path: Path) -> None:
    """The shipped roster loads, has no gap in a year, and is the same after writing, reading and keeping as JSON."""
    roster = load_roster(TAIHE, AREAS)
    assert gaps(roster, at("2026-01-02T00:00"), at("2026-12-31T00:00"), ZONE) == ()
    write_roster(roster, tmp_path / "people")
    assert load_roster(tmp_path / "people", AREAS) == roster
    assert from_json(to_json(roster)) == roster


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("people.toml", '"duty:office"', '"duty:nobody"', "there is no rota 'nobody'"),
        ("people.toml", '"crew"', '"everyone"', "must be duty:<rota>"),
        ("people.toml", 'areas = ["g319"]', 'areas = ["moon"]', "there is no area 'moon'"),
        ("people.toml", 'quiet = ["22:00", "07:00"]', 'quiet = ["22:00", "7 h"]', "a time of day"),
        ("people.toml", "priorities = [3]", "priorities = [4]", "no policy is for priority 3"),
        ("people.toml", "[season]", "[seasons]", "unknown key"),
        ("contacts.csv", "19900000001", "199", "must be a mobile number"),
        ("persons.csv", "wang,", "wang2,", "there is no person 'wang'"),
        ("holidays.csv", "2026-01-01", "2026-13-01", "a date, written"),
    ],
)
def test_a_wrong_file_is_told_by_place_and_reason(tmp_path: Path, file: str, old: str, new: str, reason: str) -> None:
    """Protects whoever edits the roster: every slip is named, never a traceback."""
    for source in TAIHE.iterdir():
        text = source.read_text("utf-8")
        (tmp_path / source.name).write_text(text.replace(old, new) if source.name == file else text, "utf-8")
    with pytest.raises(ConfigError, match=reason):
        load_roster(tmp_path, AREAS)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["people.toml", "persons.csv", "contacts.csv", "holidays.csv"]),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=4),
)
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, file: str, where: int, bits: bytes) -> None:
    """Protects the loader: whatever a file holds, it is a roster or a list of problems."""
    folder = tmp_path_factory.mktemp("people")
    for source in TAIHE.iterdir():
        raw = bytearray(source.read_bytes())
        if source.name == file:
            spot = where % len(raw)
            raw[spot : spot + len(bits)] = bits
        (folder / source.name).write_bytes(raw)
    with contextlib.suppress(ConfigError):
        load_roster(folder, AREAS)
