"""What ``lampwell query`` does: find who can answer, ask, and show the answer or say why there is none."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from collector import sheet as sheets
from collector.remote import RemoteHistory, ask_owner
from collector.sheet import Sheet
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.errors import ConfigError, Problem, StoreError
from lampwell.history.port import History, SeriesInfo
from lampwell.times import instant, length_ms, shown

TABLE_ROWS, FILE_ROWS = 1_000, 1_000_000
Source = RemoteHistory | History


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The command line of ``lampwell query``."""

    series: tuple[str, ...]
    start: str = "-24h"
    end: str = "now"
    every: str | None = None
    latest: bool = False
    listed: bool = False
    gaps: str | None = None
    quarantine: bool = False
    form: str = "table"
    out: Path | None = None
    excel: bool = False
    limit: int | None = None

    @property
    def most(self) -> int:
        """Rows a series."""
        return self.limit or (TABLE_ROWS if self.form == "table" else FILE_ROWS)

    def check(self) -> None:
        """ConfigError for what cannot be meant."""
        problems = []
        chosen = [name for name in ("every", "latest", "listed", "gaps", "quarantine") if getattr(self, name)]
        if len(chosen) > 1:
            problems.append(Problem("query", "", "choose one of --every, --latest, --list, --gaps and --quarantine"))
        if not self.series and not (self.latest or self.listed or self.quarantine):
            problems.append(Problem("query", "SERIES", "name at least one, for example 'well-*/level'; --list shows all"))
        if self.form == "parquet" and self.out is None:
            problems.append(Problem("query", "--out", "a Parquet file needs a name: --out FILE"))
        if self.excel and self.form != "csv":
            problems.append(Problem("query", "--excel", "goes with --format csv"))
        if problems:
            raise ConfigError(problems)


async def ask(county: County, data_dir: Path, wish: Wish, opened: Callable[[Path], History]) -> None:
    """Answer a wish on the screen or in its file."""
    wish.check()
    zone = ZoneInfo(county.time_zone)
    now = SystemClock().now()
    start, end = instant(wish.start, "--from", now, zone), instant(wish.end, "--to", now, zone)
    if start >= end:
        raise ConfigError([Problem("--from", "", f"{shown(start, zone)} is not before --to, {shown(end, zone)}")])
    source = await open_source(county, data_dir, opened)
    try:
        sheet = await _answer(source, wish, start, end)
        if not sheet.rows:
            click.echo(await _why_empty(source, wish, start, end, zone), err=True)
        _show(sheet, wish, zone)
    finally:
        await source.close()


async def open_source(county: County, data_dir: Path, opened: Callable[[Path], History]) -> Source:
    """The running owner of the embedded store, or the store itself; close it. StoreError."""
    if county.history.store == "duckdb":
        owner = await ask_owner(data_dir)
        if owner is not None:
            return owner
    try:
        return opened(data_dir)
    except StoreError as error:
        hint = "" if data_dir.exists() else "; --data names another folder"  # noqa: ASYNC240 - one look before the end
        raise StoreError(f"{error}{hint}", error.action) from None


async def _answer(source: Source, wish: Wish, start: int, end: int) -> Sheet:
    if wish.quarantine:
        return sheets.of_quarantine(await source.quarantined(wish.most))
    if wish.latest:
        rows = [row for pattern in wish.series or ("*",) for row in await source.latest(pattern)]
        return sheets.of_latest(dict.fromkeys(rows))
    infos = await _matching(source, wish)
    if wish.listed:
        return sheets.of_series(infos)
    if wish.gaps is not None:
        longer = length_ms(wish.gaps, "--gaps")
        return sheets.of_gaps([(info, await source.gaps(info.id, start, end, longer)) for info in infos])
    if wish.every is not None:
        buckets = await source.buckets([info.id for info in infos], start, end, length_ms(wish.every, "--every"))
        return sheets.of_buckets(zip(infos, buckets, strict=True))
    answers = [(info, await source.readings(info.id, start, end, wish.most)) for info in infos]
    for info, readings in answers:
        if len(readings.time) >= wish.most:
            click.echo(f"{info.id}: only the first {wish.most} readings of the range; --limit allows more", err=True)
    return sheets.of_readings(answers)


async def _matching(source: Source, wish: Wish) -> Sequence[SeriesInfo]:
    """The series meant, or a ConfigError that names what is similar."""
    found: dict[SeriesInfo, None] = {}
    for pattern in wish.series or ("*",):
        infos = await source.series(pattern)
        if not infos and not wish.listed:
            names = {str(info.id): None for info in await source.series("*")}
            near = difflib.get_close_matches(pattern, names, 3, 0.5)
            said = f"; did you mean {', '.join(near)}?" if near else ("" if names else "; nothing is stored yet")
            raise ConfigError([Problem("query", pattern, f"no series of this name is stored{said}")])
        found.update(dict.fromkeys(infos))
    return list(found)


async def _why_empty(source: Source, wish: Wish, start: int, end: int, zone: ZoneInfo) -> str:
    if wish.quarantine:
        return "隔离区为空 nothing is in quarantine"
    if wish.latest or wish.listed:
        return "尚无数据 nothing is stored yet" if not await source.series("*") else "没有匹配的测点 no series matches"
    between = f"{shown(start, zone)} .. {shown(end, zone)}"
    if wish.gaps is not None:
        return f"没有中断 no gap longer than {wish.gaps} in {between}"
    newest = max([row.time for pattern in wish.series for row in await source.latest(pattern)], default=None)
    said = "" if newest is None else f"; the newest reading is of {shown(newest, zone)}"
    return f"该时段没有读数 no reading in {between}{said}"


def _show(sheet: Sheet, wish: Wish, zone: ZoneInfo) -> None:
    if wish.form == "parquet":
        assert wish.out is not None, "checked before"
        sheets.to_parquet(sheet, wish.out)
    elif wish.form == "csv" or sheet.rows:
        text = sheets.as_csv(sheet, zone, excel=wish.excel) if wish.form == "csv" else sheets.as_table(sheet, zone) + "\n"
        if wish.out is None:
            click.echo(text, nl=False)
        else:
            wish.out.write_text(text, encoding="utf-8", newline="")
    if wish.out is not None:
        click.echo(f"{len(sheet.rows)} rows -> {wish.out}", err=True)
