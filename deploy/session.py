"""One run of the demo: starts the onebox, shows it (screen, lines or nothing), ends it, and says in figures what happened."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import sys
import time
from collections.abc import Iterator

import click

from deploy.folders import Prepared
from deploy.hand import Hand
from deploy.keys import pressed_keys
from deploy.onebox import Onebox, Storm, running
from deploy.show import Lines, Screen, Show, Silence
from deploy.summary import Summary, summarise
from deploy.usage import Usage, age_s, usage
from deploy.watch import Moment, Watch
from deploy.wishes import Wishes, scenario_of
from lampwell.assets import County
from lampwell.clock import Clock

LOOK_S, COST_S = 0.5, 5.0


class Session:
    """A run from start to summary."""

    def __init__(self, county: County, clock: Clock, wishes: Wishes, prepared: Prepared) -> None:
        self._county, self._clock, self._wishes, self._prepared = county, clock, wishes, prepared
        self._ended = asyncio.Event()
        self._peak: Usage | None = None
        self._hand = Hand(clock, self._ended.set)

    async def run(self) -> int:
        """Run until asked to end; the exit code. Errors of the parts come out as they are."""
        self._listen_to_signals()
        show = self._show()
        with _log_to(self._prepared.path / "lampwell.log", quiet=isinstance(show, Screen)):
            return await self._run(show)

    async def _run(self, show: Show) -> int:
        base, began = usage(), time.monotonic()
        async with running(
            self._county,
            clock=self._clock,
            data_dir=self._prepared.path,
            storm=Storm(self._wishes.storm, self._wishes.storm_minutes) if self._wishes.storm else None,
            broker_port=self._wishes.broker_port,
            scenario=scenario_of(self._county, self._wishes),
        ) as box:
            with show, pressed_keys(self._hand.press) if isinstance(show, Screen) else contextlib.nullcontext():
                await self._watch(box, show)
            seconds, cost = time.monotonic() - began, self._cost(base)
            failure = box.failed.result() if box.failed.done() else None
        if failure:
            raise failure
        summary = self._summary(box, seconds, cost)
        if self._wishes.as_json:
            click.echo(summary.json())
        elif self._wishes.seconds or not isinstance(show, Silence):
            click.echo(summary.text())
        return 1 if summary.lost else 0

    async def _watch(self, box: Onebox, show: Show) -> None:
        """Look twice a second until the end is asked for, the time is over or a part has failed."""
        watch = Watch(
            self._county,
            self._clock,
            speed=self._wishes.speed,
            folder=str(self._prepared.path),
            note=f"{self._prepared.zh} {self._prepared.en}",
        )
        deadline = time.monotonic() + (self._wishes.seconds or float("inf"))
        weigh_at = 0.0
        while not self._ended.is_set() and not box.failed.done() and time.monotonic() < deadline:
            if show.wants_views:
                show.show(watch.look(await moment(box, self._hand)))
            if time.monotonic() >= weigh_at:
                self._weigh()
                weigh_at = time.monotonic() + COST_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_S, max(0.0, deadline - time.monotonic()))):
                    await self._ended.wait()

    def _weigh(self) -> None:
        now = usage()
        if self._peak is None or now.memory_mb > self._peak.memory_mb:
            self._peak = now

    def _cost(self, base: Usage) -> Usage:
        """CPU since the start, memory at its highest."""
        self._weigh()
        now, peak = usage(), self._peak or base
        return Usage(cpu_s=now.cpu_s - base.cpu_s, memory_mb=peak.memory_mb, measure=peak.measure, processes=peak.processes)

    def _summary(self, box: Onebox, seconds: float, cost: Usage) -> Summary:
        return summarise(
            county=self._county.id,
            devices=len(self._county.devices),
            seconds=seconds,
            speed=self._wishes.speed,
            started_s=age_s() - (self._clock.monotonic() - box.meter.began) / self._wishes.speed,
            gateways=[gateway.status() for gateway in box.gateways],
            meter=box.meter,
            account=box.account(),
            cost=cost,
        )

    def _show(self) -> Show:
        if self._wishes.as_json:
            return Silence()
        if self._wishes.plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
            return Lines(self._county, self._prepared)
        return Screen()

    def _listen_to_signals(self) -> None:
        """The first Ctrl-C or SIGTERM ends the run in order; the next one ends it at once."""
        loop = asyncio.get_running_loop()

        def end() -> None:
            self._ended.set()
            for sign in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(sign)

        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, end)


async def moment(box: Onebox, hand: Hand) -> Moment:
    """What the watch looks at."""
    duty = await hand.look(box.control, box.standin) if box.control.is_ready else None
    statuses = [gateway.status() for gateway in box.gateways]
    away = [status.edge for status in statuses if not status.broker]
    problem = f"未连接消息代理 not connected to the broker: {', '.join(away)}" if away and box.meter.first_s is not None else ""
    return Moment(gateways=statuses, stored=box.meter.readings, read=box.meter.newest, problem=problem, duty=duty)


@contextlib.contextmanager
def _log_to(path: object, *, quiet: bool) -> Iterator[None]:
    """Everything worth saying goes to a file beside the data; warnings also to stderr where no screen would be spoilt."""
    root = logging.getLogger()
    file = logging.handlers.RotatingFileHandler(str(path), maxBytes=5_000_000, backupCount=2, encoding="utf-8")
    file.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [file]
    if not quiet:
        console = logging.StreamHandler()
        console.setLevel(logging.WARNING)
        handlers.append(console)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
