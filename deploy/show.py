"""Where a View goes: the terminal screen, plain lines, or nowhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.live import Live

from deploy.folders import Prepared
from deploy.screen import Size, render
from deploy.view import Count, Event, View
from lampwell.assets import County

LINE_S = 10.0


class Show(Protocol):
    """Entered when the county runs, left before it stops."""

    wants_views: bool

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def show(self, view: View) -> None:
        """Draw a moment."""
        ...


class Silence:
    """For ``--json``: nothing until the end."""

    wants_views = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def show(self, view: View) -> None:
        """Nothing."""


class Screen:
    """The calm screen, on the terminal's alternate screen: the scrollback stays as it was."""

    wants_views = True

    def __init__(self) -> None:
        self._console = Console()
        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._live.stop()
        click.echo("lampwell: 正在结束 stopping ...")

    def show(self, view: View) -> None:
        """Draw it in the size the terminal has now."""
        width, height = self._console.size
        size = Size(width=width, height=height, unicode="utf" in self._console.encoding.lower())
        self._live.update(render(view, size), refresh=True)


class Lines:
    """For a pipe or a log: a line every ten seconds, and every event as it comes."""

    wants_views = True

    def __init__(self, county: County, prepared: Prepared) -> None:
        self._due = 0.0
        self._alive = False
        self._said: Event | None = None
        click.echo(f"lampwell demo: {county.en}, {len(county.devices)} devices, data in {prepared.path} ({prepared.en})")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        sys.stdout.flush()

    def show(self, view: View) -> None:
        """Say what is new."""
        new = []
        for event in view.events:
            if event is self._said:
                break
            new.append(event)
        for event in reversed(new):
            click.echo(f"  {event.zh} {event.en}".rstrip())
            self._said = event
        if time.monotonic() >= self._due or (view.flow.stored and not self._alive):
            self._alive = view.flow.stored > 0
            self._due = time.monotonic() + LINE_S
            click.echo(line(view))


def line(view: View) -> str:
    """A View on one line."""
    flow, rain = view.flow, view.rain.mm_per_h
    facts = (
        *(_short(count) for count in (*view.kinds, view.links)),
        f"polls/s {flow.polls_per_s:.1f}",
        f"stored/s {flow.stored_per_s:.0f}",
        f"backlog {flow.backlog}",
        f"oldest {'-' if flow.oldest_s is None else f'{flow.oldest_s:.0f}s'}",
        f"rain {'-' if rain is None else f'{rain:.1f}'} mm/h",
        f"pumps {'-' if view.pumps_running is None else view.pumps_running}/{view.pumps}",
    )
    return "  ".join((view.local_time, *facts))


def _short(count: Count) -> str:
    """``wells 40``, or ``wells 37/40`` when not all are fine."""
    return f"{count.en} {count.all}" if count.ok == count.all else f"{count.en} {count.ok}/{count.all}"
