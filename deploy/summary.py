"""The one JSON object (or few lines) a run without a screen ends with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from deploy.meter import Account, Meter
from deploy.usage import Usage
from gateway.status import GatewayStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A run in figures. Readings are single values, scans whole poll rounds; latencies, CPU and seconds are in real time.

    ``lost`` compares every accepted scan with the store and the journals; ``duplicates`` were stored twice; ``backlog`` waits in
    a journal. ``cpu_percent`` is of one core, over all processes; ``memory`` says how ``rss_mb`` was counted;
    ``first_reading_s`` counts from the start of the program. A sample held back as a possible spike is stored with its own time
    when the next one has judged it, so the slowest latencies are a poll interval.
    """

    county: str
    seconds: float
    devices: int
    polls: int
    readings: int
    stored: int
    scans: int
    scans_stored: int
    lost: int
    dropped: int
    duplicates: int
    backlog: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    first_reading_s: float | None
    cpu_percent: float
    rss_mb: float
    memory: str
    processes: int
    errors: dict[str, int] = field(default_factory=dict)

    def json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def text(self) -> str:
        """For people."""
        lines = (
            f"{self.county}: {self.devices} devices, {self.seconds:.0f} s",
            f"  轮询 polls {self.polls}  读数 readings {self.readings}  入库 stored {self.stored}",
            f"  丢失 lost {self.lost}  重复 duplicates {self.duplicates}  积压 backlog {self.backlog}",
            f"  延迟 latency p50 {self.latency_p50_ms} ms, p99 {self.latency_p99_ms} ms  首读 first {self.first_reading_s} s",
            f"  CPU {self.cpu_percent:.0f} %  内存 memory {self.rss_mb:.0f} MB ({self.memory}, {self.processes} processes)",
        )
        return "\n".join(lines)


def summarise(
    *,
    county: str,
    devices: int,
    seconds: float,
    speed: float,
    started_s: float,
    gateways: Sequence[GatewayStatus],
    meter: Meter,
    account: Account,
    cost: Usage,
) -> Summary:
    """The summary of a run that has ended; ``cost`` was measured while it ran, over ``seconds``; ``started_s`` is how long after
    the program's start the meter began.
    """
    first = meter.first_s
    return Summary(
        county=county,
        seconds=round(seconds, 1),
        devices=devices,
        polls=sum(gateway.polls for gateway in gateways),
        readings=sum(gateway.readings for gateway in gateways),
        stored=meter.readings,
        scans=account.accepted,
        scans_stored=account.stored,
        lost=account.lost,
        dropped=account.dropped,
        duplicates=meter.duplicates,
        backlog=account.waiting,
        latency_p50_ms=meter.percentile(0.5, speed),
        latency_p99_ms=meter.percentile(0.99, speed),
        first_reading_s=round(started_s + first / speed, 2) if first is not None else None,
        cpu_percent=round(100 * cost.cpu_s / seconds, 1) if seconds else 0.0,
        rss_mb=cost.memory_mb,
        memory=cost.measure,
        processes=cost.processes,
        errors=_errors(gateways),
    )


def _errors(gateways: Sequence[GatewayStatus]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for gateway in gateways:
        for link in gateway.links:
            for unit in link.units:
                found.update(unit.errors)
    return dict(found)
