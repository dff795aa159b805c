"""The history on InfluxDB 1.x, 2.x or 3.

InfluxDB overwrites a point of the same series and time, so posting a batch again is harmless: that is what makes up for the
missing transaction. Ingest positions are kept in a small SQLite file and written only after the store has taken the rows.
How long readings are kept is the database's own business here (its retention policy or bucket).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lampwell.assets import HistorySettings
from lampwell.clock import Clock
from lampwell.errors import StoreAction, StoreError
from lampwell.history import influx_query as query
from lampwell.history.aggregate import gaps_between, in_buckets
from lampwell.history.catalogue import matcher, order
from lampwell.history.fit import MISFIT, sort_out
from lampwell.history.influx_http import InfluxHttp
from lampwell.history.ledger import Ledger
from lampwell.history.lines import careful_lines, catalogue_lines, quick_lines
from lampwell.history.port import Buckets, Gap, Latest, Quarantined, Readings, SeriesId, SeriesInfo
from lampwell.points import Kind
from lampwell.readings import Layout, NodeId, Scan

_VALUES_A_POST = 12_000
_IN_FLIGHT = 2
_DAY_MS = 86_400_000
_WORST = (StoreAction.WAIT, StoreAction.RETRY, StoreAction.SPLIT, StoreAction.DROP)
_DEVICE = tuple[NodeId, str]


class InfluxHistory:
    """The History port on InfluxDB; see ``lampwell.history.port`` for what each method promises."""

    def __init__(
        self,
        settings: HistorySettings,
        data_dir: Path,
        *,
        clock: Clock,
        password: str = "",
        token: str = "",
        read_only: bool = False,
    ) -> None:
        if not read_only:
            data_dir.mkdir(parents=True, exist_ok=True)
        self._ledger = Ledger(data_dir, read_only=read_only)
        self._http = InfluxHttp(settings, clock, password, token)
        self._clock = clock
        self._written: dict[_DEVICE, Layout] = {}
        self._infos: dict[SeriesId, SeriesInfo] = {}

    # -- writing -------------------------------------------------------------------------------------------------------

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        misfits: list[Scan] = []
        fresh = {(s.layout.node, s.layout.device): s.layout for s in scans if self._is_new(s.layout)}
        await self._post_all(self._bodies(scans, fresh, misfits), many=len(scans) > 1 or sum(len(s.index) for s in scans) > 1)
        self._written.update(fresh)
        await asyncio.to_thread(self._finish, misfits, progress)

    def _is_new(self, layout: Layout) -> bool:
        return self._written.get((layout.node, layout.device)) is not layout

    def _bodies(self, scans: Sequence[Scan], fresh: Mapping[_DEVICE, Layout], misfits: list[Scan]) -> Iterator[bytes]:
        """The posts of a batch, each formatted only when it is its turn."""
        today = self._clock.now() // _DAY_MS * _DAY_MS
        lines = [catalogue_lines(layout, today) for layout in fresh.values()]
        size = 0
        for scan in scans:
            lines.append(quick_lines(scan) or self._careful(scan, misfits))
            size += len(scan.index)
            if size >= _VALUES_A_POST:
                yield "".join(lines).encode()
                lines, size = [], 0
        if any(lines):
            yield "".join(lines).encode()

    @staticmethod
    def _careful(scan: Scan, misfits: list[Scan]) -> str:
        good, bad = sort_out(scan)
        if bad is not None:
            misfits.append(bad)
        return careful_lines(good)

    async def _post_all(self, bodies: Iterator[bytes], *, many: bool) -> None:
        """Two posts in flight: one is being stored while the next is formatted. Raises the gravest of the errors."""
        gate = asyncio.Semaphore(_IN_FLIGHT)
        errors: list[StoreError] = []

        async def post(body: bytes) -> None:
            try:
                await self._http.write(body, many=many)
            except StoreError as error:
                errors.append(error)
            finally:
                gate.release()

        async with asyncio.TaskGroup() as posts:
            await gate.acquire()
            for body in bodies:
                posts.create_task(post(body))
                await gate.acquire()
                if errors:
                    break
        if errors:
            raise min(errors, key=lambda error: _WORST.index(error.action))

    def _finish(self, misfits: Sequence[Scan], progress: Mapping[str, str]) -> None:
        for misfit in misfits:
            self._ledger.quarantine(misfit, MISFIT, self._clock.now())
        self._ledger.advance(progress)

    async def quarantine(self, scan: Scan, reason: str, now: int) -> None:
        await asyncio.to_thread(self._ledger.quarantine, scan, reason, now)

    async def maintain(self, now: int) -> None:
        """Nothing to do: InfluxDB keeps its own house."""

    # -- reading -------------------------------------------------------------------------------------------------------

    async def progress(self) -> Mapping[str, str]:
        return self._ledger.progress()

    async def quarantined(self, limit: int = 1_000) -> Sequence[Quarantined]:
        return self._ledger.quarantined(limit)

    async def series(self, pattern: str = "*") -> Sequence[SeriesInfo]:
        (result,) = await self._http.query([query.CATALOGUE_QUERY])
        self._infos = {info.id: info for info in query.infos(result)}
        matches = matcher(pattern)
        return sorted((info for info in self._infos.values() if matches(str(info.id))), key=order)

    async def latest(self, pattern: str = "*") -> Sequence[Latest]:
        wanted = await self.series(pattern)
        places, statements = query.latest_queries(wanted)
        return query.latest(wanted, places, await self._http.query(statements))

    async def readings(self, series: SeriesId, start: int, end: int, limit: int = 100_000) -> Readings:
        return await self._readings(series, start, end, limit)

    async def all_readings(self, series: Sequence[SeriesId], start: int, end: int) -> Sequence[Readings]:
        infos = [await self._info(one) for one in series]
        statements = [query.readings_query(info.id, start, end, None) for info in infos if info is not None]
        results = iter(await self._http.query(statements) if statements else ())
        return [
            Readings(one, (), (), ()) if info is None else query.readings(info, next(results))
            for one, info in zip(series, infos, strict=True)
        ]

    async def buckets(self, series: Sequence[SeriesId], start: int, end: int, width_ms: int) -> Sequence[Buckets]:
        infos = {one: await self._info(one) for one in series}
        numeric = [info for info in infos.values() if info is not None and info.kind in (Kind.FLOAT, Kind.INT)]
        statements = [text for info in numeric for text in query.buckets_queries(info, start, end, width_ms)]
        results = iter(await self._http.query(statements))
        found = {info.id: query.buckets(info, width_ms, next(results), next(results)) for info in numeric}
        for one in series:
            if one not in found:  # InfluxQL has no mean of booleans nor a minimum of texts
                found[one] = in_buckets(await self._readings(one, start, end, None), width_ms)
        return [found[one] for one in series]

    async def gaps(self, series: SeriesId, start: int, end: int, longer_than_ms: int) -> Sequence[Gap]:
        readings = await self._readings(series, start, end, None)
        return gaps_between(readings.time, start, end, longer_than_ms)

    async def _readings(self, series: SeriesId, start: int, end: int, limit: int | None) -> Readings:
        info = await self._info(series)
        if info is None:
            return Readings(series, (), (), ())
        (result,) = await self._http.query([query.readings_query(series, start, end, limit)])
        return query.readings(info, result)

    async def _info(self, series: SeriesId) -> SeriesInfo | None:
        if series not in self._infos:
            await self.series()
        return self._infos.get(series)

    async def close(self) -> None:
        """Release the connections and the ledger."""
        await self._http.close()
        self._ledger.close()
