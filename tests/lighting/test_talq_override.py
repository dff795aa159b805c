"""Leases as TALQ's override commands: what goes out fits the schema and comes back; what is not understood is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampwell.lighting import Layer, Override
from lampwell.lighting.talq import cancel_to_talq, override_to_talq
from lampwell.lighting.talq_import_override import Cancel, Command, Reference, override_from_talq
from lampwell.lighting.talq_program import NotExpressible
from lampwell.lighting.talq_walk import TalqRefused

from .conftest import ms
from .schema import named

ZONE = ZoneInfo("Asia/Shanghai")
START = ms("2026-03-01T21:00")
LEASE = Override(id="l1", targets=("c/loop1", "lamp-1"), level=40, issued=START, start=START, end=START + 7_200_000, ramp_s=60)

names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=20)
leases = st.builds(
    lambda name, targets, level, start, lasts, ramps: Override(
        id=name,
        targets=targets,
        level=level,
        issued=start,
        start=start,
        end=start + lasts,
        ramp_s=ramps[0],
        ramp_back_s=ramps[1],
    ),
    names,
    st.lists(names, min_size=1, max_size=5).map(tuple),
    st.integers(0, 100),
    st.integers(START, START + 10**11),
    st.integers(1, 10**9),
    st.tuples(st.integers(0, 600), st.integers(0, 600)),
)


@given(leases, st.sampled_from(["Asia/Shanghai", "UTC", "America/St_Johns"]))
def test_any_lease_goes_both_ways(lease: Override, zone: str) -> None:
    """Protects the round trip: targets, level, start, end to the millisecond, both ramps, our id as the reference."""
    raw = override_to_talq(lease, ZoneInfo(zone))
    assert named(raw, "OverrideCommand") == []
    back = override_from_talq(raw)
    assert isinstance(back, Command)
    assert [(one.resource, one.address) for one in back.about] == [("devices", name) for name in lease.targets]
    assert (back.level, back.start, back.end, back.ref) == (lease.level, lease.start, lease.end, lease.id)
    assert (back.ramp_s, back.ramp_back_s, back.lost) == (lease.ramp_s, lease.ramp_back_s, ())


def test_a_command_without_a_command_cancels() -> None:
    """TALQ: back to the program."""
    raw = cancel_to_talq(["c/loop1"])
    assert named(raw, "OverrideCommand") == []
    about = (Reference("devices", "c/loop1", "OverrideCommand.addresses[0]"),)
    assert override_from_talq(raw) == Cancel(place="OverrideCommand", about=about)


def test_a_lock_is_no_command() -> None:
    """Protects a crew: its lock does not travel as a lease that somebody could end."""
    with pytest.raises(NotExpressible, match="leases only, not a crew lock"):
        override_to_talq(replace(LEASE, layer=Layer.CREW_LOCK, end=None), ZONE)


def test_small_letters_no_start_and_what_is_of_no_use() -> None:
    """Protects what RFC 3339 and the schema allow besides what this project writes; a lost reference is told with its place."""
    raw = override_to_talq(LEASE, ZONE)
    command = raw["targetCommand"]
    del command["start"], command["cmsRefId"], command["reason"]
    command |= {"expiration": "2026-03-01t15:00:00.25z", "refAddress": "program-7"}
    assert named(raw, "OverrideCommand") == []
    back = override_from_talq(raw)
    assert isinstance(back, Command)
    assert (back.start, back.end, back.ref) == (0, ms("2026-03-01T23:00") + 250, "")
    assert back.lost == ("OverrideCommand.targetCommand.refAddress",)


def on_command(**change: Any) -> Callable[[Any], Any]:
    return lambda raw: raw | {"targetCommand": raw["targetCommand"] | change}


def on_state(**change: Any) -> Callable[[Any], Any]:
    return on_command(state={"name": "LevelState", "value": 30} | change)


BAD: tuple[tuple[Callable[[Any], Any], str], ...] = (
    (on_command(expiration=None), "targetCommand: expiration is missing; every override must have an end"),
    (on_command(expiration="2026-03-01T20:59:59+08:00"), "expiration: must be after the start"),
    (on_command(expiration="2026-03-01T23:00:00"), "expiration: must be a date and time with its offset, not '2026-03"),
    (on_command(expiration="tomorrow"), "expiration: must be a date and time with its offset"),
    (on_command(expiration=1_800_000_000), "expiration: must be text, not 1800000000"),
    (on_command(expiration="9999-12-31T23:59:59-12:00"), "expiration: must be between 2000 and 2099"),
    (on_command(start="0001-01-01T00:00:00+14:00"), "start: must be between 2000 and 2099"),
    (on_command(start="2026-03-01"), "start: must be a date and time with its offset"),
    (on_command(strat="2026-03-01T22:00:00Z"), "OverrideCommand.targetCommand.strat: is not understood"),
    (on_command(reason="sensor"), "reason: must be override or default, not 'sensor'"),
    (on_command(cmsRefId="x" * 65), "cmsRefId: must be at most 64 printable"),
    (on_command(cmsRefId="a\nb"), "cmsRefId: must be at most 64 printable"),
    (on_command(rampToLevelTime=-1), "rampToLevelTime: must be a number of at least 0"),
    (on_command(rampFromLevelTime=float("nan")), "rampFromLevelTime: must be a number"),
    (on_command(refAddress=7), "refAddress: must be text"),
    (on_command(state={"name": "BooleanState", "value": True}), "state.name: must be LevelState, not 'BooleanState'"),
    (on_state(value=101), "state.value: must be a whole number from 0 to 100, not 101"),
    (on_state(value=True), "state.value: must be a whole number"),
    (on_state(value="30"), "state.value: must be a whole number"),
    (on_state(colour="red"), "OverrideCommand.targetCommand.state.colour: is not understood"),
    (lambda raw: raw | {"targetCommand": None}, "targetCommand: must be an object"),
    (lambda raw: raw | {"targetCommand": 30}, "targetCommand: must be an object"),
    (lambda raw: raw | {"id": "x"}, "OverrideCommand.id: is not understood"),
    (lambda raw: raw | {"addresses": []}, "addresses is missing or empty"),
    (lambda raw: {"targetCommand": raw["targetCommand"]}, "addresses is missing or empty"),
    (lambda raw: raw | {"addresses": "c/loop1"}, "addresses: must be an array"),
    (lambda raw: raw | {"addresses": ["c/loop1"]}, r"addresses\[0\]: must be an object"),
    (lambda raw: raw | {"addresses": [{"address": "c/loop1"}]}, r"addresses\[0\]: resource is missing"),
    (lambda raw: raw | {"addresses": [{"resource": "calendars", "address": "c"}]}, r"\[0\].resource: must be devices or groups"),
    (lambda _: {"id": "main", "ownerCMS": "x", "rules": []}, "is no override command: a calendar or program is taken in by"),
    (lambda _: {}, "is no override command"),
    (lambda _: [], r"must be an object, not \[\]"),
    (lambda _: None, "must be an object, not None"),
)


@pytest.mark.parametrize(("edit", "why"), BAD)
def test_what_is_not_understood_is_refused(edit: Callable[[Any], Any], why: str) -> None:
    """Protects lamps from orders that mean something else: each refusal has its place, also of a property too much."""
    with pytest.raises(TalqRefused, match=f"OverrideCommand.*{why}" if not why.startswith("Override") else why):
        override_from_talq(edit(override_to_talq(LEASE, ZONE)))


def test_what_is_very_long_is_told_short() -> None:
    """Protects the terminal: a level of a million characters is refused in a line."""
    with pytest.raises(TalqRefused) as refused:
        override_from_talq(on_state(value="9" * 1_000_000)(override_to_talq(LEASE, ZONE)))
    assert len(str(refused.value)) < 200
