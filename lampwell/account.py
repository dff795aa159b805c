"""Who a service is at the broker. One county folder serves every box; a service's own account may come from its environment."""

from __future__ import annotations

import os
from dataclasses import replace

from lampwell.assets import Broker
from lampwell.config import read_secret

USERNAME = "LAMPWELL_MQTT_USERNAME"
PASSWORD_FILE = "LAMPWELL_MQTT_PASSWORD_FILE"  # noqa: S105 - the name of the place, not the secret
PASSWORD = "LAMPWELL_MQTT_PASSWORD"  # noqa: S105 - as above


def broker_account(broker: Broker) -> tuple[Broker, str]:
    """The broker with the user name to log in as, and the password.

    LAMPWELL_MQTT_USERNAME, if set, replaces the county's account whole: its password is then that of
    LAMPWELL_MQTT_PASSWORD_FILE or LAMPWELL_MQTT_PASSWORD. ConfigError when a named file can not be read or is empty.
    """
    username = os.environ.get(USERNAME, "")
    file = os.environ.get(PASSWORD_FILE, "") or ("" if username else broker.password_file)
    return replace(broker, username=username or broker.username), read_secret(file, PASSWORD)
