"""The planner: ranges in, requests out; and the arithmetic of a line."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.plan import Mode, bridge_gap, bus_seconds, char_s, cycle, line_s, plan_device
from lampwell.assets import Device, DeviceKind, Intervals, Link, Transport
from lampwell.errors import ConfigError
from lampwell.points import Kind, Point, PollClass
from lampwell.profiles.model import Encoding, Profile, Register, Space, Window, WireType
from lampwell.profiles.wire_order import words_of

U16, U32, F64 = WireType.U16, WireType.U32, WireType.F64
Spec = tuple[int, WireType] | tuple[int, WireType, PollClass]


def make(specs: Sequence[Spec], windows: Sequence[Window], space: Space = Space.HOLDING) -> Device:
    registers = []
    for number, (address, type_, *rest) in enumerate(specs):
        point = Point(path=f"p{number}", kind=Kind.INT, poll=rest[0] if rest else PollClass.FAST)
        registers.append(Register(point=point, space=space, address=address, encoding=Encoding(type=type_)))
    profile = Profile(id="x", zh="", en="", source="test", registers=tuple(registers), windows=tuple(windows))
    intervals = Intervals(dry_s=10, watch_s=5, storm_s=2, slow_s=60)
    return Device(id="d", kind=DeviceKind.METER, profile=profile, link="l", unit=1, area="a", intervals=intervals)


def window(first: int, last: int, *, space: Space = Space.HOLDING, bridge: bool = True, most: int | None = None) -> Window:
    return Window(space=space, first=first, last=last, bridge=bridge, max_count=most)


LINE = Link(id="l", edge="e", transport=Transport.RTU, path="/dev/ttyS0", baud=9600)
HOLDING, COIL = Space.HOLDING, Space.COIL

CASES = {
    "touching registers are one request": ([(0, U16), (1, U32), (3, U16)], [window(0, 9)], [(0, 4)]),
    "a gap inside a window is read through": ([(0, U16), (7, U16)], [window(0, 9)], [(0, 8)]),
    "a gap between windows is not": ([(0, U16), (7, U16)], [window(0, 3), window(5, 9)], [(0, 1), (7, 1)]),
    "windows that touch stay apart": ([(3, U16), (4, U16)], [window(0, 3), window(4, 9)], [(3, 1), (4, 1)]),
    "a radar that must not be block-read": (
        [(1, U16), (2, U16), (3, U16)],
        [window(0, 9, bridge=False)],
        [(1, 1), (2, 1), (3, 1)],
    ),
    "words of one point stay together": ([(0, U32), (2, F64)], [window(0, 9, bridge=False)], [(0, 2), (2, 4)]),
    "125 registers at most": ([(0, U16), (124, U16), (125, U16)], [window(0, 300)], [(0, 125), (125, 1)]),
    "the device's own limit": ([(n, U16) for n in range(10)], [window(0, 9, most=4)], [(0, 4), (4, 4), (8, 2)]),
    "a point is never cut by a limit": ([(0, U16), (1, U16), (2, U32)], [window(0, 9, most=3)], [(0, 2), (2, 2)]),
    "order in the file does not matter": ([(5, U16), (0, U16), (3, U16)], [window(0, 9)], [(0, 6)]),
    "nothing to read": ([], [window(0, 9)], []),
}


@pytest.mark.parametrize(("specs", "windows", "expected"), CASES.values(), ids=CASES.keys())
def test_ranges_in_requests_out(specs: list[Spec], windows: list[Window], expected: list[tuple[int, int]]) -> None:
    """The table of merging."""
    plan = plan_device(make(specs, windows))
    assert [(b.block.address, b.block.count) for b in plan.fast] == expected


def test_bits_of_one_word_share_a_request_even_where_blocks_are_forbidden() -> None:
    """Sixteen flags of one status word are one register."""
    device = make([(4, WireType.BITS), (4, WireType.BITS), (5, WireType.BITS)], [window(0, 9, bridge=False)])
    assert [(b.block.address, b.positions) for b in plan_device(device).fast] == [(4, (0, 1)), (5, (2,))]


def test_bits_are_read_up_to_two_thousand_at_a_time() -> None:
    """Coils: 2,000 a request."""
    device = make([(0, WireType.BOOL), (1999, WireType.BOOL), (2000, WireType.BOOL)], [window(0, 3000, space=COIL)], COIL)
    assert [(b.block.address, b.block.count) for b in plan_device(device).fast] == [(0, 2000), (2000, 1)]


def test_classes_are_planned_apart() -> None:
    """Fast, slow and demand points never share a request; every position is in exactly one block."""
    slow, demand = PollClass.SLOW, PollClass.DEMAND
    plan = plan_device(make([(0, U16), (1, U16, slow), (2, U16), (3, U16, demand)], [window(0, 9)]))
    assert [[b.positions for b in blocks] for blocks in (plan.fast, plan.slow, plan.demand)] == [[(0, 2)], [(1,)], [(3,)]]


def test_on_a_slow_line_a_wide_gap_is_cheaper_left_out() -> None:
    """9,600 baud: a request more costs about 20 registers' time."""
    near, far = [(0, U16), (15, U16)], [(0, U16), (40, U16)]
    assert 15 <= bridge_gap(LINE) <= 25
    assert len(plan_device(make(near, [window(0, 99)]), LINE).fast) == 1
    assert len(plan_device(make(far, [window(0, 99)]), LINE).fast) == 2
    assert len(plan_device(make(far, [window(0, 99)])).fast) == 1


def test_a_register_outside_every_window_is_refused() -> None:
    """The error names device, profile, address and point."""
    with pytest.raises(ConfigError, match=r"profile x: d: holding 8\.\.11 \(p0\) lies outside"):
        plan_device(make([(8, F64)], [window(0, 9)]))


@pytest.mark.parametrize(("last", "parity", "seconds"), [(59, "N", 0.139), (59, "E", 0.152), (99, "N", 0.222)])
def test_the_seconds_of_a_line_are_those_of_the_street_light_arithmetic(last: int, parity: str, seconds: float) -> None:
    """Domain streetlights 2.5: 9600 baud, 60 registers 139 ms (8E1: 152), 100 registers 222 ms; we add the silences."""
    link = Link(id="l", edge="e", transport=Transport.RTU, path="/dev/ttyS0", baud=9600, parity=parity)
    block = plan_device(make([(0, U16), (last, U16)], [window(0, 99)])).fast[0].block
    assert char_s(link) == (10 if parity == "N" else 11) / 9600
    assert line_s(link, block) - 2 * 3.5 * char_s(link) == pytest.approx(seconds, abs=0.001)


def test_a_cycle_tells_seconds_and_load() -> None:
    """Two devices of one 60-register block: fast seconds add up, load is seconds over interval."""
    plans = [plan_device(make([(0, U16), (59, U16)], [window(0, 99)]), None) for _ in range(2)]
    costs = cycle(LINE, plans)
    assert costs.fast_s == pytest.approx(2 * bus_seconds(LINE, plans[0].fast))
    assert costs.slow_s == 0
    assert costs.load[Mode.DRY] == pytest.approx(costs.fast_s / 10)
    assert costs.load[Mode.STORM] == pytest.approx(costs.fast_s / 2)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 390), st.sampled_from([U16, U32, F64])), max_size=40),
    st.booleans(),
    st.integers(4, 125),
    st.booleans(),
)
def test_every_point_is_in_one_block_that_holds_it(specs: list[Spec], bridge: bool, most: int, on_line: bool) -> None:
    """Whatever the map: no point lost, none twice, none cut, no limit broken, nothing outside the window."""
    device = make(specs, [window(0, 399, bridge=bridge, most=most)])
    plan = plan_device(device, LINE if on_line else None)
    assert sorted(p for b in plan.fast for p in b.positions) == list(range(len(specs)))
    for block in plan.fast:
        assert 1 <= block.block.count <= most
        assert len(block.convert) == len(block.positions)
        for position in block.positions:
            register = device.profile.registers[position]
            first, last = register.address, register.address + words_of(register.encoding)
            assert block.block.address <= first
            assert last <= block.block.address + block.block.count <= 400
