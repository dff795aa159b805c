"""Link faults as pure transformations: each does what its name says to the right answer, and nothing else."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.assets import Transport
from simulators.frames import crc16
from simulators.linkfaults import KINDS, Exchange, LinkFaults, Plan, disturb, frame
from simulators.port import FaultRefused

ANSWER = bytes.fromhex("0304000a0102")


def exchange(transport: Transport = Transport.TCP, previous: bytes = b"") -> Exchange:
    return Exchange(
        transport=transport, transaction=7, unit=1, request=bytes.fromhex("0300000002"), answer=ANSWER, previous=previous
    )


def sent(plan: Plan) -> bytes:
    return b"".join(data for _, data in plan.steps)


def disturbed(transport: Transport = Transport.TCP, **active: float) -> Plan:
    return disturb(exchange(transport), {name.replace("_", "-"): value for name, value in active.items()}, Random(1))


def test_without_faults_the_right_answer_goes_out_at_once() -> None:
    """No fault, no delay, no change."""
    assert disturbed() == Plan(((0.0, frame(exchange())),))


@pytest.mark.parametrize("name", ["silent", "refuse"])
def test_silence(name: str) -> None:
    """Nothing is sent."""
    assert disturbed(**{name: 0}) == Plan()


def test_late_does_not_hold_up_the_line_and_slow_does() -> None:
    """A late answer arrives among later ones; a slow device queues them."""
    assert disturbed(late=2.0) == Plan(((2.0, frame(exchange())),), busy_s=0.0)
    assert disturbed(slow=0.3) == Plan(((0.3, frame(exchange())),), busy_s=0.3)


def test_header_lies_on_tcp() -> None:
    """Unit, function and transaction are each wrong by the value, the rest is right."""
    right = frame(exchange())
    assert sent(disturbed(wrong_unit=2)) == right[:6] + b"\x03" + right[7:]
    assert sent(disturbed(wrong_function=1)) == right[:7] + b"\x04" + right[8:]
    assert sent(disturbed(wrong_transaction=1)) == b"\x00\x08" + right[2:]


@pytest.mark.parametrize("name", ["wrong-unit", "wrong-function", "wrong-count", "exception"])
def test_lies_on_rtu_carry_a_right_check(name: str) -> None:
    """On RTU a lie is a well-formed frame: its CRC fits."""
    lie = sent(disturb(exchange(Transport.RTU), {name: KINDS[name].value}, Random(1)))
    assert lie != frame(exchange(Transport.RTU))
    assert crc16(lie[:-2]) == lie[-2:]


@pytest.mark.parametrize(("more", "size"), [(2, 6), (-2, 2), (-250, 0)])
def test_wrong_count_is_consistent_with_itself(more: int, size: int) -> None:
    """The byte count in the answer and the header's length agree with what is sent: only the request tells it is wrong."""
    lie = sent(disturbed(wrong_count=more))
    assert lie[8] == size == len(lie) - 9
    assert int.from_bytes(lie[4:6], "big") == len(lie) - 6


def test_exceptions_carry_their_code() -> None:
    """All codes from 1 to 11 can be sent in place of an answer."""
    for code in range(1, 12):
        assert sent(disturbed(exception=code))[7:] == bytes((0x83, code))


def test_spoiled_bytes() -> None:
    """Truncated lacks its tail, garbage has nothing of the answer, glued brings the frame before."""
    right = frame(exchange())
    assert sent(disturbed(truncated=3)) == right[:-3]
    assert len(sent(disturbed(garbage=64))) == 64
    assert sent(disturb(exchange(previous=b"old"), {"glued": 0}, Random(1))) == b"old" + right


@given(st.integers(1, 64), st.integers())
def test_bit_flip_flips_exactly_so_many_bits(count: int, seed: int) -> None:
    """The damage is known, so that a test of the receiver knows what it was given."""
    right = frame(exchange(Transport.RTU))
    flipped = sent(disturb(exchange(Transport.RTU), {"bit-flip": count}, Random(seed)))
    difference = int.from_bytes(right, "big") ^ int.from_bytes(flipped, "big")
    assert difference.bit_count() == min(count, 8 * len(right))


def test_drip_feed_sends_every_byte_in_its_turn() -> None:
    """All bytes come, one every so many seconds, and the line is busy for as long."""
    plan = disturbed(drip_feed=0.3)
    assert sent(plan) == frame(exchange())
    assert [round(at, 3) for at, _ in plan.steps[:3]] == [0.0, 0.3, 0.6]
    assert plan.busy_s == pytest.approx(0.3 * len(plan.steps))


def test_a_dropped_connection_takes_half_the_answer_along() -> None:
    """The connection goes in the middle of the answer."""
    plan = disturbed(drop_connection=0)
    assert plan.drop
    assert sent(plan) == frame(exchange())[: len(frame(exchange())) // 2]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(KINDS)), st.just(None), max_size=6),
    st.sampled_from(list(Transport)),
    st.binary(min_size=2, max_size=253),
    st.binary(max_size=40),
)
def test_any_mix_of_faults_makes_a_sane_plan(
    names: dict[str, None], transport: Transport, answer: bytes, previous: bytes
) -> None:
    """Faults combine without ever crashing the server; times do not go backwards."""
    asked = Exchange(transport=transport, transaction=65535, unit=247, request=b"\x03\0\0\0\1", answer=answer, previous=previous)
    plan = disturb(asked, {name: KINDS[name].value for name in names}, Random(0))
    times = [at for at, _ in plan.steps]
    assert times == sorted(times)
    assert all(at >= 0 for at in times)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("exception", 12, "a whole number from 1 to 11"),
        ("exception", 2.5, "a whole number from 1 to 11"),
        ("late", -1, "a number from 0 to 60"),
        ("silent", 3, "no value"),
    ],
)
def test_a_value_out_of_bounds_is_refused_not_clamped(name: str, value: float, reason: str) -> None:
    """The message says what would be right, and nothing is set."""
    faults = LinkFaults()
    with pytest.raises(FaultRefused, match=reason):
        faults.set("tcp-1", name, value)
    assert faults.all() == {}


def test_a_device_suffers_its_own_faults_and_its_links() -> None:
    """Both are in force together; clearing one leaves the other; clearing what is not set is no error."""
    faults = LinkFaults()
    faults.set("tcp-1", "slow")
    faults.set("cabinet-01", "exception", 6)
    assert faults.on("tcp-1", "cabinet-01") == {"slow": 0.3, "exception": 6}
    assert faults.on("tcp-1", "cabinet-02") == {"slow": 0.3}
    faults.clear("tcp-1", "slow")
    faults.clear("tcp-1", "slow")
    assert faults.all() == {"cabinet-01": {"exception": 6}}
