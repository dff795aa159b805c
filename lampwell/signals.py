"""What a service does when it is asked by signal: the same for every service."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping

Asked = Callable[[], Awaitable[object]]


def heed(stop: Asked, others: Mapping[signal.Signals, Asked] | None = None) -> None:
    """On SIGINT and SIGTERM ``stop``, on other signals what stands beside them, as tasks of the running loop."""
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Future[object]]()

    def start(asked: Asked) -> None:
        task = asyncio.ensure_future(asked())
        tasks.add(task)  # the loop alone would not keep it
        task.add_done_callback(tasks.discard)

    for number, asked in {signal.SIGINT: stop, signal.SIGTERM: stop, **(others or {})}.items():
        loop.add_signal_handler(number, start, asked)
