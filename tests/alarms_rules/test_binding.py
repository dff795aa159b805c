"""Rules at places: keys, parents, names, limits, and what people may change."""

from __future__ import annotations

import pytest

from control.alarms.bind import ancestry, bind
from control.alarms.bound_checks import refusal
from control.alarms.model import Priority, Side, Text
from control.alarms.words import component_name, number, span

from .conftest import binding, rules, taihe

BY_KEY = binding().by_key


@pytest.mark.parametrize(
    ("key", "zh", "en"),
    [
        ("leak-trip@cabinet-01/loop3", "白凤大道南段路灯控制箱 3号回路", "Baifeng Avenue, south: lamp cabinet, loop 3"),
        ("pump-fault@station-1/pump1", "澄江泵站 1号泵", "Chengjiang pump station, pump 1"),
        ("lamp-failed@concentrator-1/lamp012", "工农兵大道西段单灯集中器 12号灯（灯杆 GNB-012）", "pole GNB-012"),
        ("ponding-red@ponding-1", "老城区中山路口低洼处", "Old town, Zhongshan Road junction"),
        ("edge-offline@edge:edge-g319", "G319网关", "G319 gateway"),
        ("link-down@edge:edge-oldtown/link/cab-01", "老城区网关 链路 cab-01", "Old town gateway, link cab-01"),
        ("store-away@county:taihe", "泰和县", "Taihe County"),
    ],
)
def test_keys_and_names_of_places(key: str, zh: str, en: str) -> None:
    """Protects what people call a place, and the keys by which everything else knows an alarm."""
    place = BY_KEY[key].alarm.place
    assert place.text.zh == zh
    assert en in place.text.en


def test_a_place_knows_where_it_is() -> None:
    """Protects routing by area, road and edge node; a lamp is on its own road."""
    place = BY_KEY["leak-trip@cabinet-08/loop2"].alarm.place
    assert (place.area, place.edge, place.link, place.device, place.component, place.road, place.kind) == (
        "newtown", "edge-newtown", "cab-08", "cabinet-08", "loop2", "xianghe", "cabinet",
    )  # fmt: skip
    link = BY_KEY["bus-overload@edge:edge-g319/link/line-5"].alarm.place
    assert (link.area, link.edge, link.link, link.device) == ("g319", "edge-g319", "line-5", "")


@pytest.mark.parametrize(
    ("key", "parents"),
    [
        ("ponding-blue@ponding-1", ["ponding-yellow@ponding-1", "ponding-orange@ponding-1", "ponding-red@ponding-1"]),
        ("ponding-red@ponding-1", []),
        ("leak-prealarm@cabinet-01/loop3", ["leak-trip@cabinet-01/loop3"]),
        (
            "key-device-offline@cabinet-01",
            ["link-down@edge:edge-oldtown/link/cab-01", "edge-offline@edge:edge-oldtown", "broker-away@county:taihe"],
        ),
        ("pump-overload@station-2/pump3", ["station-mains@station-2", "station-stopped@station-2"]),
        ("journal-backlog@edge:edge-g319", ["store-away@county:taihe", "broker-away@county:taihe"]),
        (
            "lamp-failed@concentrator-1/lamp001",
            [
                "loop-breaker@cabinet-03/loop1",
                "main-breaker@cabinet-03",
                "phase-a-lost@cabinet-03",
                "phase-b-lost@cabinet-03",
                "phase-c-lost@cabinet-03",
                "cabinet-mains@cabinet-03",
            ],
        ),
    ],
)
def test_parents_are_the_nearest_around(key: str, parents: list[str]) -> None:
    """Protects the cause hierarchy: a rule's ancestors at this place, or at the nearest around it, and none of another place."""
    assert list(BY_KEY[key].alarm.parents) == parents


def test_parents_come_before_children() -> None:
    """Protects the order of one batch: what explains is told before what it explains."""
    rank = {bound.alarm.key: n for n, bound in enumerate(binding().bounds)}
    assert all(rank[parent] < rank[bound.alarm.key] for bound in binding().bounds for parent in bound.alarm.parents)
    assert set(ancestry(rules())["ponding-blue"]) == {"ponding-yellow", "ponding-orange", "ponding-red"}


def test_limits_are_the_devices_own() -> None:
    """Protects the limit of a place: its own level, the rule's deadband, the point's unit."""
    limit = BY_KEY["well-orange@well-07"].alarm.limit
    assert limit is not None
    assert (limit.side, limit.value, limit.deadband, limit.unit) == (Side.ABOVE, 1.41, 0.1, "m")
    below = BY_KEY["phase-a-lost@station-1"].alarm.limit
    assert below is not None
    assert (below.side, below.value, below.unit) == (Side.BELOW, 110, "V")
    assert BY_KEY["cabinet-door@cabinet-01"].alarm.limit is None


def test_what_a_rule_does_not_say_takes_its_default() -> None:
    """Protects the defaults by quantity and priority (EEMUA 191 and the project's own)."""
    by_id = {rule.id: rule for rule in rules()}
    bare = {"deadband": None, "on_delay_s": None, "off_delay_s": None, "parents": []}

    def made(name: str) -> tuple[float, float, float, float, float]:
        alarm = next(b.alarm for b in bind([by_id[name].model_copy(update=bare)], taihe()).bounds)
        timing, deadband = alarm.rule.timing, alarm.limit.deadband if alarm.limit else 0.0
        return timing.on_s, timing.off_s, deadband, timing.respond_s, alarm.most_shelf_s

    assert made("ponding-yellow") == (20, 600, 0.03, 3600, 28_800)
    assert made("river-red") == (60, 600, pytest.approx(0.55), 180, 1800)
    assert made("phase-a-lost") == (10, 30, pytest.approx(2.2), 600, 7200)
    assert made("main-breaker")[:2] == (5, 10)
    assert made("device-offline") == (30, 10, 0, 3600, 28_800)
    assert by_id["river-red"].realarm_s is None
    assert BY_KEY["river-red@river-1"].alarm.rule.timing.realarm_s == 1800
    assert BY_KEY["river-red@river-1"].alarm.rule.priority is Priority.RED


def test_changes_are_applied_to_one_alarm() -> None:
    """Protects a limit that people changed: at that place only; changes of alarms that are gone say nothing."""
    changes = {("well-red@well-01", "limit"): 2.2, ("well-red@well-01", "deadband"): 0.2, ("well-red@well-01", "on_s"): 7.0,
               ("well-red@well-01", "off_s"): 700.0, ("gone@well-01", "limit"): 1.0}  # fmt: skip
    by_key = bind(rules(), taihe(), changes).by_key
    changed, other = by_key["well-red@well-01"].alarm, by_key["well-red@well-02"].alarm
    assert changed.limit is not None
    assert (changed.limit.value, changed.limit.deadband) == (2.2, 0.2)
    assert (changed.rule.timing.on_s, changed.rule.timing.off_s) == (7, 700)
    assert other == BY_KEY["well-red@well-02"].alarm


@pytest.mark.parametrize(
    ("key", "name", "value", "reason"),
    [
        ("well-red@well-01", "limit", 2.2, None),
        ("well-red@well-01", "limit", 9.0, "can never be reached"),
        ("well-red@well-01", "limit", float("nan"), "no limit"),
        ("well-red@well-01", "deadband", 0.0, None),
        ("well-red@well-01", "deadband", 5.0, "never let it clear"),
        ("well-red@well-01", "deadband", -1.0, "not negative"),
        ("well-red@well-01", "on_s", 30.0, None),
        ("well-red@well-01", "off_s", -1.0, "a delay is"),
        ("well-red@well-01", "colour", 1.0, "there is no alarm"),
        ("well-red@well-99", "limit", 1.0, "there is no alarm"),
        ("cabinet-door@cabinet-01", "limit", 1.0, "has no limit"),
    ],
)
def test_what_people_may_not_change(key: str, name: str, value: float, reason: str | None) -> None:
    """Protects from a limit that can never alarm, or never clear, set on a screen."""
    told = refusal(binding(), key, name, value)
    assert told is None if reason is None else reason in (told or "")


def test_words() -> None:
    """Protects how numbers and components read."""
    assert component_name("loop12") == Text(zh="12号回路", en="loop 12")
    assert component_name("valve") == Text(zh="valve", en="valve")
    assert (number(0.31, "m"), number(230.0), number(1e9), number(-0.5)) == ("0.31 m", "230", "1e+09", "-0.5")
    assert [span(s).en for s in (59, 900, 7200)] == ["59 s", "15 min", "2.0 h"]
