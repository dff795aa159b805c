"""`make faults`: real processes, killed, starved and confused, against a ledger of everything they had accepted.

Each run compares every accepted reading with the store by device, point and time. Kills are of processes: the page cache
survives them, so this says nothing of a power cut (the journal's own tests cover its commits). Ends with one line of JSON; exit
code 1 if a reading was lost, changed or stored twice, or if a recovery took longer than its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from bench.faults_fill import fill_a_day
from bench.faults_ledger import Verdict
from bench.faults_rig import Rig, rig

RECOVERY_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of the table; recoveries in seconds from the fault's end to the first new acknowledgement."""

    fault: str
    times: int
    accepted: int
    lost: int
    wrong: int
    twice: int
    recovery_p50: float | None
    recovery_max: float | None
    seconds: float
    limited: bool = True

    @property
    def holds(self) -> bool:
        """Nothing lost, changed or doubled, and back in time."""
        slow = self.limited and self.recovery_max is not None and self.recovery_max >= RECOVERY_LIMIT_S
        return not (self.lost or self.wrong or self.twice or slow) and self.accepted > 0


async def kills(victim: str, times: int, pause: tuple[float, float] = (0.3, 2.3), *, limited: bool = True) -> Result:
    """Kill -9 at random instants, started again at once as a supervisor would."""

    async def inflict(made: Rig) -> None:
        service = made.services[victim]
        for _ in range(times):
            await asyncio.sleep(random.uniform(*pause))
            service.kill()
            service.start()
            await made.recover(new_segment=victim == "gateway")

    return await _case(f"kill -9 {victim}", times, inflict, limited=limited)


async def broker_restarts(times: int, pause: float, *, limited: bool = True) -> Result:
    """Mosquitto stopped in order and started again, over and over, a second away each time."""

    async def inflict(made: Rig) -> None:
        broker = made.services["broker"]
        for _ in range(times):
            await asyncio.sleep(pause)
            broker.stop()
            await asyncio.sleep(1.0)
            broker.start()
            await made.recover()

    return await _case("broker restarted", times, inflict, limited=limited)


async def store_away(seconds: float) -> Result:
    """InfluxDB stopped while everything else goes on."""

    async def inflict(made: Rig) -> None:
        store = made.services["store"]
        store.stop(signal.SIGINT)
        await asyncio.sleep(seconds)
        store.start()
        await store.listening()
        await made.recover(120.0)

    return await _case(f"store away {seconds:.0f} s", 1, inflict, influx=True)


async def confusion(seconds: float) -> Result:
    """A tenth of the data messages doubled, another tenth overtaken by up to 1.5 s."""
    counted: list[int] = []

    async def inflict(made: Rig) -> None:
        await asyncio.sleep(seconds)
        assert made.proxy is not None
        counted.extend((made.proxy.doubled, made.proxy.held))
        if not all(counted):
            raise RuntimeError("the proxy had nothing to confuse")

    result = await _case("doubled and reordered", 0, inflict, proxied=True)
    return Result(**{**asdict(result), "times": sum(counted)})


async def day_replayed(scans_a_device: int) -> Result:
    """A gateway starts with a journal of a day that nobody has stored, and goes on polling meanwhile."""

    async def inflict(made: Rig) -> None:
        wanted = fill.filled
        began = time.monotonic()
        if not await made.acks.until(wanted, 600):
            raise RuntimeError(f"the day was not stored in 600 s: wanted {wanted}, reached {made.acks.reached}")
        made.recoveries.append(time.monotonic() - began)

    fill = fill_a_day(scans_a_device)
    return await _case("a day's journal", 1, inflict, fill=fill, records=False, limited=False)


async def _case(
    fault: str, times: int, inflict: Callable[[Rig], Awaitable[None]], *, limited: bool = True, **options: object
) -> Result:
    began = time.monotonic()
    async with rig(**options) as made:  # type: ignore[arg-type]
        await inflict(made)
        verdict = await made.settle()
    return _result(fault, times, verdict, made.recoveries, time.monotonic() - began, limited=limited)


def _result(fault: str, times: int, verdict: Verdict, recoveries: list[float], seconds: float, *, limited: bool) -> Result:
    return Result(
        fault=fault,
        times=times,
        accepted=verdict.accepted,
        lost=verdict.lost,
        wrong=verdict.wrong,
        twice=verdict.twice,
        recovery_p50=round(statistics.median(recoveries), 2) if recoveries else None,
        recovery_max=round(max(recoveries), 2) if recoveries else None,
        seconds=round(seconds, 1),
        limited=limited,
    )


def cases(*, quick: bool) -> dict[str, Callable[[], Awaitable[Result]]]:
    """The runs by name. Whoever loses the broker again within ten seconds waits longer before each new try (up to 30 s, so that a
    county's gateways do not storm a broker that cannot stay up); the full runs leave it that long, the short ones judge no times.
    """
    times = 3 if quick else 20
    steady = (0.3, 2.3) if quick else (10.5, 13.5)
    return {
        "gateway": lambda: kills("gateway", times),
        "collector": lambda: kills("collector", times),
        "broker": lambda: kills("broker", times, steady, limited=not quick),
        "restarts": lambda: broker_restarts(3 if quick else 10, 0.5 if quick else 11.0, limited=not quick),
        "store": lambda: store_away(8 if quick else 600),
        "confusion": lambda: confusion(8 if quick else 120),
        "day": lambda: day_replayed(200 if quick else 8640),
    }


def main() -> int:
    """Run the named cases (default: all), print the table and the line of JSON."""
    arguments = _arguments()
    random.seed(arguments.seed)
    chosen = cases(quick=arguments.quick)
    print(f"{'fault':<24}{'N':>6}{'accepted':>10}{'lost':>6}{'wrong':>6}{'twice':>6}{'recovery p50':>14}{'max s':>8}")
    results = []
    for name in arguments.cases or chosen:
        result = asyncio.run(chosen[name]())  # type: ignore[arg-type]
        results.append(result)
        print(_row(result), flush=True)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "seed": arguments.seed,
    }
    failed = [result.fault for result in results if not result.holds]
    print(json.dumps({"machine": machine, "quick": arguments.quick, "results": [asdict(r) for r in results], "failed": failed}))
    return 1 if failed else 0


def _row(result: Result) -> str:
    p50, worst = (f"{value:.2f}" if value is not None else "-" for value in (result.recovery_p50, result.recovery_max))
    numbers = f"{result.times:>6}{result.accepted:>10}{result.lost:>6}{result.wrong:>6}{result.twice:>6}"
    return f"{result.fault:<24}{numbers}{p50:>14}{worst:>8}{'' if result.holds else '  FAILED'}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.faults", description=__doc__.splitlines()[0])
    names = list(cases(quick=True))
    parser.add_argument("cases", nargs="*", choices=[[], *names], help=f"some of: {' '.join(names)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="short forms, as in make test")
    parser.add_argument("--seed", type=int, default=1, help="of the random instants")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
