"""Rule files: what is wrong is told with file, place and reason; overrides change, switch off, and never surprise."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.alarms import rule_files
from control.alarms.bind import bind
from control.alarms.rule_files import SHIPPED, check_rules, load_rules, read_rules
from control.alarms.rule_models import RuleFile
from lampwell.assets import Area
from lampwell.errors import ConfigError, Problem

from .conftest import TAIHE, rules, taihe

GOOD = """
[[rule]]
id = "mine"
zh = "我的"
en = "mine"
priority = 3
kinds = ["ponding"]
point = "level"
above = "orange"
cause = { zh = "因", en = "cause" }
consequence = { zh = "果", en = "consequence" }
response = { zh = "办", en = "response" }
source = "a test"
"""


def tried(tmp_path: Path, text: str) -> tuple[tuple[RuleFile, ...], list[str]]:
    """The rules of the demo county with this as its only own rule file, and what is wrong with it."""
    (tmp_path / "alarms").mkdir(exist_ok=True)
    (tmp_path / "alarms" / "own.toml").write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    return check_rules(tmp_path, taihe(), problems), [str(problem) for problem in problems]


def changed(old: str, new: str) -> str:
    """The good rule with one thing other."""
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_rule_is_taken(tmp_path: Path) -> None:
    """Protects the way in: a county adds a rule to the shipped ones."""
    found, problems = tried(tmp_path, GOOD)
    assert problems == []
    assert found[-1].id == "mine"
    assert {bound.alarm.key for bound in bind(found, taihe()).bounds} >= {f"mine@ponding-{n}" for n in range(1, 7)}


def test_a_county_without_rules_has_the_shipped_ones(tmp_path: Path) -> None:
    """Protects a new county from having no alarms at all."""
    assert len(read_rules(tmp_path, taihe())) == sum(p.read_text().count("[[rule]]") for p in SHIPPED.glob("*.toml"))


WRONG = {
    "two conditions": (
        changed('above = "orange"', 'above = "orange"\nequals = true'),
        "own.toml: line 2, rule[1]",
        "exactly one of",
    ),
    "no condition": (changed('above = "orange"\n', ""), "rule[1]", "it has none"),
    "unknown key": (changed("priority = 3", "priority = 3\nprioritie = 2"), "rule[1].prioritie", "did you mean 'priority'"),
    "no priority": (changed("priority = 3", "priority = 5"), "rule[1].priority", "must be"),
    "text missing": (changed('zh = "我的"\n', ""), "rule[1].zh", "is missing"),
    "text empty": (changed('zh = "因"', 'zh = ""'), "rule[1].cause.zh", "at least 1"),
    "no response": (changed('response = { zh = "办", en = "response" }\n', ""), "rule[1].response", "is missing"),
    "no source": (changed('source = "a test"\n', ""), "rule[1].source", "is missing"),
    "bad id": (changed('id = "mine"', 'id = "My Rule"'), "rule[1].id", "lower-case"),
    "no id": (changed('id = "mine"\n', ""), "rule[1].id", "is missing"),
    "number as id": (changed('id = "mine"', "id = 3"), "rule[1].id", "must be text"),
    "unknown kind": (changed('["ponding"]', '["pond"]'), "rule[1].kinds", "must be cabinet"),
    "unknown area": (changed('kinds = ["ponding"]', 'areas = ["oldtow"]'), "rule[1].areas", "did you mean 'oldtown'"),
    "unknown device": (changed('kinds = ["ponding"]', 'devices = ["ponding1"]'), "rule[1].devices", "did you mean 'ponding-1'"),
    "for nobody": (changed('kinds = ["ponding"]\n', ""), "rule[1]", "none of kinds, areas or devices"),
    "no device": (
        changed('kinds = ["ponding"]', 'kinds = ["river"]\nareas = ["g319"]'),
        "rule[1]",
        "no device is of these kinds, areas and devices together",
    ),
    "unknown point": (changed('"level"', '"levle"'), "rule[1].point", "did you mean 'level'"),
    "point of another": (
        changed('["ponding"]', '["ponding"]\ndevices = ["ponding-1", "ponding-2"]')
        .replace('"level"', '"air_gap"')
        .replace('above = "orange"', "above = 2"),
        "rule[1].point",
        "'ponding-2' has no point 'air_gap'",
    ),
    "no levels": (changed('["ponding"]', '["meter"]').replace('"level"', '"p"'), "rule[1].above", "has levels"),
    "unknown level": (changed('"orange"', '"purple"'), "rule[1].above", "blue, yellow, orange or red"),
    "limit out of range": (changed('above = "orange"', "above = 99"), "rule[1].above", "can never be reached"),
    "limit is no number": (changed('above = "orange"', "above = true"), "rule[1].above", "a number, or blue"),
    "limit is nan": (changed('above = "orange"', "above = nan"), "rule[1].above", "a number, or blue"),
    "deadband to the next level": (changed("priority = 3", "priority = 3\ndeadband = 0.1"), "rule[1].deadband", "reaches over"),
    "never clears": (changed('above = "orange"', "above = 0.05\ndeadband = 0.2"), "rule[1].deadband", "never let it clear"),
    "deadband of a contact": (
        changed('["ponding"]', '["cabinet"]')
        .replace('"level"', '"door"')
        .replace('above = "orange"', "equals = true\ndeadband = 1"),
        "rule[1].deadband",
        "above or below only",
    ),
    "limit of a contact": (
        changed('["ponding"]', '["cabinet"]').replace('"level"', '"door"').replace('"orange"', "1"),
        "rule[1].above",
        "is no number",
    ),
    "contact as number": (
        changed('["ponding"]', '["cabinet"]').replace('"level"', '"door"').replace('above = "orange"', "equals = 1"),
        "rule[1].equals",
        "true or false",
    ),
    "measured is equal": (changed('above = "orange"', "equals = 1"), "rule[1].equals", "use above or below"),
    "half": (changed('above = "orange"', "equals = 0.5"), "rule[1].equals", "true, false, a whole number or text"),
    "unknown order": (
        changed("priority = 3", 'priority = 3\norder = "emergancy"'),
        "rule[1].order",
        "must be emergency, serious or ordinary",
    ),
    "level of an edge node": (
        changed('kinds = ["ponding"]', 'subject = "edge"').replace('"level"', '"link/*/load"'),
        "rule[1].above",
        "only devices have a level",
    ),
    "bad quality": (changed('above = "orange"', 'quality = "meh"'), "rule[1].quality", "must be"),
    "a point too many": (changed('above = "orange"', 'life = "offline"'), "rule[1].point", "life takes no point"),
    "a point too few": (changed('point = "level"\n', ""), "rule[1].point", "above needs a point"),
    "stars in the name": (changed('"level"', '"pump1/*"'), "rule[1].point", "with * for any component"),
    "unknown parent": (
        changed("priority = 3", 'priority = 3\nparents = ["ponding-rad"]'),
        "rule[1].parents",
        "did you mean 'ponding-red'",
    ),
    "its own parent": (changed("priority = 3", 'priority = 3\nparents = ["mine"]'), "rule[1].parents", "its own parent"),
    "a circle": (
        GOOD.replace("priority = 3", 'priority = 3\nparents = ["other"]')
        + GOOD.replace('"mine"', '"other"', 1).replace("priority = 3", 'priority = 3\nparents = ["mine"]'),
        "rule[1].parents",
        "in a circle: mine < other < mine",
    ),
    "a parent that clears first": (
        changed("priority = 3", 'priority = 3\noff_delay_s = 700\nparents = ["ponding-red"]'),
        "ponding-red",
        "must be longer than that of 'mine'",
    ),
    "twice": (GOOD + GOOD, "rule[2].id", "is there twice"),
    "a shipped id": (changed('"mine"', '"ponding-red"'), "rule[1].id", "write [[override]]"),
    "latching without a person": (
        changed("priority = 3", "priority = 3\nlatching = true\nacknowledge = false"),
        "acknowledge",
        "latching",
    ),
    "red without a person": (changed("priority = 3", "priority = 1\nacknowledge = false"), "acknowledge", "red alarm must be"),
    "blue that latches": (changed("priority = 3", "priority = 4\nlatching = true"), "latching", "nobody is called"),
    "told again for nobody": (
        changed("priority = 3", "priority = 3\nacknowledge = false\nrealarm_s = 600"),
        "realarm_s",
        "told again",
    ),
    "shelved for ever": (changed("priority = 3", "priority = 3\nmost_shelf_s = 99999"), "most_shelf_s", "at most 28800"),
    "a delay of a year": (changed("priority = 3", "priority = 3\non_delay_s = 1e8"), "on_delay_s", "at most 86400"),
    "edge with kinds": (
        changed("priority = 3", 'priority = 3\nsubject = "edge"'),
        "rule[1].kinds",
        "does not go with subject edge",
    ),
    "edge without the point": (
        changed('kinds = ["ponding"]', 'subject = "edge"').replace('"level"', '"link/*/lod"').replace('"orange"', "1"),
        "rule[1].point",
        "no edge node has a point",
    ),
    "unknown derived": (
        changed('point = "level"\nabove = "orange"', 'derived = "store-gone"'),
        "derived",
        "did you mean 'store-away'",
    ),
    "derived of another": (
        changed('point = "level"\nabove = "orange"', 'derived = "store-away"'),
        "subject",
        "speaks of subject county",
    ),
    "county with a limit": (changed('kinds = ["ponding"]', 'subject = "county"'), "rule[1].subject", "only derived does"),
    "silence of an edge": (
        changed('kinds = ["ponding"]', 'subject = "edge"').replace('point = "level"\nabove = "orange"', "stale_s = 900"),
        "stale_s",
        "for devices only",
    ),
    "when of both": (
        changed("priority = 3", 'priority = 3\nwhen = [{ point = "level", equals = 1, not_equals = 2 }]'),
        "when",
        "exactly one",
    ),
    "when of another kind": (
        changed('["ponding"]', '["cabinet"]').replace('"level"', '"loop*/leak_trip"').replace('above = "orange"', "equals = true")
        + 'when = [{ point = "loop*/lamps", equals = true }]\n',
        "when",
        "is a whole number, which True is not",
    ),
    "when without a star": (
        changed("priority = 3", 'priority = 3\nwhen = [{ point = "loop*/x", equals = 1 }]'),
        "when",
        "has a * where",
    ),
    "when of no point": (changed("priority = 3", 'priority = 3\nwhen = [{ point = "rainy", equals = true }]'), "when", "'rainy'"),
    "no TOML": ("[[rule]\n", "own.toml: line 1", "is not TOML"),
    "rule is no table": ("rule = 3\n", "own.toml", "must be a list"),
    "rules are no tables": ("rule = [3]\n", "own.toml", "must be tables"),
    "another table": ("[[rules]]\nid = 1\n", "own.toml", "unknown key; did you mean 'rule'"),
    "override of nothing": (
        '[[override]]\nid = "ponding-rot"\noff = true\nreason = "x"\n',
        "override[1].id",
        "did you mean 'ponding-red'",
    ),
    "override without id": ("[[override]]\noff = true\n", "override[1].id", "is missing"),
    "override that says nothing": ('[[override]]\nid = "ponding-red"\n', "override[1]", "changes nothing"),
    "override of an own rule": (GOOD + '[[override]]\nid = "mine"\npriority = 2\n', "override[1].id", "change it there"),
    "override twice": ('[[override]]\nid = "rtc-bad"\npriority = 3\n' * 2, "override[2].id", "overridden twice"),
    "off without a reason": ('[[override]]\nid = "rtc-bad"\noff = true\n', "override[1].reason", "is missing"),
    "off is false": ('[[override]]\nid = "rtc-bad"\noff = false\nreason = "x"\n', "override[1].off", "must be"),
    "off with more": (
        '[[override]]\nid = "rtc-bad"\noff = true\nreason = "x"\npriority = 1\n',
        "override[1].priority",
        "unknown key",
    ),
    "override with a slip": ('[[override]]\nid = "rtc-bad"\nprority = 1\n', "override[1].prority", "did you mean 'priority'"),
    "override out of range": ('[[override]]\nid = "station-ch4"\nabove = 300\n', "override[1].above", "can never be reached"),
    "override for nobody": ('[[override]]\nid = "rtc-bad"\nkinds = ["river"]\n', "override[1].point", "has point 'rtc_bad'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(tmp_path: Path, case: str) -> None:
    """Protects the engineer: each mistake is told where it stands and in words, and never as a traceback."""
    text, place, reason = WRONG[case]
    _, problems = tried(tmp_path, text)
    assert any(place in problem and reason in problem for problem in problems), "\n".join(problems)


def test_an_area_without_edge_nodes_is_told(tmp_path: Path) -> None:
    """Protects from a rule on edge nodes that names an area where there is none: it would watch nothing, silently."""
    county = replace(taihe(), areas=(*taihe().areas, Area(id="hills", zh="山区", en="Hills")))
    text = changed(
        'kinds = ["ponding"]\npoint = "level"\nabove = "orange"', 'subject = "edge"\nareas = ["hills"]\nlife = "offline"'
    )
    (tmp_path / "alarms").mkdir()
    (tmp_path / "alarms" / "own.toml").write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    check_rules(tmp_path, county, problems)
    assert any("no edge node serves these areas" in str(problem) for problem in problems)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Protects from mending one mistake at a time."""
    text = (
        changed("priority = 3", "priority = 9")
        + changed('"mine"', '"second"').replace('"level"', '"x"')
        + "[[override]]\nid = 'y'\n"
    )
    assert len(tried(tmp_path, text)[1]) == 3
    with pytest.raises(ConfigError, match=r"alarms/own\.toml"):
        read_rules(tmp_path, taihe())


def test_overrides_change_and_switch_off(tmp_path: Path) -> None:
    """Protects the meaning of an override: its keys replace, another condition replaces the whole condition, the rest stays."""
    found, problems = tried(
        tmp_path,
        '[[override]]\nid = "ponding-red"\npriority = 2\noff_delay_s = 900\n'
        '[[override]]\nid = "bus-overload"\nabove = 0.8\n'
        '[[override]]\nid = "device-silent"\nlife = "offline"\n'
        '[[override]]\nid = "cabinet-mains"\noff = true\nreason = "no batteries in our cabinets"\n',
    )
    assert problems == []
    by_id = {rule.id: rule for rule in found}
    red = by_id["ponding-red"]
    assert (red.priority, red.off_delay_s, red.above, red.zh) == (2, 900, "red", "积水达红色水位")
    assert (by_id["bus-overload"].above, by_id["bus-overload"].deadband) == (0.8, 0.1)
    assert by_id["device-silent"].conditions == ("life",)
    assert "cabinet-mains" not in by_id
    assert "cabinet-mains" in by_id["phase-a-lost"].parents, "a parent that is off explains nothing, and is no mistake"
    assert not any("cabinet-mains" in key for bound in bind(found, taihe()).bounds for key in bound.alarm.parents)


def test_other_files_in_the_folder(tmp_path: Path) -> None:
    """Protects from a misspelt file name that passes for an absent file; a README is welcome."""
    (tmp_path / "alarms").mkdir()
    for name in ("README.md", ".swp", "levels.tml"):
        (tmp_path / "alarms" / name).write_text("x")
    _, problems = tried(tmp_path, "")
    assert problems == ["alarms/levels.tml: is no rule file; those end in .toml"]


def test_rules_of_another_folder_can_be_tried(tmp_path: Path) -> None:
    """Protects the trial of a rule set before it is put in place."""
    (tmp_path / "new.toml").write_text(GOOD, encoding="utf-8")
    tried_rules = load_rules(taihe(), rules_folder=tmp_path)
    assert "mine" in {rule.id for rule in tried_rules}
    assert "school-gate-water" not in {rule.id for rule in tried_rules}
    assert load_rules(taihe()) == rules()


# -- whatever is done to the files ---------------------------------------------------------------------------------------------

NASTY = (
    "",
    "0",
    "-1",
    "1e999",
    "nan",
    "true",
    '""',
    '"x"',
    "[]",
    "{}",
    "[[",
    "]]",
    "\0",
    '"',
    "=",
    "\n",
    "\ufeff",
    "县",
    "[[rule]]",
    "[[override]]\n",
    'id = "ponding-red"\n',
    'parents = ["ponding-red"]\n',
    "99999999999999999999",
    "[rule]\n",
    '["*"]',
    '"*/*"',
)


@st.composite
def spoiled(draw: st.DrawFn) -> Callable[[str], str]:
    """One way to spoil a file."""
    kind, at, to = (
        draw(st.sampled_from(("drop", "double", "swap", "value", "cut", "splice"))),
        draw(st.floats(0, 1)),
        draw(st.floats(0, 1)),
    )
    new = draw(st.sampled_from(NASTY) | st.text(max_size=4))

    def spoil(text: str) -> str:
        lines = text.split("\n")
        one, other = (min(int(x * len(lines)), len(lines) - 1) for x in (at, to))
        match kind:
            case "drop":
                del lines[one]
            case "double":
                lines.insert(other, lines[one])
            case "swap":
                lines[one], lines[other] = lines[other], lines[one]
            case "value":
                lines[one] = f"{lines[one].partition('=')[0]}= {new}"
            case "cut":
                return text[: int(at * len(text))]
            case _:
                where = int(at * len(text))
                return text[:where] + new + text[where + int(to * 12) :]
        return "\n".join(lines)

    return spoil


@given(
    file=st.sampled_from([*sorted(p.name for p in SHIPPED.glob("*.toml")), "county.toml"]),
    steps=st.lists(spoiled(), min_size=1, max_size=4),
)
@settings(max_examples=120, deadline=None)
def test_spoiled_rule_files_are_read_or_refused(file: str, steps: list[Callable[[str], str]]) -> None:
    """Protects start and check from a traceback, whatever is in a rule file: rules that bind, or problems in words."""
    own = TAIHE / "alarms" / "county.toml"
    text = (own if file == "county.toml" else SHIPPED / file).read_text(encoding="utf-8")
    for step in steps:
        text = step(text)
    with tempfile.TemporaryDirectory() as name:
        shipped, folder = Path(name) / "data", Path(name) / "alarms"
        shutil.copytree(SHIPPED, shipped)
        folder.mkdir()
        (folder / "own.toml").write_text(
            text if file == "county.toml" else own.read_text(encoding="utf-8"), encoding="utf-8", errors="replace"
        )
        if file != "county.toml":
            (shipped / file).write_text(text, encoding="utf-8", errors="replace")
        problems: list[Problem] = []
        found = rule_files.read_folders(shipped, folder, taihe(), problems)
    assert all(p.file and p.reason for p in problems)
    assert not any(word in str(p) for p in problems for word in ("\n", "pydantic", "Traceback"))
    if not problems:
        assert len(bind(found, taihe()).alarms) > 0
