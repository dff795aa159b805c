"""The fault runs of `make faults` in their short forms: real processes are killed, and every accepted reading is looked for."""

import asyncio

import pytest

from bench.faults import Result, cases

CASES = tuple(cases(quick=True))


@pytest.fixture(scope="module")
def results() -> dict[str, Result | BaseException]:
    """All runs side by side, each with its own county, broker and folder: they mostly wait."""

    async def run_all() -> list[Result | BaseException]:
        return await asyncio.gather(*(run() for run in cases(quick=True).values()), return_exceptions=True)

    return dict(zip(CASES, asyncio.run(run_all()), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost_changed_or_stored_twice(results: dict[str, Result | BaseException], name: str) -> None:
    """Protects the promise: what the gateway has committed is in the store exactly once, whatever was killed meanwhile.

    Recovery times are judged in `make faults`, not on a machine that runs tests beside it.
    """
    result = results[name]
    if isinstance(result, BaseException):
        raise result
    assert result.accepted > 500
    assert (result.lost, result.wrong, result.twice) == (0, 0, 0), result
