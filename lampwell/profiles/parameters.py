"""The parameters a device gives its profile: checked against what the profile declares, and filled into its numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from lampwell.config_words import either
from lampwell.profiles.files import ParameterFile

Parameters = Mapping[str, float | str]

_EXPRESSION = re.compile(r"([a-z_][a-z0-9_]*)(?:\s*([+-])\s*(\d+(?:\.\d+)?|[a-z_][a-z0-9_]*))?")


def resolve(
    declared: Mapping[str, ParameterFile], given: Mapping[str, object]
) -> tuple[dict[str, float | str], list[tuple[str, str]]]:
    """The values of all declared parameters, defaults filled in, and (name, reason) for each that was refused.

    Text from a CSV cell counts as a number where a number is declared.
    """
    values: dict[str, float | str] = {}
    wrong = [(name, _unknown(declared)) for name in given if name not in declared]
    for name, parameter in declared.items():
        value = given.get(name, parameter.default)
        if value is None:
            wrong.append((name, "is missing"))
            continue
        try:
            values[name] = _checked(parameter, value)
        except ValueError as error:
            wrong.append((name, str(error)))
    return values, wrong


def evaluate(value: float | str | None, parameters: Parameters) -> float | None:
    """A number of a profile: itself, a parameter, or the sum or difference of two. ValueError where it is none."""
    if not isinstance(value, str):
        return value
    match = _EXPRESSION.fullmatch(value.strip())
    if not match:
        raise ValueError(f"must be a number, a parameter, or a sum or difference of two, not {value!r}")
    first, sign, second = match.groups()
    if not sign:
        return _term(first, parameters)
    return round(_term(first, parameters) + (1 if sign == "+" else -1) * _term(second, parameters), 12)


def _term(text: str, parameters: Parameters) -> float:
    if text[0].isdigit():
        return float(text)
    value = parameters.get(text)
    if value is None or isinstance(value, str):
        raise ValueError(f"{text!r} is not a number parameter of this profile")
    return value


def _checked(parameter: ParameterFile, value: object) -> float | str:
    if parameter.type == "text":
        if not isinstance(value, str) or (parameter.choices and value not in parameter.choices):
            raise ValueError(f"must be {either(parameter.choices or ['text'])}, not {value!r}")
        return value
    number = _number(value)
    wanted = "a whole number" if parameter.type == "whole" else "a number"
    if number is None or (parameter.type == "whole" and number != int(number)):
        raise ValueError(f"must be {wanted}, not {value!r}")
    if parameter.low is not None and number < parameter.low:
        raise ValueError(f"must be at least {parameter.low:g}, not {number:g}")
    if parameter.high is not None and number > parameter.high:
        raise ValueError(f"must be at most {parameter.high:g}, not {number:g}")
    return int(number) if parameter.type == "whole" else number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _unknown(declared: Mapping[str, ParameterFile]) -> str:
    return f"unknown parameter; this profile has {', '.join(declared) or 'none'}"
