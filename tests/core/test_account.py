"""Accounts at the broker: from the county, or a service's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lampwell.account import broker_account
from lampwell.assets import Broker
from lampwell.errors import ConfigError


def county_broker(folder: Path) -> Broker:
    (folder / "county.password").write_text("of the county\n")
    return Broker(host="127.0.0.1", port=1883, username="county", password_file=str(folder / "county.password"))


def test_the_countys_account_is_used_where_no_other_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the plain case: user name and password file of the county's own files."""
    monkeypatch.delenv("LAMPWELL_MQTT_USERNAME", raising=False)
    broker, password = broker_account(county_broker(tmp_path))
    assert (broker.username, password) == ("county", "of the county")


@pytest.mark.parametrize("by_file", [True, False])
def test_a_services_own_account_replaces_the_countys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_file: bool) -> None:
    """Protects one folder for many boxes: never one account's name with another's password."""
    (tmp_path / "own").write_text("its own")
    monkeypatch.setenv("LAMPWELL_MQTT_USERNAME", "edge-1")
    if by_file:
        monkeypatch.setenv("LAMPWELL_MQTT_PASSWORD_FILE", str(tmp_path / "own"))
    else:
        monkeypatch.setenv("LAMPWELL_MQTT_PASSWORD", "its own")
    broker, password = broker_account(county_broker(tmp_path))
    assert (broker.username, password) == ("edge-1", "its own")


def test_a_missing_password_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from a service that logs in without a password because its file is not there."""
    monkeypatch.setenv("LAMPWELL_MQTT_PASSWORD_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="nowhere"):
        broker_account(county_broker(tmp_path))
