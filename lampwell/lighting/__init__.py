"""The lighting programs: from a plan and an instant to the level that should hold, and why.

Pure: control previews with it, the edge acts by it. docs/configuration.md says what a county's ``lighting`` folder holds.
"""

from __future__ import annotations

from lampwell.lighting.level import Held, NoTarget, Timetable
from lampwell.lighting.model import Calendar, Layer, Override, Plan, Program, Target, Text
from lampwell.lighting.standing import NOTHING, Standing
from lampwell.lighting.sun import Place
from lampwell.lighting.switches import Switch, switches

__all__ = [
    "NOTHING",
    "Calendar",
    "Held",
    "Layer",
    "NoTarget",
    "Override",
    "Place",
    "Plan",
    "Program",
    "Standing",
    "Switch",
    "Target",
    "Text",
    "Timetable",
    "switches",
]
