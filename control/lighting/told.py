"""Findings of the detectors as conditions of alarms: each under the key of its alarm, the phases of a loop as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from control.alarms.faults import BY_LOOP, FAULTS
from control.alarms.model import Condition
from control.lighting.faults.model import Finding
from control.lighting.faults.readings import PHASES


class Told:
    """``take`` findings; ``all`` are the conditions of those since it was last asked."""

    def __init__(self) -> None:
        self._phases: dict[str, dict[str, Finding]] = defaultdict(dict)
        self._told: list[Condition] = []

    def all(self) -> list[Condition]:
        """What has become known since the last time."""
        told, self._told = self._told, []
        return told

    def take(self, finding: Finding) -> None:
        """Under the key of its alarm; the phases of a loop are one alarm. What rules can not name is not told."""
        base = _BASES.get(finding.fault, finding.fault)
        if base not in FAULTS:
            return
        place, _, phase = finding.place.rpartition("/")
        whole = place if phase in PHASES and base in BY_LOOP else finding.place
        key = f"{base}@{whole}"
        if whole == finding.place and base == finding.fault:
            condition = finding.condition()
        else:
            self._phases[key][finding.key] = finding
            condition = _joined(key, self._phases[key].values())
        self._told.append(condition)


_BASES = {
    **{f"loop-phase-{phase}-open": "loop-phase-open" for phase in PHASES},
    **{f"phase-{phase}-lost": "phase-lost" for phase in PHASES},
}
"""Faults whose name holds the phase."""


def _joined(key: str, findings: Iterable[Finding]) -> Condition:
    """Of several phases: there if it is on one, not known if it is on none and one can not tell."""
    told = sorted((one.condition() for one in findings), key=lambda one: one.time)
    there = [one for one in told if one.value]
    if there:
        return replace(there[-1], key=key, evidence=tuple(each for one in there for each in one.evidence))
    unknown = next((one for one in reversed(told) if one.value is None), None)
    return replace(unknown or told[-1], key=key)
