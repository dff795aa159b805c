"""Alarm states as text: what a restart is made of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.alarms.model import AlarmState, Core
from control.alarms.states import UnreadableState, pack, unpack

TIMES = st.none() | st.integers(0, 1 << 53)
STATES = st.builds(
    AlarmState,
    core=st.sampled_from(Core),
    on=st.booleans(),
    known=st.booleans(),
    time=st.integers(-1, 1 << 53),
    value=st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    since=st.integers(0, 1 << 53),
    due=TIMES,
    occurrence=st.integers(0, 1 << 31),
    announced=st.booleans(),
    realarm_at=TIMES,
    shelved_until=TIMES,
    out_of_service=st.booleans(),
    suppressed=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(STATES)
def test_a_state_comes_back_from_its_text(state: AlarmState) -> None:
    """Every field of every state, its kind included: a contact stays true or false, a level stays a number."""
    again = unpack(pack(state))
    assert again == state
    assert type(again.value) is type(state.value)


def test_a_fresh_state_takes_no_room() -> None:
    """Only what differs is written, in an order that does not change: equal states are equal texts."""
    assert pack(AlarmState()) == "{}"
    assert pack(AlarmState(occurrence=3, core=Core.ACKED)) == '{"core":"C","occurrence":3}'


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"core":"Z"}', '{"due":"soon"}', '{"due":"5"}', '{"on":1}', '{"occurrence":1.5}']
)
def test_an_unreadable_state_is_refused_in_words(text: str) -> None:
    """Damaged or of another program: never bent into a state, and the message says what it is about."""
    with pytest.raises(UnreadableState, match="an alarm's state can not be read"):
        unpack(text)
