"""A small validator for the JSON Schema words that TALQ's schemas use; a word it does not know is an error, not a pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

SCHEMAS: dict[str, Any] = json.loads((Path(__file__).parent / "talq" / "schemas.json").read_text("utf-8"))["schemas"]
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
PASSED = {"default", "description"}


def _time(text: str) -> bool:
    return re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", text) is not None


def _date(text: str) -> bool:
    return len(text) == 10 and bool(date.fromisoformat(text))


def _date_time(text: str) -> bool:
    return datetime.fromisoformat(text.upper()).tzinfo is not None  # RFC 3339 takes small letters


FORMATS = {"time": _time, "date": _date, "date-time": _date_time}


def errors(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every way in which a value breaks a schema."""
    for word, wanted in schema.items():
        if word not in PASSED:
            yield from WORDS[word](value, wanted, path, schema)


def named(value: Any, name: str, path: str = "") -> list[str]:
    """Against a schema of the data model."""
    return list(errors(value, SCHEMAS[name], path or name))


def _type(value: Any, wanted: str, path: str, _: Any) -> Iterator[str]:
    is_bool = isinstance(value, bool) and wanted != "boolean"
    if is_bool or not isinstance(value, TYPES[wanted]):  # type: ignore[arg-type]
        yield f"{path}: not {wanted}: {value!r}"


def _properties(value: Any, wanted: dict[str, Any], path: str, _: Any) -> Iterator[str]:
    for key, schema in wanted.items():
        if isinstance(value, dict) and key in value:
            yield from errors(value[key], schema, f"{path}.{key}")


def _required(value: Any, wanted: list[str], path: str, _: Any) -> Iterator[str]:
    yield from (f"{path}: {key} is missing" for key in wanted if key not in value)


def _all_of(value: Any, wanted: list[Any], path: str, _: Any) -> Iterator[str]:
    for schema in wanted:
        yield from errors(value, schema, path)


def _any_of(value: Any, wanted: list[Any], path: str, _: Any) -> Iterator[str]:
    tried = [list(errors(value, schema, path)) for schema in wanted]
    if all(tried):
        yield f"{path}: fits none of {len(wanted)}: {tried[0][0]}"


def _discriminator(value: Any, wanted: dict[str, str], path: str, schema: Any) -> Iterator[str]:
    """The property names the schema that the value must fit too."""
    name = value.get(wanted["propertyName"]) if isinstance(value, dict) else None
    if name not in SCHEMAS:
        yield f"{path}: {wanted['propertyName']} {name!r} names no schema"
    elif SCHEMAS[name] is not schema:
        for part in SCHEMAS[name].get("allOf", [SCHEMAS[name]]):
            if "$ref" not in part:  # the base, which led here
                yield from errors(value, part, path)


WORDS: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "allOf": _all_of,
    "anyOf": _any_of,
    "discriminator": _discriminator,
    "$ref": lambda v, w, p, _: errors(v, SCHEMAS[w.rpartition("/")[2]], p),
    "items": lambda v, w, p, _: (each for n, item in enumerate(v) for each in errors(item, w, f"{p}[{n}]")),
    "enum": lambda v, w, p, _: [] if v in w else [f"{p}: {v!r} is none of {w}"],
    "minimum": lambda v, w, p, _: [] if v >= w else [f"{p}: {v} < {w}"],
    "maximum": lambda v, w, p, _: [] if v <= w else [f"{p}: {v} > {w}"],
    "minItems": lambda v, w, p, _: [] if len(v) >= w else [f"{p}: too few"],
    "maxItems": lambda v, w, p, _: [] if len(v) <= w else [f"{p}: too many"],
    "uniqueItems": lambda v, w, p, _: [] if len(set(v)) == len(v) else [f"{p}: twice the same"],
    "pattern": lambda v, w, p, _: [] if re.search(w, v) else [f"{p}: {v!r} does not fit {w}"],
    "format": lambda v, w, p, _: [] if w not in FORMATS or FORMATS[w](v) else [f"{p}: {v!r} is no {w}"],
}
