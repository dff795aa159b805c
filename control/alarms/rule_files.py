"""The alarm rules of a county: the shipped set, what the county's own ``alarms/*.toml`` change of it, and what they add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from control.alarms.rule_checks import RuleRow, check_rows
from control.alarms.rule_models import CONDITIONS, ON_POINTS, OffFile, RuleFile, RulesFile
from lampwell.assets import County
from lampwell.config import Entry, read_toml, validate
from lampwell.config_words import did_you_mean
from lampwell.errors import ConfigError, Problem

SHIPPED = Path(__file__).parent / "data"
FOLDER = "alarms"
"""Where a county keeps its own rules."""


def read_rules(folder: Path, county: County) -> tuple[RuleFile, ...]:
    """All rules of a county, shipped ones first. ConfigError with everything that is wrong."""
    return load_rules(county, rules_folder=folder / FOLDER)


def load_rules(county: County, *, rules_folder: Path | None = None) -> tuple[RuleFile, ...]:
    """The same, of the county's own folder or, to try them, with the rules of another in their place."""
    problems: list[Problem] = []
    rules = read_folders(SHIPPED, rules_folder or county.folder / FOLDER, county, problems)
    if problems:
        raise ConfigError(problems)
    return rules


def check_rules(folder: Path, county: County, problems: list[Problem]) -> tuple[RuleFile, ...]:
    """The same as ``read_rules``; what is wrong is told in ``problems``, and the rules that could be read are returned."""
    return read_folders(SHIPPED, folder / FOLDER, county, problems)


def read_folders(shipped: Path, own: Path, county: County, problems: list[Problem]) -> tuple[RuleFile, ...]:
    """The same, of two folders of rule files; the second need not be there. Rules with problems must not be bound."""
    found: list[Problem] = []
    sources = _Sources(found)
    for path in sorted(shipped.glob("*.toml")):
        sources.add(path, f"control/alarms/data/{path.name}", own=False)
    for path in _own_files(own, found):
        sources.add(path, f"{FOLDER}/{path.name}", own=True)
    rows = sources.rows()
    found.extend(check_rows(rows, sources.known, county))
    problems.extend(dict.fromkeys(found))
    return tuple(row.rule for row in rows)


def _own_files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """The rule files of a county; a misspelt name must not pass for an absent file."""
    if not folder.exists():
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        problems.append(Problem(FOLDER, "", f"can not be read: {error.strerror}"))
        return
    for path in paths:
        if path.suffix == ".toml":
            yield path
        elif path.suffix != ".md" and not path.name.startswith("."):
            problems.append(Problem(f"{FOLDER}/{path.name}", "", "is no rule file; those end in .toml"))


@dataclass(slots=True)
class _Sources:
    """The entries of all files; ``known``: every rule id that was met, those refused or switched off too."""

    problems: list[Problem]
    rules: dict[str, tuple[Entry, bool]] = field(default_factory=dict)
    nameless: list[Entry] = field(default_factory=list)
    overrides: list[Entry] = field(default_factory=list)

    def add(self, path: Path, name: str, *, own: bool) -> None:
        """Take in the tables of a file."""
        whole = read_toml(path, name, self.problems)
        if whole is None or validate(RulesFile, whole, self.problems) is None:
            return
        for entry in whole.tables("rule", self.problems):
            self._add(entry, own=own)
        self.overrides += whole.tables("override", self.problems)

    def _add(self, entry: Entry, *, own: bool) -> None:
        name = entry.data.get("id")
        if not isinstance(name, str):
            self.nameless.append(entry)
        elif name in self.rules:
            shipped = not self.rules[name][1]
            hint = "; to change a shipped rule write [[override]]" if own and shipped else ""
            self.problems.append(entry.problem(f"rule {name!r} is there twice{hint}", "id"))
        else:
            self.rules[name] = entry, own

    @property
    def known(self) -> frozenset[str]:
        """Every id."""
        return frozenset(self.rules)

    def rows(self) -> list[RuleRow]:
        """The rules that could be read, overrides applied."""
        off, changed = self._overridden()
        for entry in self.nameless:
            validate(RuleFile, entry, self.problems)
        rows = []
        for name, (entry, own) in self.rules.items():
            if name in off:
                continue
            read = changed.get(name, entry)
            if (rule := validate(RuleFile, read, self.problems)) is not None:
                rows.append(RuleRow(rule=rule, entry=read, own=own or name in changed))
        return rows

    def _overridden(self) -> tuple[set[str], dict[str, Entry]]:
        """The shipped rules that are switched off, and those that are changed, as they then are."""
        off: set[str] = set()
        changed: dict[str, Entry] = {}
        for entry in self.overrides:
            name = self._target(entry, off | changed.keys())
            if name is None:
                continue
            if "off" in entry.data:
                if validate(OffFile, entry, self.problems) is not None:
                    off.add(name)
            else:
                changed[name] = _merged(self.rules[name][0], entry)
        return off, changed

    def _target(self, entry: Entry, taken: set[str]) -> str | None:
        """The id of the rule that an override is of, None with the reason where it is of none."""
        name = entry.data.get("id")
        shipped = [each for each, (_, own) in self.rules.items() if not own]
        if not isinstance(name, str):
            self.problems.append(entry.problem("is missing" if name is None else "must be text", "id"))
        elif name not in self.rules:
            self.problems.append(entry.problem(f"there is no shipped rule {name!r}{did_you_mean(name, shipped)}", "id"))
        elif name not in shipped:
            self.problems.append(entry.problem(f"{name!r} is this county's own rule: change it there", "id"))
        elif name in taken:
            self.problems.append(entry.problem(f"rule {name!r} is overridden twice", "id"))
        elif len(entry.data) == 1:
            self.problems.append(entry.problem(f"changes nothing of rule {name!r}"))
        else:
            return name
        return None


def _merged(shipped: Entry, override: Entry) -> Entry:
    """The rule with what the override says in place of what it said; another condition takes the place of the whole condition."""
    given = [key for key in CONDITIONS if key in override.data]
    gone: Sequence[str] = ()
    if given:
        point = () if any(key in ON_POINTS for key in given) else ("point",)
        deadband = () if any(key in ("above", "below") for key in given) else ("deadband",)
        gone = (*CONDITIONS, *point, *deadband)
    kept: Mapping[str, object] = {key: value for key, value in shipped.data.items() if key not in gone}
    return replace(override, data={**kept, **override.data})
