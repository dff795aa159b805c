"""Topics: what may be built, what is believed when it comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampwell.readings import NodeId
from lampwell.sparkplug import topics
from lampwell.sparkplug.topics import BadTopic, StateTopic, Topic, Verb

IDS = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="+/#"), min_size=1, max_size=20)


def tck(*ids: str) -> pytest.MarkDecorator:
    """The assertions a test stands for; each becomes a test of that name."""
    return pytest.mark.parametrize("tck", ids)


@given(verb=st.sampled_from(Verb), group=IDS.filter(lambda g: g != "STATE"), edge=IDS, device=IDS)
def test_topics_come_back_as_they_were(verb: Verb, group: str, edge: str, device: str) -> None:
    """Any allowed ids, Chinese ones too."""
    device = device if verb.is_device else ""
    node = NodeId(group, edge)
    assert topics.parse(topics.build(verb, node, device)) == Topic(verb, node, device)


@given(host=IDS)
def test_state_topics_come_back(host: str) -> None:
    """spBv1.0/STATE/<host>."""
    assert topics.parse(topics.state(host)) == StateTopic(host)


@given(text=st.text(max_size=60) | st.lists(st.sampled_from(["spBv1.0", "STATE", "NDATA", "DDATA", "", "a"])).map("/".join))
def test_any_text_is_a_topic_or_refused(text: str) -> None:
    """Only BadTopic, with a reason."""
    try:
        assert str(topics.parse(text)) == text
    except BadTopic:
        return


@tck("tck-id-topic-structure", "tck-id-topic-structure-namespace-a")
def test_the_namespace(tck: str) -> None:
    """namespace/group/type/edge[/device], the namespace being spBv1.0."""
    assert topics.build(Verb.NDATA, NodeId("taihe", "gw-1")) == "spBv1.0/taihe/NDATA/gw-1"
    assert topics.build(Verb.DDATA, NodeId("taihe", "gw-1"), "well-01") == "spBv1.0/taihe/DDATA/gw-1/well-01"
    with pytest.raises(BadTopic, match=r"does not begin with spBv1\.0"):
        topics.parse("spAv1.0/taihe/NDATA/gw-1")


@tck(
    "tck-id-topic-structure-namespace-valid-group-id",
    "tck-id-topic-structure-namespace-valid-edge-node-id",
    "tck-id-topic-structure-namespace-valid-device-id",
)
@pytest.mark.parametrize("bad", ["", "a+b", "a/b", "a#b", "a\0b", "\ud800"])
def test_reserved_characters_are_refused(tck: str, bad: str) -> None:
    """In each of the three ids, naming which."""
    with pytest.raises(BadTopic, match="group id"):
        topics.build(Verb.DDATA, NodeId(bad, "gw-1"), "well-01")
    with pytest.raises(BadTopic, match="edge node id"):
        topics.build(Verb.DDATA, NodeId("taihe", bad), "well-01")
    with pytest.raises(BadTopic, match="device id"):
        topics.build(Verb.DDATA, NodeId("taihe", "gw-1"), bad)


def test_a_group_named_state_is_refused() -> None:
    """It would collide with the hosts' topics."""
    with pytest.raises(BadTopic, match="reserved"):
        topics.build(Verb.NDATA, NodeId("STATE", "gw-1"))


@tck(
    "tck-id-topic-structure-namespace-device-id-associated-message-types",
    "tck-id-topic-structure-namespace-device-id-non-associated-message-types",
)
def test_the_device_is_there_exactly_where_it_belongs(tck: str) -> None:
    """D… topics have one, N… topics have none, built or read."""
    for verb in Verb:
        wrong = "" if verb.is_device else "well-01"
        with pytest.raises(BadTopic):
            topics.build(verb, NodeId("taihe", "gw-1"), wrong)
        with pytest.raises(BadTopic):
            topics.parse(f"spBv1.0/taihe/{verb}/gw-1" + ("" if verb.is_device else "/well-01"))
