"""What ``lampwell check`` asks of the alarm service: rules, people and channels of a county, each and held against each other."""

from __future__ import annotations

from collections.abc import Sequence

from control.alarms.rule_files import check_rules
from control.messages.reach import read_reach
from control.messages.settings import check_channels
from control.people.files import read_roster
from control.people.roster import channels_used
from lampwell.assets import County
from lampwell.config_words import did_you_mean
from lampwell.errors import Problem

PEOPLE = "people"


def check_desk(county: County) -> Sequence[Problem]:
    """Everything that is wrong. Secrets that are not set on this machine are not: the county is checked, not the machine."""
    problems: list[Problem] = []
    check_rules(county.folder, county, problems)
    warnings: list[Problem] = []
    channels = {one.id for one in check_channels(county.folder, problems, warnings)}
    read_reach(county.folder, problems, warnings)
    before = len(problems)
    roster = read_roster(county.folder / PEOPLE, [area.id for area in county.areas], problems)
    if len(problems) == before:
        problems.extend(
            Problem(
                f"{PEOPLE}/contacts.csv",
                "channel",
                f"there is no channel {name!r} in channels.toml{did_you_mean(name, channels)}",
            )
            for name in channels_used(roster)
            if name not in channels
        )
    return problems
