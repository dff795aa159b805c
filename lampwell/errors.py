"""The error tree, cut by what the caller does next.

* ``ConfigError``: a person must mend a file; the message names file, place and reason.
* ``LinkDown``: reconnect, nothing else on this link will work.
* ``NoAnswer``: this unit did not answer in time; back off from it.
* ``BadAnswer``: an answer that must not be believed (wrong unit, function, count, CRC, late).
* ``DeviceRefused``: the device answered with a Modbus exception code.
* ``StoreError``: the history did not take a batch; ``action`` says what to do with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class LampwellError(Exception):
    """Root of every error that lampwell raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a configuration: ``file``, ``where`` (line or key path) and ``reason``."""

    file: str
    where: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}" if self.where else self.file
        return f"{place}: {self.reason}"


class ConfigError(LampwellError):
    """A configuration was refused; ``problems`` lists everything found, not just the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class ModbusError(LampwellError):
    """A Modbus request failed; the message begins with the call that failed."""


class LinkDown(ModbusError):
    """The link itself is gone; every other request would only wait."""


class NoAnswer(ModbusError):
    """No answer within the timeout."""


class BadAnswer(ModbusError):
    """An answer came that contradicts the request; none of it was used."""


class DeviceRefused(ModbusError):
    """The device answered with a Modbus exception; ``code`` is 1..11 (or what it sent)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class StoreAction(StrEnum):
    """What to do with a batch that the store did not take."""

    DROP = "drop"
    SPLIT = "split"
    RETRY = "retry"
    WAIT = "wait"


class StoreError(LampwellError):
    """The store did not take a batch. ``retry_after_s`` is the store's own wish, if it gave one."""

    def __init__(self, message: str, action: StoreAction, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.action = action
        self.retry_after_s = retry_after_s
