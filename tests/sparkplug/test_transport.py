"""The MQTT transport against a real mosquitto."""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lampwell.assets import Broker
from lampwell.errors import ConfigError
from lampwell.sparkplug import transport
from lampwell.sparkplug.messages import Message, Subscription
from lampwell.sparkplug.transport import MqttTransport


def tck(*ids: str) -> pytest.MarkDecorator:
    """The assertions a test stands for; each becomes a test of that name."""
    return pytest.mark.parametrize("tck", ids)


# -- a good broker -------------------------------------------------------------------------------------------------


async def test_messages_go_both_ways(net: Any, mosquitto: Any) -> None:
    """QoS 0 and 1, 300 of each: more than mosquitto's in-flight window, so what came at QoS 1 was acknowledged. Each in order."""
    owner = net.recorder([net.will()], topics=(Subscription("t/#", 1),))
    async with net.running(mosquitto.broker, owner) as link:
        await net.until(lambda: owner.ups)
        for i in range(600):
            assert link.publish(Message("t/a", str(i).encode(), qos=i % 2))
        await net.until(lambda: len(owner.seen) == 600)
        seen = [int(p) for _, p in owner.seen]
        assert [i for i in seen if i % 2] == list(range(1, 600, 2))
        assert [i for i in seen if not i % 2] == list(range(0, 600, 2))
        assert link.connected
        assert link.backlog_bytes == 0


@tck("tck-id-principles-persistence-clean-session-311", "tck-id-message-flow-phid-sparkplug-clean-session-311")
async def test_connects_with_a_clean_session(net: Any, tck: str) -> None:
    """MQTT 3.1.1 with the clean flag; will QoS 1, not retained (flags 0x0e)."""
    async with net.raw_broker({1: net.connack, 8: net.suback}) as raw:
        owner = net.recorder([net.will()])
        async with net.running(raw.broker, owner):
            await net.until(lambda: owner.ups)
        assert raw.connects[0].startswith(b"\x00\x04MQTT\x04\x0e")


async def test_births_follow_the_subscriptions(net: Any, mosquitto: Any) -> None:
    """``on_connected`` comes after the net.suback and before any message, retained ones too."""
    first = net.recorder([net.will()], goodbye=(Message("t/state", b"there", qos=1, retain=True),))
    async with net.running(mosquitto.broker, first):
        await net.until(lambda: first.ups)
    order: list[str] = []
    owner = net.recorder([net.will()], topics=(Subscription("t/#", 1),), births=lambda: order.append("births"))
    owner.on_message = lambda *_: order.append("message")
    async with net.running(mosquitto.broker, owner, "second"):
        await net.until(lambda: len(order) == 2)
    assert order == ["births", "message"]


async def test_messages_before_the_suback_wait(net: Any) -> None:
    """A broker may deliver before it has answered the subscription; the owner hears it after it is connected."""
    publish = b"\x30\x05\x00\x01ahi"
    async with net.raw_broker({1: net.connack, 8: publish + net.suback}) as raw:
        owner = net.recorder([net.will()])
        async with net.running(raw.broker, owner):
            await net.until(lambda: owner.seen)
        assert owner.ups == 1
        assert owner.seen == [("a", b"hi")]


@tck(
    "tck-id-operational-behavior-edge-node-intentional-disconnect-packet",
    "tck-id-operational-behavior-host-application-disconnect-intentional",
)
async def test_stopping_says_farewell_and_no_will_follows(net: Any, mosquitto: Any, tck: str) -> None:
    """A DISCONNECT on purpose: the owner's own last word arrives, the will does not."""
    listener = net.recorder([net.will()], topics=(Subscription("w/#", 1),))
    async with net.running(mosquitto.broker, listener, "listener"):
        await net.until(lambda: listener.ups)
        owner = net.recorder([net.will()], goodbye=(Message("w/bye", b"bye", qos=1),))
        async with net.running(mosquitto.broker, owner) as link:
            await net.until(lambda: owner.ups)
        assert not link.connected
        assert not link.publish(Message("w/late", b""))
        assert owner.downs == ["stopped"]
        other = net.recorder([net.will()], goodbye=(Message("w/end", b"end", qos=1),))
        async with net.running(mosquitto.broker, other, "other"):
            await net.until(lambda: other.ups)
        await net.until(lambda: ("w/end", b"end") in listener.seen)
        assert listener.seen == [("w/bye", b"bye"), ("w/end", b"end")]


async def test_a_cancelled_run_leaves_its_will(net: Any, mosquitto: Any) -> None:
    """Whoever ends without ``stop`` is dead, and the broker says so."""
    listener = net.recorder([net.will()], topics=(Subscription("w/#", 1),))
    async with net.running(mosquitto.broker, listener, "listener"):
        await net.until(lambda: listener.ups)
        owner = net.recorder([net.will(b"edge is gone")])
        task = asyncio.create_task(MqttTransport(mosquitto.broker, "edge", owner).run())
        await net.until(lambda: owner.ups)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await net.until(lambda: listener.seen)
        assert listener.seen == [("w/will", b"edge is gone")]
        assert owner.downs == ["stopped"]


async def test_broker_restart_gets_a_new_client_with_a_new_will(
    net: Any, mosquitto: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten kills: each time reconnected with the next will, one line when it breaks, one when it heals."""
    caplog.set_level(logging.INFO, logger=transport.__name__)
    owner = net.recorder([net.will(b"%d" % i) for i in range(40)])
    async with net.running(mosquitto.broker, owner) as link:
        for round_ in range(1, 11):
            await net.until(lambda n=round_: owner.ups == n)
            mosquitto.kill()
            await net.until(lambda n=round_: len(owner.downs) == n)
            assert not link.publish(Message("t", b""))
            mosquitto.start()
        await net.until(lambda: owner.ups == 11)
        tries = owner._wills_given
    assert tries >= 11
    assert [r.levelname for r in caplog.records] == ["INFO", *["WARNING", "INFO"] * 10]
    assert "again" in caplog.records[-1].message


async def test_an_owner_that_fails_does_not_break_the_link(net: Any, mosquitto: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in handling one message is logged with its traceback; the next message is handled."""
    owner = net.recorder([net.will()], topics=(Subscription("t", 1),))
    heard = []

    def on_message(topic: str, payload: bytes) -> None:
        heard.append(payload)
        if payload == b"1":
            raise RuntimeError("boom")

    owner.on_message = on_message
    async with net.running(mosquitto.broker, owner) as link:
        await net.until(lambda: owner.ups)
        for payload in (b"1", b"2"):
            link.publish(Message("t", payload))
        await net.until(lambda: len(heard) == 2)
        assert link.connected
    assert "boom" in caplog.text


# -- who is let in ---


@pytest.fixture
def guarded(new_mosquitto: Callable[[str], Any], tmp_path: Path) -> Any:
    """A mosquitto that knows one user, ``edge`` with the password ``secret``."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "edge", "secret"], check=True, capture_output=True)
    passwords.chmod(0o644)
    tmp_path.chmod(0o755)
    return new_mosquitto(f"allow_anonymous false\npassword_file {passwords}\nuser root\n")


async def test_username_and_password(net: Any, guarded: Any) -> None:
    """The right ones are let in."""
    owner = net.recorder([net.will()])
    async with net.running(replace(guarded.broker, username="edge"), owner, password="secret"):
        await net.until(lambda: owner.ups)


async def test_a_refused_login_waits_long_and_says_so(net: Any, guarded: Any, caplog: pytest.LogCaptureFixture) -> None:
    """No hammering with a wrong password: one try, one plain error, and ``stop`` still ends at once."""
    owner = net.recorder([net.will()])
    async with net.running(replace(guarded.broker, username="edge"), owner, password="wrong"):
        await net.until(lambda: "refused the login (user 'edge')" in caplog.text)
        await asyncio.sleep(0.5)
        assert owner._wills_given == 1
    assert owner.ups == 0
    assert owner.downs == []


# -- TLS -----------------------------------------------------------------------------------------------------------


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1; it is its own CA."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    openssl = shutil.which("openssl")
    assert openssl, "the openssl command is needed to make a certificate for this test"
    subprocess.run([openssl, *command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    key.chmod(0o644)
    folder.chmod(0o755)
    return cert, key


async def test_tls(net: Any, new_mosquitto: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the right CA it connects; with the system's CAs the broker is not believed."""
    cert, key = certificate(tmp_path)
    server = new_mosquitto(f"allow_anonymous true\ncertfile {cert}\nkeyfile {key}\nuser root\n")
    broker = replace(server.broker, tls=True, ca_file=str(cert))
    owner = net.recorder([net.will()], topics=(Subscription("t", 1),))
    async with net.running(broker, owner) as link:
        await net.until(lambda: owner.ups)
        link.publish(Message("t", bytes(200_000)))
        await net.until(lambda: owner.seen)
        assert len(owner.seen[0][1]) == 200_000
    stranger = net.recorder([net.will()])
    async with net.running(replace(broker, ca_file=""), stranger):
        await net.until(lambda: "certificate verify failed" in caplog.text)
    assert stranger.ups == 0


def test_an_unusable_ca_file_is_a_config_error(tmp_path: Path, net: Any) -> None:
    """Missing or not a certificate: named at the start, not at the first connection."""
    (tmp_path / "ca.pem").write_text("nonsense")
    for name in ("ca.pem", "missing.pem"):
        broker = Broker(host="x", port=8883, tls=True, ca_file=str(tmp_path / name))
        with pytest.raises(ConfigError, match=name):
            MqttTransport(broker, "edge", net.recorder([net.will()]))
