"""The units behind one link, and one master's conversation with them: request bytes in, timed answer bytes out. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from lampwell.assets import Link, Transport
from simulators.frames import Request, RtuFramer, TcpFramer, exception
from simulators.linkfaults import NO_FAULTS, NOTHING, Active, Exchange, LinkFaults, Plan, disturb, frame

NO_PATH_TO_UNIT = 11
_WRITES = (5, 6, 15, 16)


class Answering(Protocol):
    """A unit: an ``Image``, or anything else that turns a request PDU into an answer PDU."""

    def answer(self, pdu: bytes) -> bytes:
        """The response PDU."""
        ...


@dataclass(frozen=True, slots=True)
class Unit:
    """What sits at one Modbus address: the device's id and its registers."""

    device: str
    image: Answering


@dataclass(slots=True, kw_only=True, eq=False)
class Bus:
    """One link with its units by address. ``paced`` holds answers back for as long as the line's baud rate would take.

    Counts for the status screen: ``requests``, ``answers``, ``refused`` (exceptions sent), ``clients`` now connected.
    """

    link: Link
    units: Mapping[int, Unit]
    faults: LinkFaults
    random: Random
    paced: bool = False
    requests: int = 0
    answers: int = 0
    refused: int = 0
    clients: int = 0

    def refuses(self) -> bool:
        """True while the link takes no connections."""
        return "refuse" in self.faults.on(self.link.id)

    def plan(self, request: Request, previous: bytes) -> Plan:
        """What is sent for one request. Absent units are silent; a broadcast is done by all and answered by none."""
        self.requests += 1
        rtu = self.link.transport is not Transport.TCP
        if rtu and request.unit == 0:
            self._broadcast(request.pdu)
            return NOTHING
        unit = self.units.get(request.unit)
        active = self.faults.on(self.link.id, unit.device if unit else "")
        if unit is None and "no-path" not in active:
            return NOTHING
        answer = unit.image.answer(request.pdu) if unit else exception(request.pdu[0], NO_PATH_TO_UNIT)
        plan = self._disturbed(request, answer, previous, active)
        self.answers += bool(plan.steps)
        self.refused += answer[0] >= 0x80
        return self._paced(request, plan) if self.paced and rtu else plan

    def _disturbed(self, request: Request, answer: bytes, previous: bytes, active: Active) -> Plan:
        exchange = Exchange(
            transport=self.link.transport,
            transaction=request.transaction,
            unit=request.unit,
            request=request.pdu,
            answer=answer,
            previous=previous,
        )
        if active is NO_FAULTS:
            return Plan(((0.0, frame(exchange)),))
        return disturb(exchange, active, self.random)

    def _broadcast(self, pdu: bytes) -> None:
        if pdu[0] in _WRITES:
            for unit in self.units.values():
                unit.image.answer(pdu)

    def _paced(self, request: Request, plan: Plan) -> Plan:
        size = request.size + sum(len(data) for _, data in plan.steps)
        parity = 0 if self.link.parity == "N" else 1
        delay = (size + 3.5) * (9 + parity + self.link.stop_bits) / self.link.baud
        return replace(plan, steps=tuple((at + delay, data) for at, data in plan.steps), busy_s=plan.busy_s + delay)


@dataclass(slots=True, eq=False)
class Session:
    """One master's connection to a bus. Answers leave in order, each when the one before is off the line."""

    bus: Bus
    framer: TcpFramer | RtuFramer = field(init=False)
    _previous: bytes = b""
    _free_at: float = 0.0

    def __post_init__(self) -> None:
        self.framer = TcpFramer() if self.bus.link.transport is Transport.TCP else RtuFramer()

    def feed(self, data: bytes, now: float) -> list[Plan]:
        """Plans for every request completed by these bytes, times counted from ``now``. Raises BadFrame: drop the connection."""
        plans = []
        for request in self.framer.feed(data, now):
            plan = self.bus.plan(request, self._previous)
            wait = self._free_at - now
            if wait > 0:
                plan = replace(plan, steps=tuple((wait + at, sent) for at, sent in plan.steps))
            if plan.busy_s:
                self._free_at = max(now, self._free_at) + plan.busy_s
            if plan.steps:
                self._previous = b"".join(sent for _, sent in plan.steps)[-512:]
            plans.append(plan)
        return plans
