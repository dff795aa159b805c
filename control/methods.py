"""What may be asked of a running control service over its socket, and what it answers: for who asks and for who is asked.

Nothing of the service is loaded here: a command in a terminal knows the words without the database behind them.
"""

from __future__ import annotations

from datetime import date

from control.alarms.occurrences import Occurrence
from control.kpi.model import Day
from control.kpi.report import Report
from control.lighting.asks import Activation, Wish
from control.lighting.checks import Finding
from control.lighting.commands import Commanded, Commands
from control.lighting.compare import Difference
from control.lighting.digest import Digest
from control.lighting.selection import Selection
from control.lighting.views import Begun, Explained, Given, LightOrder, LightOrderDetail, LightStatus, RolloutRow, Version
from control.messages.views import ChannelRow, DeliveryRow
from control.orders.views import OrderDetail, OrderRow, Wanted
from control.people.roster import Roster, Swap
from control.people.rota import ShiftGap
from control.people.views import DutyRow
from control.rows import AlarmDetail, AlarmRow
from lampwell.lighting.figures import Figures
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import NightPreview
from lampwell.lighting.wire import Said
from lampwell.local import Methods

SOCKET = "control.sock"
METHODS: Methods = {
    "alarms": ((bool,), list[AlarmRow]),
    "alarm": ((str,), AlarmDetail),
    "past": ((int, int, str, int), list[Occurrence]),
    "acknowledge": ((int, str, str), AlarmDetail),
    "reset": ((int, str, str), AlarmDetail),
    "shelve": ((str, str, float, str), AlarmDetail),
    "unshelve": ((str, str, str), AlarmDetail),
    "service": ((str, str, bool, str), AlarmDetail),
    "change": ((str, str, float | None, str, str), AlarmDetail),
    "status": ((), dict[str, int | str | float | None]),
    "people.roster": ((), tuple[int, Roster]),
    "people.duty": ((int,), list[DutyRow]),
    "people.gaps": ((int, int), list[ShiftGap]),
    "people.versions": ((), list[tuple[int, int, str, str]]),
    "people.take": ((Roster, str, str), int),
    "people.swap": ((Swap, str), int),
    "people.season": ((str, str, str), int),
    "orders.list": ((str, str, str, bool, bool), list[OrderRow]),
    "orders.show": ((int,), OrderDetail),
    "orders.new": ((Wanted, str, str), OrderDetail),
    "orders.assign": ((int, str, str, str, str), OrderDetail),
    "orders.act": ((int, str, str, str, bytes | None), OrderDetail),
    "orders.photo": ((int,), tuple[str, bytes] | None),
    "orders.register": ((int, int, str), str),
    "messages.outbox": ((str, int, int), list[DeliveryRow]),
    "messages.channels": ((), list[ChannelRow]),
    "messages.silent_for": ((), int | None),
    "messages.kpi": ((int, int, str), Report),
    "messages.kpi_days": ((date, date, str), list[Day]),
    "lighting.status": ((), LightStatus),
    "lighting.versions": ((), list[Version]),
    "lighting.plan": ((int,), str),
    "lighting.check": ((Plan,), list[Finding]),
    "lighting.preview": ((int, str, date), NightPreview),
    "lighting.figures": ((int, date, int), dict[str, Figures]),
    "lighting.difference": ((int, int, date, int), Difference),
    "lighting.take": ((Plan, str, str), Version),
    "lighting.activate": ((Activation, str, str, str), Begun),
    "lighting.rollback": ((Activation, str, str, str), Begun),
    "lighting.stop": ((str, str), RolloutRow),
    "lighting.rollouts": ((int,), list[RolloutRow]),
    "lighting.explain": ((str, int), Explained),
    "lighting.override": ((Selection, Wish, str, str), Given),
    "lighting.lock": ((Selection, Said, str, str), Given),
    "lighting.command": ((Commands, str, str), Commanded),
    "lighting.release": ((str, Said, str, bool), list[LightOrder]),
    "lighting.digest": ((), Digest),
    "lighting.orders": ((int, int), list[LightOrder]),
    "lighting.order": ((str,), list[LightOrderDetail]),
}
"""By name: the types of the arguments and of the answer. ``control/front.py`` answers."""
