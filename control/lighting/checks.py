"""The check of a plan, as control asks for it: every night of the coming year, with the county's lamps beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from lampwell.assets import Lamp
from lampwell.errors import Problem
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import Basis
from lampwell.lighting.validate import Finding, validate

__all__ = ["Finding", "check_plan", "problem"]


def check_plan(plan: Plan, basis: Basis, first: date, lamps: Sequence[Lamp]) -> tuple[Finding, ...]:
    """Everything found in the year from ``first`` on, errors first."""
    return validate(plan, basis, first=first, lamps=lamps)


def problem(one: Finding) -> Problem:
    """A finding as a configuration's problem."""
    since = f" ({one.day})" if one.day else ""
    return Problem("lighting", f"{one.where}{since}", f"{one.text.zh} {one.text.en}")
