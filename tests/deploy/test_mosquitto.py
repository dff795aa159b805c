"""The shipped mosquitto configuration starts and refuses: every role on every kind of topic, on a real mosquitto."""

import asyncio
import ssl
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path

import aiomqtt
import pytest

from deploy.acl import mosquitto_acl, roles
from lampwell.assets import County

from .conftest import MOSQUITTO, Mosquitto, free_port, start_mosquitto

TOPICS = {
    "own birth": "spBv1.0/town/NBIRTH/edge-1",
    "own node data": "spBv1.0/town/NDATA/edge-1",
    "own node death": "spBv1.0/town/NDEATH/edge-1",
    "own device birth": "spBv1.0/town/DBIRTH/edge-1/cabinet-01",
    "own device data": "spBv1.0/town/DDATA/edge-1/cabinet-01",
    "own device death": "spBv1.0/town/DDEATH/edge-1/cabinet-01",
    "another's data": "spBv1.0/river/DDATA/edge-2/station-1",
    "own name in another area": "spBv1.0/river/DDATA/edge-1/cabinet-01",
    "node command": "spBv1.0/town/NCMD/edge-1",
    "device command": "spBv1.0/town/DCMD/edge-1/cabinet-01",
    "another's command": "spBv1.0/river/DCMD/edge-2/station-1",
    "state": "spBv1.0/STATE/lampwell",
    "another host's state": "spBv1.0/STATE/other",
    "elsewhere": "lampwell/anything",
}
OWN = {"own birth", "own node data", "own node death", "own device birth", "own device data", "own device death"}
SPARKPLUG = set(TOPICS) - {"elsewhere"}
WRITES = {
    "edge-1": OWN,
    "edge-2": {"another's data"},
    "collector": {"node command", "state"},
    "control": {"node command", "device command", "another's command"},
    "reader": set(),
}
READS = {
    "edge-1": {"node command", "device command", "state"},
    "edge-2": {"another's command", "state"},
    "collector": SPARKPLUG,
    "control": SPARKPLUG,
    "reader": SPARKPLUG,
}


def client(broker: Mosquitto, account: str) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", broker.port, username=account, password=broker.password(account), timeout=10)


async def heard(listener: aiomqtt.Client, last: bytes) -> set[str]:
    """The topics of everything that arrives before the payload ``last``."""
    topics = set()
    async with asyncio.timeout(20):
        async for message in listener.messages:
            if message.payload == last:
                break
            topics.add(str(message.topic))
    return topics


@pytest.mark.parametrize("account", WRITES)
async def test_role_writes_only_its_own(mosquitto: Mosquitto, account: str) -> None:
    """A stolen gateway password must not be able to speak for another gateway, or to command anyone."""
    async with AsyncExitStack() as stack:
        eyes = await stack.enter_async_context(client(mosquitto, "admin"))
        await eyes.subscribe("#", qos=1)
        hands = await stack.enter_async_context(client(mosquitto, account))
        for topic in TOPICS.values():
            await hands.publish(topic, b"x", qos=1)  # mosquitto answers a refused publish like an accepted one
        await eyes.publish(TOPICS["state"], b"end", qos=1)
        assert await heard(eyes, b"end") == {TOPICS[name] for name in WRITES[account]}


@pytest.mark.parametrize("account", READS)
async def test_role_reads_only_what_it_needs(mosquitto: Mosquitto, account: str) -> None:
    """A gateway sees its own commands and the collector's state, and no one else's anything."""
    async with AsyncExitStack() as stack:
        hands = await stack.enter_async_context(client(mosquitto, "admin"))
        eyes = await stack.enter_async_context(client(mosquitto, account))
        await eyes.subscribe("#", qos=1)
        for topic in TOPICS.values():
            await hands.publish(topic, b"x", qos=1)
        await hands.publish(TOPICS["state"], b"end", qos=1)  # every role may read this one
        assert await heard(eyes, b"end") == {TOPICS[name] for name in READS[account]}


@pytest.mark.parametrize(
    "account", [{}, {"username": "collector", "password": "wrong"}, {"username": "edge-9", "password": "pw-edge-9"}]
)
async def test_strangers_are_refused(mosquitto: Mosquitto, account: dict[str, str]) -> None:
    """No anonymous access, no default password, no unknown account."""
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", mosquitto.port, timeout=5, **account):
            pass


async def test_tls_listener_starts_and_verifies(county: County, tmp_path: Path) -> None:
    """The shipped TLS file is complete: with a certificate from our own authority a client connects, without TLS it does not."""
    port = free_port()
    tls = (MOSQUITTO / "lampwell-tls.conf").read_text().replace("listener 8883", f"listener {port}")
    certificates = _certificates(tmp_path / "certs")
    with start_mosquitto(tmp_path / "etc", county, lambda text: text + tls.replace("/etc/mosquitto/certs", str(certificates))):
        context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        account = {"username": "reader", "password": Mosquitto.password("reader")}
        async with aiomqtt.Client("localhost", port, tls_context=context, timeout=10, **account):
            pass
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("localhost", port, timeout=2, **account):
                pass


def _certificates(folder: Path) -> Path:
    """What the runbook's commands make: an authority and the broker's certificate."""
    folder.mkdir()
    (folder / "san").write_text("subjectAltName=DNS:localhost")
    for line in (
        "req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout ca.key -out ca.crt -subj /CN=lampwell-ca",
        "req -newkey rsa:2048 -nodes -keyout broker.key -out broker.csr -subj /CN=localhost",
        "x509 -req -in broker.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 730 -out broker.crt -extfile san",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)
    for file in folder.iterdir():
        file.chmod(0o644)
    folder.chmod(0o755)
    return folder


def test_no_role_may_do_everything(county: County) -> None:
    """No account holds a write to all topics, and no rule is a bare pattern for everyone."""
    assert not [role.account for role in roles(county) if "#" in "".join(role.write)]
    assert "pattern" not in mosquitto_acl(county)
    assert "readwrite" not in mosquitto_acl(county)
