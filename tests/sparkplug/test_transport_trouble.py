"""The MQTT transport against brokers that misbehave and links that die without a word."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import gmqtt
import pytest
from gmqtt.mqtt.constants import MQTTv311

from lampwell.assets import Broker
from lampwell.sparkplug import connection
from lampwell.sparkplug.messages import Message, Subscription
from lampwell.sparkplug.transport import MqttTransport

CONNACK, SUBACK = b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x01"


async def test_a_refused_subscription_is_no_connection(net: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A gateway that cannot hear commands must not pretend to be there."""
    async with net.raw_broker({1: CONNACK, 8: b"\x90\x03\x00\x01\x80"}) as raw:
        owner = net.recorder([net.will()], topics=(Subscription("cmd/#", 1),))
        async with net.running(raw.broker, owner):
            await net.until(lambda: "subscription to cmd/# refused" in caplog.text)
        assert owner.ups == 0


@pytest.mark.parametrize("answers", [{1: None}, {1: b"\x20\x02\x00\x03"}, {1: CONNACK, 8: None}, {1: b""}, {1: CONNACK, 8: b""}])
async def test_brokers_that_hang_up_or_say_nothing(
    net: Any, answers: dict[int, bytes | None], quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Closed or silent during CONNECT or SUBSCRIBE, or "not available": tried again, told once, nothing left open."""
    async with net.raw_broker(answers) as raw:
        owner = net.recorder([net.will()])
        async with net.running(raw.broker, owner):
            await net.until(lambda: owner._wills_given >= 3)
        await net.until(lambda: raw.open == 0)
    assert owner.ups == 0
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1


async def test_no_broker_at_all(net: Any, unused_tcp_port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Connection refused and unknown host are told once with the address."""
    for host in ("127.0.0.1", "no-such-host.invalid"):
        caplog.clear()
        owner = net.recorder([net.will()])
        async with net.running(Broker(host=host, port=unused_tcp_port), owner) as link:
            await net.until(lambda o=owner: o._wills_given >= 3)
            assert link.backlog_bytes == 0
        assert caplog.text.count(f"no broker at {host}:{unused_tcp_port}") == 1


async def test_a_full_disk_under_the_will_is_waited_out(net: Any, mosquitto: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The next bdSeq could not be kept: not connected, not dead either; connected once there is room."""
    owner = net.recorder([net.will()])
    tries = 0

    def will() -> Message:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise OSError("No space left on device")
        made: Message = net.will()
        return made

    owner.will = will
    async with net.running(mosquitto.broker, owner):
        await net.until(lambda: owner.ups)
    assert caplog.text.count("No space left on device") == 1


@pytest.mark.parametrize(("client_id", "keepalive"), [("网关", 20), ("edge", 0)])
def test_settings_that_would_break_the_protocol_are_refused(client_id: str, keepalive: int, net: Any) -> None:
    """gmqtt counts characters, not bytes, of a client id; keepalive 0 would never notice a dead link."""
    with pytest.raises(ValueError, match=r"ASCII|at least 1"):
        MqttTransport(Broker(host="x", port=1, keepalive_s=keepalive), client_id, net.recorder([net.will()]))


# -- links that die without a word -----------------------------------------------------------------------------------


class Proxy:
    """A TCP relay that can be told to swallow everything, as a dead mobile link does."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.open = asyncio.Event()
        self.open.set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", self.target)
        for pair in ((reader, downstream), (upstream, writer)):
            task = asyncio.create_task(self.relay(*pair))
            self.tasks.add(task)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self.open.wait()
                data = await reader.read(65536)
                if not data:
                    break
                if self.open.is_set():
                    writer.write(data)
        except ConnectionError:
            pass
        writer.close()


async def test_a_half_open_link_is_noticed_even_with_a_full_buffer(net: Any, mosquitto: Any) -> None:
    """No FIN, no RST, and megabytes waiting to be sent: closing politely would wait for ever, so the socket is dropped."""
    proxy = Proxy(mosquitto.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    broker = replace(mosquitto.broker, port=server.sockets[0].getsockname()[1], keepalive_s=1)
    owner = net.recorder([net.will(b"%d" % i) for i in range(9)])
    async with net.running(broker, owner) as link:
        await net.until(lambda: owner.ups == 1)
        proxy.open.clear()
        for _ in range(20):
            link.publish(Message("t", bytes(1 << 20)))
        assert link.backlog_bytes > 1 << 20
        await net.until(lambda: owner.downs)
        assert "no sign of the broker" in owner.downs[0]
        proxy.open.set()
        await net.until(lambda: owner.ups == 2)
    server.close()
    for task in proxy.tasks:
        task.cancel()


async def test_a_broker_that_takes_nothing_is_left(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: beyond the largest backlog the link is dropped, not fed."""
    monkeypatch.setattr(connection, "MAX_BACKLOG", 1 << 20)
    async with net.raw_broker({1: CONNACK, 8: SUBACK, 3: b""}) as raw:
        owner = net.recorder([net.will()])
        async with net.running(raw.broker, owner) as link:
            await net.until(lambda: owner.ups)
            raw.writers[0].transport.pause_reading()  # type: ignore[attr-defined]
            sent = [link.publish(Message("t", bytes(1 << 19))) for _ in range(40)]
            await net.until(lambda: owner.downs)
            assert "takes no data" in owner.downs[0]
            assert sent[-1] is False


async def test_gmqtt_itself_does_not_reconnect(net: Any) -> None:
    """Its own loop would connect again with the old will, and so with the old bdSeq; pinned on the library alone."""
    async with net.raw_broker({1: CONNACK}) as raw:
        client: Any = gmqtt.Client("edge", will_message=gmqtt.Message("w", b"0", qos=1))
        client.reconnect_retries = connection._NO_RECONNECT
        client.reconnect_delay = 0
        await client.connect("127.0.0.1", raw.broker.port, version=MQTTv311, keepalive=1)
        raw.writers[0].transport.abort()  # type: ignore[attr-defined]
        await asyncio.sleep(0.4)
        assert len(raw.connects) == 1


async def test_the_wait_grows_and_is_jittered(net: Any, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full jitter over a doubling limit that stops at the maximum."""
    waits: list[float] = []

    async def pause(self: MqttTransport, seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(MqttTransport, "_pause", pause)
    link = MqttTransport(Broker(host="127.0.0.1", port=unused_tcp_port), "edge", net.recorder([net.will()]), jitter=lambda: 0.5)
    task = asyncio.create_task(link.run())
    await net.until(lambda: len(waits) >= 10)
    await link.stop()
    await task
    assert waits[:10] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]
