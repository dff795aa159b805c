"""What can go wrong with one loop of a cabinet and its lamps."""

from __future__ import annotations

from collections.abc import Iterator

from simulators.cabinet_parts import Contactor, Housing
from simulators.cabinet_plc import LoopState, TripCause
from simulators.electrics import Loop
from simulators.faults import Fault, FaultText, Setter, fault_of


def loop_faults(cabinet: str, loop: Loop, state: LoopState, contactor: Contactor, housing: Housing) -> Iterator[Fault]:
    """Of the loop, then of each of its lamps."""
    target = f"{cabinet}/loop{loop.number}"
    for name, zh, en, setter in (
        ("open", "回路断线", "the loop is open behind its contactor", _cut(loop, 1.0)),
        ("cable-cut", "电缆被盗", "the far part of the cable is gone, value = share", _theft(loop, housing)),
        ("welded", "接触器粘连", "the contactor does not open", switched(contactor, "welded")),
        ("not-closing", "接触器拒合", "the contactor does not close", switched(contactor, "dead")),
        ("breaker-trip", "断路器跳闸", "the loop's breaker is open", _breaker(loop, state)),
        ("leakage", "漏电", "leakage more, value = mA", _leak(loop)),
        ("local-override", "就地合闸", "the loop's own switch is on", switched(state, "override")),
        ("ct-off", "互感器断线", "its currents read nothing", _member(housing.unmeasured, loop.number)),
        ("lamp-out", "灯不亮", "lamps are dead, value = how many", _lamps_out(loop)),
    ):
        yield fault_of(target, FaultText(name, zh, en), setter)
    for lamp in loop.lamps:
        yield fault_of(lamp.id, FaultText("out", "灯不亮", "this lamp is dead"), _one_lamp(loop, lamp.id))


def _member(those: set[int], number: int) -> Setter:
    def change(on: bool, _value: float | None) -> None:
        (those.add if on else those.discard)(number)

    return change


def _theft(loop: Loop, housing: Housing) -> Setter:
    cut, told = _cut(loop, 0.5), _member(housing.cables, loop.number)

    def change(on: bool, value: float | None) -> None:
        cut(on, value)
        told(on, value)

    return change


def switched(thing: object, name: str) -> Setter:
    """A fault that is there or not."""

    def change(on: bool, _value: float | None) -> None:
        setattr(thing, name, on)

    return change


def _cut(loop: Loop, usual: float) -> Setter:
    def change(on: bool, value: float | None) -> None:
        share = usual if value is None or usual == 1.0 else value
        if not 0 < share <= 1:
            raise ValueError(f"value {share:g}: must be a share above 0, at most 1")
        loop.cut = share if on else 0.0
        loop.refit()

    return change


def _breaker(loop: Loop, state: LoopState) -> Setter:
    def change(on: bool, _value: float | None) -> None:
        loop.breaker = not on
        if on:
            state.trip_cause = TripCause.BREAKER

    return change


def _leak(loop: Loop) -> Setter:
    def change(on: bool, value: float | None) -> None:
        size = 120.0 if value is None else value
        if size < 0:
            raise ValueError(f"value {size:g} mA: must be 0 or more")
        loop.fault_ma = size if on else 0.0

    return change


def _lamps_out(loop: Loop) -> Setter:
    def change(on: bool, value: float | None) -> None:
        count = 1 if value is None else int(value)
        if not 1 <= count <= len(loop.lamps):
            raise ValueError(f"value {count}: the loop has {len(loop.lamps)} lamps")
        loop.out = {lamp.id for lamp in loop.lamps[:count]} if on else set()
        loop.refit()

    return change


def _one_lamp(loop: Loop, lamp: str) -> Setter:
    def change(on: bool, _value: float | None) -> None:
        (loop.out.add if on else loop.out.discard)(lamp)
        loop.refit()

    return change
