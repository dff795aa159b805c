"""Scenarios: read with clear errors, carried out to the second of county time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.assets import County
from lampwell.clock import VirtualClock
from lampwell.errors import ConfigError
from simulators.faultdesk import FaultDesk
from simulators.linkfaults import LinkFaults
from simulators.port import FaultRefused
from simulators.scenario import Agenda, FaultChange, Scenario, StormBegins, duration, load

from .conftest import Start, TableWorld

GOOD = """
zh = "试验"
en = "A test"

[[event]]
at = "00:05:00"
target = "cabinet-01/loop1"
fault = "open"
value = 2.5
for = "10m"

[[event]]
at = "60s"
storm = 20
minutes = 90

[[event]]
at = "01:00"
target = "tcp-1"
fault = "silent"
"""


@pytest.fixture
def desk(county: County, world: TableWorld) -> FaultDesk:
    return FaultDesk(county, world, LinkFaults())


def read(text: str, desk: FaultDesk, folder: Path) -> Scenario:
    path = folder / "scenario.toml"
    path.write_text(text, "utf-8")
    return load(path, desk.catalogue)


def test_a_scenario_is_what_it_says(desk: FaultDesk, tmp_path: Path) -> None:
    """Events come in order of time, a limited fault with its end, storms with their length."""
    scenario = read(GOOD, desk, tmp_path)
    assert (scenario.zh, scenario.en) == ("试验", "A test")
    assert scenario.actions == (
        (60, StormBegins(return_period=20, minutes=90)),
        (60, FaultChange(target="tcp-1", name="silent")),
        (300, FaultChange(target="cabinet-01/loop1", name="open", value=2.5)),
        (900, FaultChange(target="cabinet-01/loop1", name="open", on=False)),
    )


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ('at = "soon"\nstorm = 20', r"line 2, event\[1\]\.at: 'soon' is no duration"),
        ("storm = 20", r"event\[1\]\.at: is missing"),
        ('at = "1m"\nstorm = -1', r"storm: must be more than 0"),
        ('at = "1m"\nstorm = nan', r"storm: must be"),
        ('at = "1m"\ntarget = "tcp-1"', r"fault: is missing"),
        ('at = "1m"\nfault = "silent"', r"target: is missing"),
        ('at = "1m"\nstorm = 5\ntarget = "tcp-1"', r"an event is a fault or a storm"),
        ('at = "1m"\ntarget = "tcp-1"\nfault = "silent"\nminutes = 4', r"an event is a fault or a storm"),
        ('at = "1m"\ntarget = "cabinet-1"\nfault = "silent"', r"no such target 'cabinet-1'; near it: cabinet-0"),
        ('at = "1m"\ntarget = "cabinet-01/loop1"\nfault = "opne"', r"has no fault 'opne'; it has: open"),
        ('at = "1m"\ntarget = "rtu-1"\nfault = "wrong-transaction"', r"rtu-1 has no fault 'wrong-transaction'"),
        ('at = "1m"\nstrom = 5', r"strom: unknown key; did you mean 'storm'"),
        ('at = "1m"\ntarget = "tcp-1"\nfault = "silent"\nfor = 5', r"for: must be text"),
    ],
)
def test_each_mistake_is_told_with_its_place(desk: FaultDesk, tmp_path: Path, event: str, complaint: str) -> None:
    """File, line or key, and the reason with what would be right."""
    with pytest.raises(ConfigError, match=complaint) as refused:
        read(f"[[event]]\n{event}\n", desk, tmp_path)
    assert str(refused.value).startswith(str(tmp_path / "scenario.toml"))


def test_all_mistakes_are_told_at_once(desk: FaultDesk, tmp_path: Path) -> None:
    """One run shows everything that is wrong."""
    with pytest.raises(ConfigError) as refused:
        read('color = 1\n[[event]]\nat = "x"\nstorm = 1\n[[event]]\nat = "1m"\nstorm = 0', desk, tmp_path)
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize("text", ["event = 5", "[[event", "[event]\nat = '1m'"])
def test_what_is_no_scenario_is_refused(desk: FaultDesk, tmp_path: Path, text: str) -> None:
    """Other TOML and other text end in one clear error."""
    with pytest.raises(ConfigError):
        read(text, desk, tmp_path)


def test_a_scenario_that_is_not_there(desk: FaultDesk, tmp_path: Path) -> None:
    """The file's name and that it is missing."""
    with pytest.raises(ConfigError, match=r"no\.toml: can not be read: there is no such file"):
        load(tmp_path / "no.toml", desk.catalogue)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=GOOD, max_size=30), st.integers(0, len(GOOD)))
def test_mutated_scenarios_never_crash(tmp_path_factory: pytest.TempPathFactory, noise: str, at: int) -> None:
    """A scenario with anything typed into it is read or refused in words."""
    path = tmp_path_factory.getbasetemp() / "mutated.toml"
    path.write_text(GOOD[:at] + noise + GOOD[at:], "utf-8")
    try:
        load(path, ())
    except ConfigError as error:
        assert error.problems  # noqa: PT017  both outcomes are right


@pytest.mark.parametrize(("text", "seconds"), [("00:05:00", 300), ("05:30", 330), ("90s", 90), ("1.5h", 5400), ("1d", 86400)])
def test_durations(text: str, seconds: float) -> None:
    """The ways to write a length of time."""
    assert duration(text) == seconds


def test_the_agenda_gives_each_thing_once_in_order() -> None:
    """What is due comes in order of time, equal times in the order added."""
    names = [StormBegins(return_period=n) for n in (1, 2, 3, 4)]
    agenda = Agenda([(10, names[1]), (5, names[0]), (10, names[2])])
    agenda.add([(10, names[3])])
    assert agenda.due(4.9) == []
    assert agenda.due(10) == names
    assert agenda.due(99) == []


async def test_a_scenario_happens_at_its_county_times(start: Start, world: TableWorld, tmp_path: Path) -> None:
    """In virtual time: a minute in the storm, five minutes in the fault, ten minutes later its end; no real second passes."""
    path = tmp_path / "scenario.toml"
    path.write_text(GOOD, "utf-8")
    clock = VirtualClock()
    async with start(clock=clock, scenario=path) as simulation:
        await clock.advance(58)
        assert world.storms == []
        await clock.advance(3)
        assert world.storms == [(20, 90)]
        assert simulation.status().faults == {"tcp-1": {"silent": None}}
        await clock.advance(240)
        assert world.set == {("cabinet-01/loop1", "open"): 2.5}
        await clock.advance(600)
        assert world.set == {}
        assert simulation.status().pending == 0
    assert world.closed


async def test_the_storm_of_the_command_line_begins_after_a_minute(start: Start, world: TableWorld) -> None:
    """``storm=`` is an event like any other."""
    clock = VirtualClock()
    async with start(clock=clock, storm=50):
        await clock.advance(59)
        assert world.storms == []
        await clock.advance(2)
        assert world.storms == [(50, None)]


async def test_the_world_is_stepped_every_county_second(start: Start, world: TableWorld) -> None:
    """Its time never goes backwards and never stands still."""
    clock = VirtualClock()
    async with start(clock=clock):
        await clock.advance(10)
        seen = [t - world.times[0] for t in world.times]
    assert seen == [0, *range(0, 10_001, 1000)]


async def test_a_live_fault_ends_by_itself(start: Start) -> None:
    """``for`` counts county time."""
    clock = VirtualClock()
    async with start(clock=clock) as simulation:
        simulation.fault("cabinet-02", "exception", value=6, lasts_s=600)
        await clock.advance(590)
        assert simulation.status().faults == {"cabinet-02": {"exception": 6}}
        await clock.advance(11)
        assert simulation.status().faults == {}


def test_the_desk_lists_what_is_inside_a_target(desk: FaultDesk) -> None:
    """A cabinet's list has its own faults, those of its answers, and those of its loops; an unknown one lists what is near."""
    listed = {(i.target, i.name) for i in desk.listed("cabinet-01")}
    assert {("cabinet-01", "door"), ("cabinet-01", "silent"), ("cabinet-01/loop1", "open")} <= listed
    assert ("cabinet-01", "refuse") not in listed
    with pytest.raises(FaultRefused, match="cabinet-01"):
        desk.listed("cabnet-01")


def test_a_refused_fault_leaves_no_trace(desk: FaultDesk) -> None:
    """What was refused is not shown as set."""
    with pytest.raises(FaultRefused):
        desk.change(FaultChange(target="tcp-1", name="exception", value=99))
    assert desk.active() == {}
