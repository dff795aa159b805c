"""Pydantic's findings, and places in files, as a person would say them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails, PydanticCustomError

Key = str | int


def either(choices: Iterable[str]) -> str:
    """``a, b or c``."""
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def refused(wanted: str, value: object) -> PydanticCustomError:
    """What a validator raises: the value is not what was wanted."""
    return PydanticCustomError("refused", "{reason}", {"reason": f"must be {wanted}, not {shown(value)}"})


def location(detail: ErrorDetails) -> tuple[Key, ...]:
    """The key path, without the names that pydantic gives to the members of a union."""
    return tuple(key for key in detail["loc"] if isinstance(key, int) or not re.search(r"[\[\]()]", key))


def _fields(model: type[BaseModel], path: Iterable[Key]) -> list[str]:
    """The keys that the model allows at a path."""
    for key in path:
        field = model.model_fields.get(str(key))
        inner = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((each for each in inner if isinstance(each, type) and issubclass(each, BaseModel)), model)
    return list(model.model_fields)


def plain(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """Pydantic's complaint as a person would say it."""
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "unknown key" + did_you_mean(str(detail["loc"][-1]), _fields(model, detail["loc"][:-1]))
        case "refused":
            return detail["msg"]
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"must be {str(context['expected']).replace(chr(39), '')}, not {shown(given)}"
    wanted = next((words for prefix, words in _WANTED if kind.startswith(prefix)), None)
    if wanted is None:
        return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, not {shown(given)}"
    return f"must be {wanted.format(**context)}, not {shown(given)}"


_WANTED = (
    ("int_", "a whole number"),
    ("float_", "a number"),
    ("finite_number", "a finite number"),
    ("bool_", "true or false"),
    ("string_too_short", "at least {min_length} characters"),
    ("string_too_long", "at most {max_length} characters"),
    ("string_", "text"),
    ("greater_than_equal", "at least {ge:g}"),
    ("greater_than", "more than {gt:g}"),
    ("less_than_equal", "at most {le:g}"),
    ("less_than", "less than {lt:g}"),
    ("list_", "a list"),
    ("dict_", "a table"),
    ("model_type", "a table"),
    ("model_attributes_type", "a table"),
)


def shown(value: object) -> str:
    """A value as it stands in the file, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint to the most similar known word, "" where none is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def dotted(keys: Iterable[Key]) -> str:
    """A key path as people write it: ``station.pump[2].unit``, counted from 1."""
    out = ""
    for key in keys:
        out += f"[{key + 1}]" if isinstance(key, int) else f".{key}" if out else key
    return out
