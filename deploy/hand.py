"""The duty officer at the demo's keyboard: what is selected, what is opened, and what a key does."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable

from control.app import Control
from control.messages.standin import Standin
from control.rows import AlarmDetail, AlarmRow
from deploy.duty_view import chosen
from deploy.lights import give_lease, lights_of
from deploy.view import DutyView, Phone
from lampwell.clock import Clock
from lampwell.errors import LampwellError

SHELVE_MIN = 10.0
SAID_S = 6.0


class Hand:
    """``press`` only remembers; ``look`` acts on the newest list and returns what is to be shown."""

    def __init__(self, clock: Clock, end: Callable[[], None]) -> None:
        self._clock, self._end = clock, end
        self._keys: list[str] = []
        self._key, self._at, self._open = "", 0, False
        self._said, self._said_at = "", 0.0
        self._who = getpass.getuser()

    def press(self, key: str) -> None:
        """A key was pressed."""
        if key == "q":
            self._end()
        else:
            self._keys.append(key)

    async def look(self, control: Control, standin: Standin) -> DutyView:
        """Act on the keys pressed since, then show how things are."""
        front = control.front
        alarms = await front.alarms()
        self._at = chosen(alarms, self._key, self._at)
        pressed, self._keys = self._keys, []
        for key in pressed:
            await self._act(key, alarms, control)
        if pressed:
            alarms = await front.alarms()
            self._at = chosen(alarms, self._key, self._at)
        self._key = alarms[self._at].key if alarms else ""
        detail: AlarmDetail | None = None
        if self._open and alarms:
            detail = await front.alarm(self._key)
        return DutyView(
            alarms=tuple(alarms),
            phones=tuple(
                Phone(time=one.time, to=_who(one.channel, one.address), text=one.text, priority=one.priority)
                for one in standin.received
            ),
            selected=self._at,
            detail=detail,
            lights=lights_of(await front.lighting.status()),
            said=self._said if self._clock.monotonic() - self._said_at < SAID_S else "",
        )

    async def _act(self, key: str, alarms: list[AlarmRow], control: Control) -> None:
        if key in ("up", "k", "down", "j") and alarms:
            step = -1 if key in ("up", "k") else 1
            self._at = min(max(0, self._at + step), len(alarms) - 1)
            self._key = alarms[self._at].key
        elif key in ("e", "enter"):
            self._open = not self._open and bool(alarms)
        elif key == "escape":
            self._open = False
        elif key == "l":
            await self._lease(control)
        elif alarms and key in ("a", "s"):
            row, front = alarms[self._at], control.front
            if key == "a":
                await self._try(front.acknowledge(row.number, self._who), f"已确认 acknowledged #{row.number}")
            else:
                reason = "演示 demo"
                await self._try(
                    front.shelve(row.key, self._who, SHELVE_MIN, reason), f"已搁置十分钟 shelved for 10 min: {row.key}"
                )

    async def _lease(self, control: Control) -> None:
        try:
            self._said = await give_lease(control, self._who)
        except LampwellError as error:
            self._said = str(error)
        self._said_at = self._clock.monotonic()

    async def _try(self, doing: Awaitable[object], done: str) -> None:
        try:
            await doing
            self._said = done
        except LampwellError as error:
            self._said = str(error)
        self._said_at = self._clock.monotonic()


def _who(channel: str, address: str) -> str:
    return channel if address in ("", "-") else f"{channel} {address}"
