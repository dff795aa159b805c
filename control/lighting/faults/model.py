"""Findings, and the clock that stands between a reading and a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from control.alarms.model import NOTHING, Condition, Evidence, Text
from control.lighting.feeder.count import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is now known of one ``fault`` at one ``place`` (``cab-07``, ``cab-07/loop3``), since ``time`` (epoch ms). ``value``
    None: it cannot be told. ``count``: lamps or watts, where the fault is of that sort. ``explained_by``: key of the finding
    that causes it. ``ending``: it is over and waits for its clock: it is told as not known, and still explains.
    """

    fault: str
    place: str
    time: int
    value: bool | None
    why: Text = NOTHING
    evidence: tuple[Evidence, ...] = ()
    count: Count | None = None
    explained_by: str = ""
    ending: bool = False

    @property
    def key(self) -> str:
        """The key of its alarm: ``fault@place``."""
        return f"{self.fault}@{self.place}"

    def condition(self) -> Condition:
        """As the alarm engine takes it; what a cause explains is not told as a fault of its own."""
        value = None if self.value and self.explained_by else self.value
        return Condition(key=self.key, time=self.time, value=value, why=self.why, evidence=self.evidence)


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one reading says by itself, before any clock: ``value`` as in Finding."""

    value: bool | None
    why: Text = NOTHING
    evidence: Iterable[Evidence] = ()


UNTOLD = Verdict(value=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A fault must show for ``on_s`` and in ``samples`` readings before it is believed, its absence for ``off_s``. Readings
    further apart than ``gap_s`` begin anew: a gap is no evidence, and what was told before it is not known after it. Latching is
    the alarm's affair (its rule says so), not the detector's.
    """

    on_s: float = 0.0
    off_s: float = 0.0
    samples: int = 1
    gap_s: float = 900.0


class Held(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of one detector. ``raw``: the newest verdict, ``since`` when and for ``count`` readings it has been so; ``last``:
    time of the newest reading; ``told``: what the last finding said, ``begun`` whether there was one; ``fault``: told and not
    refuted since.
    """

    raw: bool | None = None
    since: int = 0
    count: int = 0
    last: int = -1
    told: bool | None = None
    begun: bool = False
    fault: bool = False


Observed = tuple[Held, Finding | None]


def hold(state: Held, time: int, verdict: Verdict, clock: Clock, fault: str, place: str) -> Observed:
    """Take in a verdict at ``time`` and say what has become known. A reading not newer than the last one changes nothing."""
    if time <= state.last:
        return state, None
    gap = time - state.last > clock.gap_s * 1000
    steady = verdict.value is state.raw and not gap
    since, count = (state.since, state.count + 1) if steady else (time, 1)
    known = state.fault if verdict.value is not True else None if gap else state.told
    value = _known(verdict.value, known, (time - since) / 1000, count, clock)
    kept = state.fault if value is None else value
    after = Held(raw=verdict.value, since=since, count=count, last=time, told=value, begun=True, fault=kept)
    if state.begun and value is state.told:
        return after, None
    ending = value is None and verdict.value is False
    words, proofs = verdict.why, tuple(verdict.evidence)
    return after, Finding(fault=fault, place=place, time=since, value=value, why=words, evidence=proofs, ending=ending)


def _known(raw: bool | None, known: bool | None, lasted: float, count: int, clock: Clock) -> bool | None:
    """What may be said now. Before the clock of its beginning has run out, what was told stays (``known``); while that of its end
    runs, a fault that was (``known``) is not known.
    """
    if raw:
        return True if lasted >= clock.on_s and count >= clock.samples else known
    if raw is None or (known and lasted < clock.off_s):
        return None
    return False


class Proof(msgspec.Struct, frozen=True, gc=False):
    """Readings of one place and time by the names of their points, made into evidence only where it is looked at: a finding is
    rare, a reading is not.
    """

    place: str
    time: int
    values: Mapping[str, float | bool | None]

    def __iter__(self) -> Iterator[Evidence]:
        for name, value in self.values.items():
            yield Evidence(point=f"{self.place}/{name}", time=self.time, value=value)


def proof(place: str, time: int, **values: float | bool | None) -> Proof:
    """Readings of one place and time as evidence, by the names of their points."""
    return Proof(place, time, values)
