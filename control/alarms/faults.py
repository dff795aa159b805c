"""The faults that logic finds on whole devices, by the names that rules use."""

from __future__ import annotations

from collections.abc import Mapping

from lampwell.assets import DeviceKind

FAULTS: Mapping[str, tuple[DeviceKind, ...]] = {}
"""Name -> the kinds of devices it is found on. Lighting and drainage logic have theirs here."""
