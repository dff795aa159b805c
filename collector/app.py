"""The collector: everything that is said on the wire becomes readings in the history, and the edge nodes hear when it is so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from collector.ingest import Ingest
from collector.live import Live
from collector.query_server import query_server
from collector.status import CollectorStatus, IngestStatus, NodeStatus
from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.errors import StoreError
from lampwell.history.port import History
from lampwell.readings import NodeId, Scan
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import (
    Complaint,
    DeviceBorn,
    DeviceDied,
    HostEvent,
    JournalMoved,
    Message,
    NodeBorn,
    NodeDied,
    ScanReceived,
    Subscription,
    dated,
)
from lampwell.sparkplug.transport import MqttTransport

log = logging.getLogger(__name__)
MAINTAIN_S = 60
FLUSH_S = 0.8
"""Real seconds a stop waits for the store; what is not stored by then was not acknowledged and comes again."""


class Collector:
    """One host application on one broker, writing to one history. The caller closes the history.

    ``live`` holds the newest reading of every series. With ``data_dir`` other processes of this machine can ask the history
    through a socket there (``lampwell query`` does).
    """

    def __init__(
        self, county: County, history: History, *, clock: Clock, password: str = "", data_dir: Path | None = None
    ) -> None:
        self.live = Live()
        self._history, self._clock = history, clock
        self._host = HostSession(county.host_id)
        self._transport = MqttTransport(county.broker, f"{county.host_id}-collector", self, password=password)
        self._server = query_server(history, data_dir) if data_dir is not None else None
        self._ingest: Ingest | None = None
        self._journals: dict[NodeId, str | None] = {}
        self._complaints, self._last_complaint = 0, ""
        self._stop, self._done = asyncio.Event(), asyncio.Event()

    # -- life ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Collect until ``stop``; then store what came in, acknowledge it, say goodbye. Raises what one of its parts raised."""
        self._ingest = Ingest(self._history, await self._history.progress(), clock=self._clock)
        async with AsyncExitStack() as stack:
            if self._server is not None:
                await stack.enter_async_context(self._server)
            parts = {
                asyncio.create_task(part, name=name)
                for name, part in (
                    ("ingest", self._ingest.run()),
                    ("broker", self._transport.run()),
                    ("ticks", self._ticks()),
                    ("housekeeping", self._housekeeping()),
                )
            }
            stopped = asyncio.create_task(self._until_stop(), name="stop")
            try:
                ended, _ = await asyncio.wait({stopped, *parts}, return_when=asyncio.FIRST_COMPLETED)
                for part in ended:
                    part.result()
                await self._finish(parts)
            finally:
                await _cancel({stopped, *parts})
                self._done.set()

    async def stop(self) -> None:
        """End ``run`` in good order and return when the broker has been told."""
        self._stop.set()
        if self._ingest is not None:
            await self._done.wait()

    async def _until_stop(self) -> None:
        await self._stop.wait()

    async def _finish(self, parts: set[asyncio.Task[None]]) -> None:
        """Store and acknowledge what has come in, then leave the broker."""
        assert self._ingest is not None, "run made it"
        self._ingest.stop()
        storing = {part for part in parts if part.get_name() == "ingest"}
        await asyncio.wait(storing, timeout=FLUSH_S)
        self._acknowledge(self._ingest)
        await self._transport.stop()

    async def _ticks(self) -> None:
        while True:
            await self._clock.sleep(1)
            self._publish(self._host.tick(self._clock.now()))
            if self._ingest is not None:
                self._ingest.tick()
                self._acknowledge(self._ingest)

    async def _housekeeping(self) -> None:
        said = ""
        while True:
            await self._clock.sleep(MAINTAIN_S)
            try:
                await self._history.maintain(self._clock.now())
                said = ""
            except StoreError as error:
                if str(error) != said:
                    log.error("the history's housekeeping failed: %s", error)
                said = str(error)

    # -- the transport's owner -------------------------------------------------------------------------------------------

    def will(self) -> Message:
        """STATE offline."""
        return self._host.will(self._clock.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of Sparkplug."""
        return self._host.subscriptions()

    def on_connected(self) -> None:
        """STATE online; acknowledgements that may have been lost are due again."""
        if self._ingest is not None:
            self._ingest.untold()
        self._publish(self._host.connected(self._clock.now()))

    def on_disconnected(self, reason: str) -> None:
        """Until it is heard of again, nothing is known to be alive."""
        log.debug("broker lost: %s", reason)
        self.live.lost(self._clock.now())

    def on_message(self, topic: str, payload: bytes) -> None:
        """One message from the broker."""
        messages, events = self._host.received(topic, payload, self._clock.now())
        self._publish(messages)
        for event in events:
            self._on_event(event)
        scans = [event.scan for event in events if isinstance(event, ScanReceived)]
        if scans:
            self._collect(scans)

    def farewell(self) -> Iterable[Message]:
        """STATE offline, said on purpose."""
        return self._host.leave(self._clock.now())

    # -- what it means ---------------------------------------------------------------------------------------------------

    def _on_event(self, event: HostEvent) -> None:
        assert self._ingest is not None, "nothing comes in before run"
        now = self._clock.now()
        match event:
            case NodeBorn():
                self._journals[event.layout.node] = event.journal
                if event.journal is not None:
                    self._ingest.node_born(event.layout.node, event.journal, event.first)
                self.live.died(event.layout.node, None, now)
                self._born(event, now)
            case DeviceBorn():
                self._born(event, now)
            case JournalMoved(_, journal, first):
                self._ingest.move_first(journal, first)
            case NodeDied(node, time):
                self.live.died(node, None, time)
            case DeviceDied(node, device):
                self.live.died(node, device, now)
            case Complaint():
                self._complain(event)

    def _collect(self, scans: Sequence[Scan]) -> None:
        assert self._ingest is not None, "nothing comes in before run"
        now = self._clock.now()
        for scan in scans:
            self.live.take(scan, now)
        self._ingest.take(scans)

    def _born(self, born: NodeBorn | DeviceBorn, now: int) -> None:
        """Births are values too. Ours come as scans as well, from the journal; of other makes what is new in them is stored."""
        self.live.born(born.layout, now)
        for birth in dated(born):
            news = self.live.news(birth)
            self.live.take(birth, now)
            if news.index and self._journals.get(born.layout.node) is None and self._ingest is not None:
                self._ingest.take([news])

    def _complain(self, complaint: Complaint) -> None:
        said = f"{complaint.node or 'wire'}: {complaint.reason}"
        level = logging.DEBUG if said == self._last_complaint else logging.WARNING
        log.log(level, "on the wire: %s", said)
        self._complaints += 1
        self._last_complaint = said

    def _acknowledge(self, ingest: Ingest) -> None:
        if not self._transport.connected:
            return
        now = self._clock.now()
        for node, journal, offset in ingest.acknowledgements():
            self._transport.publish(self._host.stored(node, journal, offset, now))

    def _publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._transport.publish(message)

    # -- what it says of itself --------------------------------------------------------------------------------------------

    def status(self) -> CollectorStatus:
        """Counts, edge nodes and their devices as they are now."""
        return CollectorStatus(
            broker=self._transport.connected,
            ingest=self._ingest.status() if self._ingest is not None else IngestStatus(),
            nodes=tuple(self._node_statuses()),
            complaints=self._complaints,
            last_complaint=self._last_complaint,
        )

    def _node_statuses(self) -> Iterable[NodeStatus]:
        for node, devices in self.live.nodes():
            own = devices.get("")
            yield NodeStatus(
                node=node,
                alive=own.alive if own else any(device.alive for device in devices.values()),
                since=own.since if own else 0,
                journal=self._journals.get(node),
                devices={name: device.alive for name, device in devices.items() if name},
                acknowledged=self._ingest.acknowledged(node) if self._ingest is not None else {},
            )


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
