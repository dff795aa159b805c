"""The metric and property names that carry lampwell's own meaning on the wire (docs/wire.md)."""

from __future__ import annotations

BD_SEQ = "bdSeq"
NODE_CONTROL = "Node Control/"
REBIRTH = "Node Control/Rebirth"

JOURNAL_ID = "journal/id"
JOURNAL_FIRST = "journal/first"
JOURNAL_ACKNOWLEDGED = "journal/acknowledged"
JOURNAL_OFFSET = "journal/offset"
JOURNAL_STORED = "journal/stored"

JOURNAL_NAMES = frozenset({JOURNAL_ID, JOURNAL_FIRST, JOURNAL_ACKNOWLEDGED, JOURNAL_OFFSET, JOURNAL_STORED})
RESERVED = JOURNAL_NAMES | {BD_SEQ, REBIRTH}
"""No point may be called one of these."""

QUALITY = "Quality"
FLAGS = "quality/flags"

ENG_UNIT = "engUnit"
ENG_LOW = "engLow"
ENG_HIGH = "engHigh"
DEADBAND = "deadband"
DEADBAND_PERCENT = "deadbandPercent"
HEARTBEAT = "heartbeatSeconds"
LABEL_ZH = "labelZh"
LABEL_EN = "labelEn"
POLL_CLASS = "pollClass"
READ_ONLY = "readOnly"
