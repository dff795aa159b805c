"""The command line: helps, imports late, and ends every failure in one message."""

import os
import subprocess
import sys
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from deploy import cli
from lampwell.errors import ConfigError, LampwellError, Problem


def lampwell(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "deploy.cli", *args], capture_output=True, text=True, check=False)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """A command line whose ``demo`` raises what it is given."""

    def fail(error: BaseException):
        @click.command()
        def demo() -> None:
            raise error

        monkeypatch.setitem(sys.modules, "deploy.demo", SimpleNamespace(demo=demo))
        return CliRunner().invoke(cli.main, ["demo"])

    return fail


def test_help_lists_every_command_without_importing_one() -> None:
    """An edge box has no duckdb and must still get its help."""
    code = "import sys, deploy.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in sys.modules if m.partition('.')[0] in ('duckdb', 'collector', 'gateway', 'rich', 'swmm')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in cli.COMMANDS)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_terminal_without_chinese_is_served() -> None:
    """LANG=C over a serial console must not end in an encoding error."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "deploy.cli", "check", "counties/taihe"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "Taihe County" in done.stdout


def test_version() -> None:
    """``--version`` names program and version."""
    assert lampwell("--version").stdout.startswith("lampwell, version ")


def test_unknown_command_is_refused() -> None:
    """A typing error ends with code 2 and a hint, not with a traceback."""
    done = lampwell("quary")
    assert done.returncode == 2
    assert "No such command 'quary'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_extra_missed_only_by_the_running_command_is_one_line_too() -> None:
    """An edge box without the screen's library that is asked for the demo is told so, without a traceback."""
    words = "['demo', 'counties/taihe', '--port-base', '51000']"
    code = f"import sys; sys.modules['rich'] = None; from deploy.cli import main; main({words})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "lampwell[onebox]" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_extra_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge box that is asked for the collector says what to install."""
    monkeypatch.setitem(sys.modules, "deploy.demo", None)
    entry = cli.Entry(module="not_installed.cli", command="x", extra="collector", help="")
    monkeypatch.setattr(cli, "COMMANDS", {"query": entry})
    result = CliRunner().invoke(cli.main, ["query"])
    assert result.exit_code == 1
    assert result.output.strip().count("\n") == 0
    assert "pip install 'lampwell[collector]'" in result.output


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            ConfigError([Problem("a.toml", "line 3", "no such unit"), Problem("b.csv", "", "empty")]),
            2,
            "a.toml: line 3: no such unit",
        ),
        (LampwellError("port 502 is taken"), 1, "lampwell: port 502 is taken"),
        (OSError(98, "Address already in use"), 1, "a port is in use"),
        (FileNotFoundError(2, "No such file or directory", "counties/x"), 1, "counties/x: No such file"),
        (KeyboardInterrupt(), 130, ""),
        (click.UsageError("no"), 2, "no"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_failures_end_in_one_message(failing, error: BaseException, code: int, text: str) -> None:
    """Every foreseen failure has its exit code and its message."""
    result = failing(error)
    assert result.exit_code == code
    assert text in result.output
    assert "Traceback" not in result.output
