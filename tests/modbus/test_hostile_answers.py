"""A hundred thousand hostile answers, and not one wrong value."""

from bench.hostile import framing, sockets
from lampwell.assets import Transport


async def test_no_wrong_value_from_the_framing() -> None:
    """Header, length, transaction, unit, function, count, CRC, order: fed to the wires in pieces, both framings."""
    tally = await framing(96_000)
    assert sum(tally.sent.values()) >= 96_000
    assert min(tally.sent.values()) > 1_000
    assert not tally.wrong
    assert tally.true["tcp glued_stray_first"] == tally.sent["tcp glued_stray_first"]


async def test_no_wrong_value_through_tcp_sockets() -> None:
    """The same through real sockets, with silence, late, dripping and dropped answers among them."""
    tally = await sockets(Transport.TCP, 3_000)
    assert sum(tally.sent.values()) > 2_500
    assert sum(tally.true.values()) > 100
    assert not any(tally.wrong.values())


async def test_no_wrong_value_through_rtu_sockets() -> None:
    """RTU over TCP, where only the link's distrust separates a late answer from the next request."""
    tally = await sockets(Transport.RTU_OVER_TCP, 1_600)
    assert sum(tally.sent.values()) > 1_200
    assert sum(tally.true.values()) > 20
    assert not any(tally.wrong.values())
