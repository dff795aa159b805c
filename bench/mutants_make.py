"""Small faults put into Python source, one at a time: what mutation testing is made of. Pure: text in, mutants out, in order.

The faults are the usual ones (comparison, boundary, negation, and/or, a condition dropped, arithmetic, constants by one, ``return
None``, a statement removed, another member of an enum) and one for frozen values: a field that ``replace`` no longer sets.
Annotations, decorators, docstrings, patterns of ``match`` and the insides of f-strings are left alone: they say what is meant, or
their change is seen by the type checker.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_NOT_MEANT = {"annotation", "returns", "decorator_list", "pattern", "bases"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``was`` and ``now``: the line, or lines joined, without and with the fault. ``source``: the whole mutated text."""

    file: str
    within: str
    line: int
    kind: str
    was: str
    now: str
    source: str

    @property
    def same(self) -> tuple[str, str, str, str]:
        """What names a mutant however the lines around it move."""
        return self.file, self.within, self.was, self.now


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: in which function, and the line at which each of its names is first bound (an argument: 0)."""

    within: str = ""
    bound: Mapping[str, int] | None = None


Enums = Mapping[str, tuple[str, ...]]
_Fault = tuple[ast.AST, str, str]  # the node to replace, by what, kind


def enums_of(source: str) -> dict[str, tuple[str, ...]]:
    """The enums of a module and their members, in order."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    enums = [one for one in classes if any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in one.bases)]
    return {
        one.name: tuple(ast.unparse(target) for line in one.body if isinstance(line, ast.Assign) for target in line.targets)
        for one in enums
    }


def mutants(file: str, source: str, enums: Enums) -> list[Mutant]:
    """Every mutant of a source, by place; two faults that give the same text count once."""
    lines = source.encode().splitlines(keepends=True)
    found: dict[str, Mutant] = {}
    for place, (node, text, kind) in _walk(ast.parse(source), _Place(), enums):
        start, end = _span(lines, node)
        whole = source.encode()
        mutated = (whole[:start] + text.encode() + whole[end:]).decode()
        first, last = whole.rfind(b"\n", 0, start) + 1, whole.find(b"\n", end)
        was, now = whole[first:last], whole[first:start] + text.encode() + whole[end:last]
        one = Mutant(
            file=file, within=place.within, line=node.lineno, kind=kind, was=_joined(was), now=_joined(now), source=mutated  # type: ignore[attr-defined]
        )  # fmt: skip
        if mutated != source:
            found.setdefault(mutated, one)
    return list(found.values())


def _joined(text: bytes) -> str:
    return " ".join(text.decode().split())


def _span(lines: list[bytes], node: ast.AST) -> tuple[int, int]:
    def at(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + column

    return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


# -- where -----------------------------------------------------------------------------------------------------------------------


def _walk(node: ast.AST, place: _Place, enums: Enums) -> Iterator[tuple[_Place, _Fault]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        name = f"{place.within}.{node.name}".lstrip(".")
        place = _Place(name, place.bound if isinstance(node, ast.ClassDef) else _bound(node))
    elif _is_docstring(node) or isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return
    yield from ((place, fault) for fault in _faults(node, place, enums))
    for name, value in ast.iter_fields(node):
        if name not in _NOT_MEANT:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _walk(child, place, enums)


def _bound(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, int]:
    found = {one.arg: 0 for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    for one in ast.walk(function):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            found[one.id] = min(found.get(one.id, one.lineno), one.lineno)
    return found


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


# -- what ------------------------------------------------------------------------------------------------------------------------


def _faults(node: ast.AST, place: _Place, enums: Enums) -> Iterator[_Fault]:
    for kind, texts in (
        ("comparison", _comparisons(node)),
        ("and/or", _and_or(node)),
        ("arithmetic", _arithmetic(node)),
        ("constant", _constants(node)),
        ("enum member", _members(node, enums)),
        ("field not set", _fields(node)),
        ("statement removed", _removed(node, place)),
    ):
        yield from ((node, text, kind) for text in texts)
    yield from _negated(node)
    if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield node.value, "None", "return None"


def _comparisons(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Compare):
        for n, op in enumerate(node.ops):
            for other in _COMPARE[type(op)]:
                yield _with(node, ops=[*node.ops[:n], other(), *node.ops[n + 1 :]])


def _and_or(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for n in range(len(node.values)):
            rest = [*node.values[:n], *node.values[n + 1 :]]
            yield _with(node, values=rest) if len(rest) > 1 else f"({ast.unparse(rest[0])})"


def _arithmetic(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield _with(node, op=_ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield ast.unparse(_changed(node, op=_ARITHMETIC[type(node.op)]()))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield f"({ast.unparse(node.operand)})"


def _constants(node: ast.AST) -> Iterator[str]:
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool):
        yield repr(not value)
    elif isinstance(value, int | float):
        yield from (repr(value + by) if value + by >= 0 else f"({value + by!r})" for by in (1, -1))
    elif isinstance(value, str):
        yield repr("" if value else "?")


def _members(node: ast.AST, enums: Enums) -> Iterator[str]:
    """The next member of the enum."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in enums.get(node.value.id, ()):
        members = enums[node.value.id]
        yield f"{node.value.id}.{members[(members.index(node.attr) + 1) % len(members)]}"


def _fields(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "replace":
        for n in range(len(node.keywords)):
            yield ast.unparse(_changed(node, keywords=[*node.keywords[:n], *node.keywords[n + 1 :]]))


def _negated(node: ast.AST) -> Iterator[_Fault]:
    """Conditions turned round; a comparison alone has its contrary among the comparisons."""
    tests = node.ifs if isinstance(node, ast.comprehension) else []
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        tests = [node.test]
    for test in tests:
        if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield test, f"(not ({ast.unparse(test)}))", "negation"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, f"({ast.unparse(node.operand)})", "negation"


def _removed(node: ast.AST, place: _Place) -> Iterator[str]:
    """A name's first binding stays: without it nothing could run."""
    if place.bound is None:
        return
    last = isinstance(node, ast.Return) and node.col_offset <= 4 + 4 * place.within.count(".")  # without it: None, had already
    if isinstance(node, ast.Expr | ast.AugAssign | ast.Delete | ast.Raise | ast.Continue | ast.Break | ast.Return) and not last:
        yield "pass"
    elif isinstance(node, ast.Assign):
        names = [one for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)]
        if all(isinstance(name.ctx, ast.Load) or place.bound.get(name.id, 0) < node.lineno for name in names):
            yield "pass"


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _with(node: ast.expr, **fields: object) -> str:
    return f"({ast.unparse(_changed(node, **fields))})"
