"""A duty office of three people and a leader, small enough to work out by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from control.people.roster import Contact, Person, Policy, Roster, Rota, Step

ZONE = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
TAIHE = Path(__file__).parents[2] / "counties/taihe/people"
AREAS = ("oldtown", "newtown", "g319")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

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


def at(text: str, zone: ZoneInfo = ZONE) -> int:
    """County time as epoch ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)
