"""The mutation runner itself: it makes the faults it says, tells the killed from the living, and believes no claim unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.mutants import ENGINE, EQUIVALENT, Claim, Verdict, claims_of, share, told
from bench.mutants_make import Mutant, enums_of, mutants
from bench.mutants_run import PACKAGE, ROOT, Fate, fates

COLOURS = "class Colour(StrEnum):\n    RED = 'r'\n    BLUE = 'b'\n"
MODEL = (ROOT / PACKAGE / "model.py").read_text()


def made(body: str) -> set[tuple[str, str]]:
    """Kind and new text of every mutant of a function's body."""
    source = "def f(a, b):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return {(one.kind, one.now) for one in mutants("f.py", source, enums_of(COLOURS))}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("a < b\n...", {("comparison", "(a <= b)"), ("comparison", "(a >= b)"), ("statement removed", "pass")}),
        ("return a and b", {("and/or", "return (a or b)"), ("and/or", "return (a)"), ("return None", "return None")}),
        ("x = a + 1", {("arithmetic", "x = (a - 1)"), ("constant", "x = a + 2"), ("constant", "x = a + 0")}),
        ("if a:\n    return b", {("negation", "if (not (a)):"), ("statement removed", "pass"), ("return None", "return None")}),
        ("x = Colour.BLUE", {("enum member", "x = Colour.RED")}),
        (
            "x = replace(a, one=b, two=b)",
            {("field not set", "x = replace(a, two=b)"), ("field not set", "x = replace(a, one=b)")},
        ),
        ("x = True", {("constant", "x = False")}),
        ("x = a if not b else b", {("negation", "x = a if (b) else b")}),
    ],
)
def test_the_faults_that_are_made(body: str, wanted: set[tuple[str, str]]) -> None:
    """Each kind of fault, as the one line that differs."""
    assert wanted <= made(body)


@pytest.mark.parametrize("body", ['"""Only words."""', "x: int | None", 'raise ValueError(f"{a} of 3") from None'])
def test_what_is_not_made(body: str) -> None:
    """Docstrings, annotations and the insides of messages are no behaviour."""
    assert made(body) <= {("statement removed", "pass")}


@pytest.mark.parametrize("file", ENGINE)
def test_every_mutant_is_a_program_and_differs_in_one_place(file: str) -> None:
    """Nothing is killed merely because it does not parse, and no two are the same."""
    source = (ROOT / PACKAGE / file).read_text()
    found = mutants(file, source, enums_of(MODEL))
    for one in found:
        compile(one.source, file, "exec")
        assert one.was != one.now
    assert len({one.source for one in found} | {source}) == len(found) + 1


def test_every_claim_names_a_mutant_and_says_why() -> None:
    """What is left out of the count is known by name and has its reason."""
    there = {one.same for file in ENGINE for one in mutants(file, (ROOT / PACKAGE / file).read_text(), enums_of(MODEL))}
    claims = claims_of(EQUIVALENT.read_text())
    assert [claim for claim in claims if claim.same not in there or len(claim.why) < 20] == []
    assert len({claim.same for claim in claims}) == len(claims)


def test_fates_are_counted_without_the_equivalent_ones() -> None:
    """Three of four killed is 75 %, whatever was claimed; a claim that is killed or fits nothing is counted against the run."""
    one = Mutant(file="core.py", within="f", line=1, kind="comparison", was="a < b", now="(a <= b)", source="")
    verdicts = [Verdict(one, fate, False) for fate in (Fate.KILLED, Fate.KILLED, Fate.TIMEOUT, Fate.SURVIVED)]
    verdicts += [Verdict(one, Fate.SURVIVED, True), Verdict(one, Fate.KILLED, True)]
    assert share(verdicts) == 75.0
    assert share(verdicts[4:]) is None
    claim = Claim(file="core.py", within="g", was="", now="", why="")
    targets = told(verdicts, [claim])["targets"]
    assert {name: figure for name, (figure, _, _) in targets.items()} == {
        "killed of those not equivalent, %": 75.0,
        "wrong or outdated claims of equivalence": 2,
    }


TOY = """
from control.alarms.model import AlarmState
from control.alarms.states import pack, unpack

def test_there_and_back():
    assert unpack(pack(AlarmState(occurrence=3))) == AlarmState(occurrence=3)
"""


@pytest.mark.slow
def test_a_weak_test_lets_a_mutant_live_and_a_broken_one_stops_the_run(tmp_path: Path) -> None:
    """Real runs in a copy: what the test looks at dies, what it does not look at lives; the tree stays as it was."""
    source = (ROOT / PACKAGE / "states.py").read_text()
    chosen = [one for one in mutants("states.py", source, enums_of(MODEL)) if one.kind in ("return None", "statement removed")]
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_toy.py").write_text(TOY)
    found = fates(chosen, tmp_path / "copies", tests=tests)
    assert {(one.within, one.was.split()[0], one.kind): fate for one, fate in zip(chosen, found, strict=True)} == {
        ("pack", "return", "return None"): Fate.KILLED,
        ("unpack", "return", "return None"): Fate.KILLED,
        ("unpack", "return", "statement removed"): Fate.KILLED,
        ("unpack", "raise", "statement removed"): Fate.SURVIVED,  # the toy never meets a damaged text
    }
    assert (ROOT / PACKAGE / "states.py").read_text() == source
    (tests / "test_toy.py").write_text("def test_no():\n    raise AssertionError\n")
    with pytest.raises(SystemExit, match="fail without any mutant"):
        fates(chosen, tmp_path / "others", tests=tests)
