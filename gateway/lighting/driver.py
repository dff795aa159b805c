"""From actions to writes on the bus, and the read-back after them. One task a device, so that a slow one holds up no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, Protocol

from gateway.requests import Nap
from lampwell.clock import Clock
from lampwell.errors import DeviceRefused, ModbusError
from lampwell.lighting.wire import Said
from lampwell.profiles.encoding import encoder
from lampwell.profiles.model import Register, Space

log = logging.getLogger(__name__)

MOST_WORDS = 123
"""Of one write request (Modbus 6.12)."""
QUICK = (0.3, 0.4, 0.5, 0.7, 1.0, 1.5)
SLOW = (1.0, 3.0, 6.0)
"""Seconds between the looks after a write: at a contactor, and at lamps behind a power line."""


class Port(Protocol):
    """How devices are spoken to: see ``gateway.field.Field``. Both raise ModbusError."""

    async def read(self, device: str, positions: Sequence[int]) -> None: ...

    async def write(self, device: str, space: Space, address: int, values: Sequence[int]) -> None: ...


class Item(NamedTuple):
    """A value for a register, and for which target ("" none)."""

    register: Register
    value: float
    target: str = ""


class Request(NamedTuple):
    """One write request, and the targets it is for."""

    space: Space
    address: int
    values: tuple[int, ...]
    targets: tuple[str, ...]


class OutOfLimits(ValueError):
    """A value that the profile does not let anyone write."""


def requests_of(items: Iterable[Item]) -> list[Request]:
    """In as few requests as neighbouring registers allow: what is in registers before what is in coils, a level before its loop.
    OutOfLimits.
    """
    made: list[Request] = []
    ordered = sorted(items, key=lambda item: (item.register.space is Space.COIL, item.register.address))
    for space, group in groupby(ordered, key=lambda item: item.register.space):
        for item in group:
            values, last = _values(item), made[-1] if made else None
            if last and last.space is space and _touches(last, item.register.address, len(values)):
                made[-1] = Request(space, last.address, last.values + values, (*last.targets, item.target))
            else:
                made.append(Request(space, item.register.address, values, (item.target,)))
    return made


def _touches(last: Request, address: int, count: int) -> bool:
    return last.address + len(last.values) == address and len(last.values) + count <= MOST_WORDS


def _values(item: Item) -> tuple[int, ...]:
    register, limits = item.register, item.register.write
    if (
        limits is None
        or (limits.low is not None and item.value < limits.low)
        or (limits.high is not None and item.value > limits.high)
    ):
        raise OutOfLimits(f"{register.point.path} = {item.value:g}: the profile does not allow that to be written")
    if register.space is Space.COIL:
        return (int(bool(item.value)),)
    value = round(item.value) if register.encoding.scale == 1 else item.value
    data = encoder(register.encoding)(value)
    return tuple(int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2))


@dataclass(slots=True)
class _Queue:
    nap: Nap
    items: dict[tuple[Space, int], Item] = field(default_factory=dict)
    reads: tuple[int, ...] = ()
    task: asyncio.Task[None] | None = None


class Driver:
    """``done(failed)``: after every request and every look, with the targets whose write did not reach the device, and why."""

    def __init__(self, port: Port, *, clock: Clock, done: Callable[[Mapping[str, Said]], None]) -> None:
        self._port = port
        self._clock = clock
        self._done = done
        self._queues: dict[str, _Queue] = {}

    def give(self, device: str, items: Iterable[Item], reads: Sequence[int], looks: Sequence[float]) -> None:
        """Write this (if anything) as soon as the device is free, then read these columns; a newer value for a register takes the
        place of one that still waits.
        """
        queue = self._queues.setdefault(device, _Queue(Nap(self._clock)))
        queue.items |= {(item.register.space, item.register.address): item for item in items}
        queue.reads = tuple(dict.fromkeys((*queue.reads, *reads)))
        queue.nap.wake()
        if queue.task is None or queue.task.done():
            queue.task = asyncio.create_task(self._work(device, queue, tuple(looks)), name=f"lighting {device}")

    async def stop(self) -> None:
        """Nothing is written any more."""
        tasks = [queue.task for queue in self._queues.values() if queue.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, device: str, queue: _Queue, looks: tuple[float, ...]) -> None:
        rest = list(looks)
        while queue.items or rest:
            if queue.items:
                await self._write_all(device, queue)
                rest = list(looks)
            await queue.nap.until(rest.pop(0))
            if queue.items:
                await self._write_all(device, queue)
                rest = list(looks)
            await self._look(device, queue.reads)
        queue.reads = ()

    async def _write_all(self, device: str, queue: _Queue) -> None:
        while queue.items:
            items, queue.items = list(queue.items.values()), {}
            for request in _fitting(device, items):
                await self._write(device, request)

    async def _write(self, device: str, request: Request) -> None:
        try:
            await self._port.write(device, request.space, request.address, request.values)
        except ModbusError as error:
            log.debug("%s: %s", device, error)
            self._done(dict.fromkeys((one for one in request.targets if one), _unreached(error)))
        else:
            self._done({})

    async def _look(self, device: str, reads: Sequence[int]) -> None:
        try:
            await self._port.read(device, reads)
        except ModbusError as error:
            log.debug("%s: %s", device, error)
        else:
            self._done({})


def _fitting(device: str, items: Sequence[Item]) -> list[Request]:
    """Without what the profile does not allow, which is told: the others must not wait for it."""
    try:
        return requests_of(items)
    except OutOfLimits as error:
        log.error("%s: %s", device, error)
        return [request for item in items for request in _alone(item)]


def _alone(item: Item) -> list[Request]:
    try:
        return requests_of([item])
    except OutOfLimits:
        return []


def _unreached(error: ModbusError) -> Said:
    if isinstance(error, DeviceRefused):
        return Said(zh=f"设备拒绝写入（异常码 {error.code}）", en=f"the device refuses the write (exception {error.code})")
    return Said(zh="写入没有送达设备", en=f"the write did not reach the device: {error}")
