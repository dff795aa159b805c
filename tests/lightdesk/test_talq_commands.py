"""Override commands of another system on this county: whom they are for, and which leases their ends are for."""

from __future__ import annotations

from typing import Any

import pytest

from control.lighting.cancelling import ended_by
from control.lighting.commands import Commands
from control.lighting.places import Places
from control.lighting.selection import Selection
from control.lighting.talq_commands import commands_of, known, lost_of, read
from control.requests import NotDone
from lampwell.lighting.model import Plan
from lampwell.lighting.talq import cancel_to_talq
from lampwell.lighting.wire import Said, Stands

UNTIL = "2026-06-11T06:00:00+08:00"
NOW, HOUR = 1_781_092_800_000, 3_600_000


def raised(*addresses: tuple[str, str], **change: Any) -> dict[str, Any]:
    command = {"state": {"name": "LevelState", "value": 30}, "expiration": UNTIL} | change
    return {"addresses": [{"resource": kind, "address": name} for kind, name in addresses], "targetCommand": command}


def meant(plan: Plan, places: Places, *documents: Any) -> tuple[Commands, list[str]]:
    found = read({f"{n}.json": each for n, each in enumerate(documents)})
    assert found.refused == []
    return commands_of(found.commands, known(plan, places, "taihe"), "限电")


@pytest.mark.parametrize(
    ("addresses", "selection"),
    [
        ([("devices", "cabinet-01/loop1"), ("devices", "cabinet-01/loop1")], Selection(loops=("cabinet-01/loop1",))),
        ([("devices", "cabinet-03"), ("devices", "lamp-0228")], Selection(cabinets=("cabinet-03",), lamps=("lamp-0228",))),
        ([("groups", "newtown"), ("groups", "baifeng")], Selection(areas=("newtown",), roads=("baifeng",))),
        ([("groups", "area/g319")], Selection(areas=("g319",))),
        ([("groups", "road/g319")], Selection(roads=("g319",))),
        ([("groups", "county/taihe")], Selection(county=True)),
        ([("groups", "taihe"), ("groups", "area/newtown")], Selection(areas=("newtown",), county=True)),
    ],
)
def test_addresses_are_what_light_override_takes(
    plan: Plan, places: Places, addresses: list[tuple[str, str]], selection: Selection
) -> None:
    """Protects from other lamps than the sender means."""
    commands, refused = meant(plan, places, raised(*addresses))
    assert ([one.selection for one in commands.leases], refused) == ([selection], [])


def test_who_is_not_there_is_refused_with_place_and_guess(plan: Plan, places: Places) -> None:
    """Protects from a command that does less than it says: all strangers at once; of two of one name none is guessed."""
    strange = raised(("devices", "cabinet-01/lop1"), ("devices", "lamp-9999"), ("groups", "g319"), ("groups", "newtwon"))
    far = raised(("groups", "cabinet-03"), ("devices", "newtown"), ("devices", "x" * 500_000), ("devices", "lamp-0228/level"))
    _, refused = meant(plan, places, [strange], far)
    assert [one.partition(": ")[0] for one in refused] == [
        *(f"0.json[0].addresses[{n}].address" for n in range(4)),
        *(f"1.json.addresses[{n}].address" for n in range(4)),
    ]
    said = ("did you mean 'cabinet-01/loop1'", "'lamp-9999'", "say one of area/g319、road/g319", "did you mean 'newtown'")
    assert all(word in one for word, one in zip(said, refused, strict=False))
    assert max(map(len, refused)) < 250


def test_references_are_told_beside_the_reason(plan: Plan, places: Places) -> None:
    """Protects the trail back to the sender: its reference is in the reason that is told; its source is said to be of no use."""
    documents = [raised(("devices", "cabinet-01"), cmsRefId="CMS-7", refAddress="p"), cancel_to_talq(["cabinet-02"])]
    commands, _ = meant(plan, places, documents)
    assert [one.reason for one in (*commands.leases, *commands.cancels)] == [Said(zh="限电（TALQ CMS-7）"), Said(zh="限电")]
    assert list(lost_of(read({"0.json": documents}).commands)) == ["0.json[0].targetCommand.refAddress"]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "f.json: 没有指令 holds no command"),
        ([[]], "f.json[0]: must be an object, not []"),
        ("x", "f.json: must be an object, not 'x'"),
        (None, "f.json: must be an object, not None"),
        ([cancel_to_talq(["cabinet-02"]), {"id": "main", "rules": []}], "f.json[1]: 不是限时指令 is no override command"),
    ],
)
def test_what_is_no_command_is_refused(document: Any, why: str) -> None:
    """Protects from orders out of files that are something else."""
    assert [one[: len(why)] for one in read({"f.json": document}).refused] == [why]


def a_lease(name: str, *targets: str, start: int = NOW - HOUR, layer: str = "lease", end: int | None = NOW + HOUR) -> Stands:
    return Stands(id=name, layer=layer, targets=targets, level=30, start=start, end=end, who="x", reason=Said(zh="x"))


@pytest.mark.parametrize(
    ("targets", "stands", "ends"),
    [
        ("a", [a_lease("1", "a")], "1"),
        ("ab", [a_lease("1", "a"), a_lease("2", "b"), a_lease("3", "c")], "12"),
        ("abc", [a_lease("1", "a", "b")], "1"),
        ("a", [a_lease("1", "a", start=NOW + 1000)], "1"),  # it is still to come
        ("a", [a_lease("1", "a", end=NOW)], ""),
        ("a", [a_lease("1", "a", layer="crew lock", end=None), a_lease("2", "a", layer="interlock", end=None)], ""),
        ("b", [a_lease("1", "a", "b"), a_lease("2", "a", start=NOW - 1)], "1"),  # a was taken from it for good
        ("a", [a_lease("1", "a", "b"), a_lease("2", "a", start=NOW - 1)], "2"),
        ("c", [a_lease("1", "a")], ""),
    ],
)
def test_the_end_of_a_lease_is_for_those_lamps_alone(targets: str, stands: list[Stands], ends: str) -> None:
    """Protects crews and everyone else's leases: only leases end, and only where no lamp is left out of the command."""
    assert "".join(one.id for one in ended_by(set(targets), stands, NOW)) == ends


@pytest.mark.parametrize(
    "stands",
    [
        [a_lease("1", "a", "b")],
        [a_lease("1", "a", "b", start=NOW + 1)],
        [a_lease("1", "a", "b"), a_lease("2", "a", start=NOW + 1)],  # which has not begun to replace it
    ],
)
def test_a_lease_that_holds_elsewhere_too_is_not_ended(stands: list[Stands]) -> None:
    """Protects the lamps that the sender did not name: an edge node ends a lease as a whole."""
    with pytest.raises(NotDone, match="限时指令 1 还作用于 also holds on b"):
        ended_by({"a"}, stands, NOW)
