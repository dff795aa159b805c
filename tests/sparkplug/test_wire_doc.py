"""docs/wire.md says which test holds which assertion of the specification; this keeps it true.

Run as a program it writes the table anew.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
DOC = HERE.parent.parent / "docs" / "wire.md"
BEGIN, END = "<!-- held: begin -->\n", "<!-- held: end -->"
ASSERTIONS = 291


def held() -> dict[str, str]:
    """Assertion -> ``file: test``, from the tests themselves."""
    found: dict[str, str] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = [d for d in node.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Name)]
                for argument in (a for call in calls for a in call.args):
                    assert isinstance(argument, ast.Constant)
                    assert argument.value not in found, f"{argument.value} is on two tests"
                    found[argument.value] = f"`{path.name}` `{node.name}`"
    return found


def table() -> str:
    """The table as it should stand in the document."""
    rows = [f"| `{name}` | {test} |" for name, test in sorted(held().items())]
    return "\n".join(["| assertion | test |", "| --- | --- |", *rows]) + "\n"


def test_the_table_is_that_of_the_tests() -> None:
    """No assertion is claimed without a test, no test without a claim."""
    text = DOC.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == table()


def test_every_assertion_is_held_or_excused_once() -> None:
    """All of the specification's assertions are accounted for, each in one place."""
    mine = set(held())
    excused = re.findall(r"tck-id-[\w-]+", DOC.read_text(encoding="utf-8").partition("### Not held")[2])
    assert len(excused) == len(set(excused))
    assert mine.isdisjoint(excused)
    assert len(mine) + len(excused) == ASSERTIONS


if __name__ == "__main__":
    old = DOC.read_text(encoding="utf-8")
    DOC.write_text(old[: old.index(BEGIN) + len(BEGIN)] + table() + old[old.index(END) :], encoding="utf-8")
