"""The county of the alarm benches: units with points, a rule on each point, people with phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.county_files import KIND, county_files, write_files

LIMIT, HIGH, LOW = 100.0, 150.0, 10.0
"""Of every rule; a value that is alarming; one that is not."""

RULE = """\
[[rule]]
id = "high-{number}"
zh = "测点{number}过高"
en = "Point {number} is high"
priority = {priority}
kinds = ["{kind}"]
point = "p{number}"
above = {limit}
deadband = 5
on_delay_s = {on_s}
off_delay_s = {off_s}
cause = {{ zh = "演练", en = "a drill" }}
consequence = {{ zh = "无", en = "none" }}
response = {{ zh = "无需处理", en = "nothing to do" }}
source = "made for the alarm benches"

"""
PEOPLE = """\
[[policy]]
id = "urgent"
zh = "红橙"
en = "Red and orange"
priorities = [1, 2]
steps = [{ after_s = 0, targets = ["person:duty", "person:group-duty"] }]

[[policy]]
id = "calm"
zh = "黄蓝"
en = "Yellow and blue"
priorities = [3, 4]
steps = [{ after_s = 0, targets = ["person:group-crew"] }]
"""
PERSONS = (
    "id,zh,en,role\nduty,值班员,Duty officer,duty\ngroup-duty,值班群,Duty group,viewer\ngroup-crew,班组群,Crew group,viewer\n"
)
CONTACTS = (
    "person,channel,address,min_priority,order\nduty,sms,19900000001,4,1\ngroup-duty,dingtalk,-,4,1\ngroup-crew,feishu,-,4,1\n"
)
CHANNEL = """\
[[channel]]
id = "{name}"
kind = "stand-in"
{like}zh = "{name}"
en = "{name}"
url_env = "LAMPWELL_STANDIN_URL"
timeout_s = 3

"""
LIKE = {"sms": "aliyun-sms", "dingtalk": "dingtalk", "feishu": "feishu"}
"""Which vendor's budget each channel has; without budgets: the stand-in's own 600 a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """``priorities``: of the rule on each point of a unit. ``budgets``: the vendors' own limits, or the stand-in's wide ones."""

    units: int
    priorities: Sequence[int]
    on_s: float = 0.0
    off_s: float = 0.0
    interval_s: float = 1.0
    budgets: bool = True


def write_county(folder: Path, shape: Shape, *, broker: int, field: int = 15_020) -> Path:
    """Write the folder and return it."""
    files = county_files(
        broker=broker,
        points=map(_point, range(len(shape.priorities))),
        links=((f"127.0.0.{n + 1}", field) for n in range((shape.units + 199) // 200)),
        units=((unit(n), n // 200, n % 200 + 1) for n in range(shape.units)),
        interval_s=shape.interval_s,
    )
    more = {
        "alarms/county.toml": "".join(_rule(n, priority, shape) for n, priority in enumerate(shape.priorities)),
        "people/people.toml": PEOPLE,
        "people/persons.csv": PERSONS,
        "people/contacts.csv": CONTACTS,
        "channels.toml": "".join(_channel(name, like if shape.budgets else "") for name, like in LIKE.items()),
    }
    return write_files(folder, files | more)


def unit(number: int) -> str:
    """The id of a unit."""
    return f"unit-{number}"


def key(point: int, number: int) -> str:
    """The key of the alarm on a point of a unit."""
    return f"high-{point}@{unit(number)}"


def _point(number: int) -> str:
    return (
        f'  {{ path = "p{number}", address = {number}, scale = 0.1, zh = "点", en = "Point", deadband = {{ absolute = 1.0 }} }},'
    )


def _rule(number: int, priority: int, shape: Shape) -> str:
    return RULE.format(number=number, priority=priority, kind=KIND, limit=LIMIT, on_s=shape.on_s, off_s=shape.off_s)


def _channel(name: str, like: str) -> str:
    return CHANNEL.format(name=name, like=f'like = "{like}"\n' if like else "")
