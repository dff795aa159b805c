"""The tables, as SQLAlchemy Core describes them; ``migrations/`` makes them. Times are epoch ms UTC; JSON is text.

One alarm transition, the outbox rows it causes and its audit row are written in one transaction: there is no message without its
alarm row and no alarm row without its messages (domain alarms 2.2, rule 1).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Number = BigInteger().with_variant(Integer, "sqlite")
"""A row id that counts up on both databases."""

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
"""``instance``: this database's identity; ``alive_at``: when control last wrote (how long it was down);
``commit.*``: the mark of each writer's last transaction (PostgreSQL).
"""

# -- alarms --------------------------------------------------------------------------------------------------------------------

alarm_state = Table(
    "alarm_state",
    metadata,
    Column("key", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""The present state of every alarm that is not simply normal: a cache of the journal, read at start."""

transition = Table(
    "transition",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("occurrence", BigInteger),
    Column("kinds", Text, nullable=False),
    Column("who", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("state", Text, nullable=False),
    Index("ix_transition_key_id", "key", "id"),
    Index("ix_transition_at", "at"),
)
"""The alarm journal, never changed: ``kinds`` are the effects (space between), ``state`` the alarm's state after it."""

occurrence = Table(
    "occurrence",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("area", Text, nullable=False),
    Column("road", Text, nullable=False, default=""),
    Column("edge", Text, nullable=False, default=""),
    Column("device", Text, nullable=False, default=""),
    Column("component", Text, nullable=False, default=""),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("place_zh", Text, nullable=False),
    Column("place_en", Text, nullable=False),
    Column("first_out", Text, nullable=False, default=""),
    Column("source_time", BigInteger, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("annunciated_at", BigInteger),
    Column("acked_at", BigInteger),
    Column("acked_by", Text, nullable=False, default=""),
    Column("ack_note", Text, nullable=False, default=""),
    Column("cleared_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("superseded", Boolean, nullable=False, default=False),
    Column("value", Text, nullable=False, default=""),
    Column("limit", Float),
    Column("unit", Text, nullable=False, default=""),
    Column("why_zh", Text, nullable=False, default=""),
    Column("why_en", Text, nullable=False, default=""),
    Column("evidence", Text, nullable=False, default="[]"),
    Index("ix_occurrence_key", "key"),
    Index("ix_occurrence_raised_at", "raised_at"),
    Index("ix_occurrence_closed_at", "closed_at"),
)
"""One row per life of an alarm; ``number`` is what people see. ``value`` is the JSON of the value that raised it."""

change = Table(
    "change",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("old", Float),
    Column("new", Float),
    Column("reason", Text, nullable=False),
    Index("ix_change_key", "key"),
)
"""Limits changed away from the rule files, newest counts; ``new`` NULL = back to the file."""

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("before", Text, nullable=False, default=""),
    Column("after", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("chain", Text, nullable=False),
    Index("ix_audit_at", "at"),
)
"""Append-only; ``chain`` is the SHA-256 of the row before and this row, so a changed or missing row shows."""

# -- people and messages -------------------------------------------------------------------------------------------------------

roster = Table(
    "roster",
    metadata,
    Column("version", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("body", Text, nullable=False),
)
"""Every version of persons, contacts, crews, rotas, swaps and policies, as one document; the newest counts."""

notification = Table(
    "notification",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("occurrence", BigInteger),
    Column("kind", Text, nullable=False),
    Column("step", Text, nullable=False, default=""),
    Column("priority", Integer, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("release", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("occurrence", "kind", "step"),
    Index("ix_notification_created", "created"),
)
"""What is to be told: ``kind`` is raise, escalate, realarm, clear, digest, gap, test. ``body`` is JSON for the composer.
``step`` makes a repeat after a restart harmless. ``release``: not before this (grouping).
"""

delivery = Table(
    "delivery",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("notification", BigInteger, ForeignKey("notification.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("fallback", Text, nullable=False, default="[]"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try", BigInteger, nullable=False),
    Column("lease_until", BigInteger),
    Column("letter", Text, nullable=False, default=""),
    Column("provider_id", Text, nullable=False, default=""),
    Column("code", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("sent_at", BigInteger),
    Column("ended_at", BigInteger),
    UniqueConstraint("notification", "person", "channel", "address"),
    Index("ix_delivery_state_next_try", "state", "next_try"),
    Index("ix_delivery_notification_state", "notification", "state"),
    Index("ix_delivery_channel_sent_at", "channel", "sent_at"),
)
"""One notification to one address: queued -> leased -> sent | dead | expired | merged; ``letter`` names the letter that carried
it (several deliveries of a group share one). ``fallback``: JSON list of (channel, address) to try when this one is dead.
"""

letter = Table(
    "letter",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("handed_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", Text, nullable=False, default=""),
    Column("deliveries", Integer, nullable=False, default=1),
    Column("text", Text, nullable=False),
    Index("ix_letter_channel_handed_at", "channel", "handed_at"),
)
"""Every hand-over to a vendor, written before it happens: the vendor's budget is counted here, so it holds over restarts."""

channel_state = Table(
    "channel_state",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("broken_since", BigInteger),
    Column("paused_until", BigInteger),
    Column("reason", Text, nullable=False, default=""),
    Column("tested_on", Text, nullable=False, default=""),
    Column("last_sent", BigInteger),
)
"""What the sender knows of a channel; ``tested_on`` is the county date of the last daily test."""

ack_token = Table(
    "ack_token",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("occurrence", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("ix_ack_token_occurrence", "occurrence"),
)
"""One-use links; only the SHA-256 of the token is kept."""

# -- work orders ---------------------------------------------------------------------------------------------------------------

work_order = Table(
    "work_order",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("occurrence", BigInteger),
    Column("key", Text, nullable=False, default=""),
    Column("area", Text, nullable=False),
    Column("road", Text, nullable=False, default=""),
    Column("device", Text, nullable=False, default=""),
    Column("component", Text, nullable=False, default=""),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("sla", Text, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("crew", Text, nullable=False, default=""),
    Column("person", Text, nullable=False, default=""),
    Column("created", BigInteger, nullable=False),
    Column("closed", BigInteger),
    Index("ix_work_order_state", "state"),
    Index("ix_work_order_key", "key"),
)

work_order_event = Table(
    "work_order_event",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("order", BigInteger, ForeignKey("work_order.number"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("photo", LargeBinary),
    Column("photo_type", Text, nullable=False, default=""),
    Index("ix_work_order_event_order", "order"),
)
"""The order's history (台账): created, assigned, accepted, on-site, done, confirmed, reopened, closed, note."""

# -- lighting ------------------------------------------------------------------------------------------------------------------

lighting_plan = Table(
    "lighting_plan",
    metadata,
    Column("version", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("body", Text, nullable=False),
)
"""Versions of the county's lighting plan, never changed; ``body`` is a document of ``lampwell.lighting.documents``."""

lighting_rollout = Table(
    "lighting_rollout",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, ForeignKey("lighting_plan.version"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_lighting_rollout_at", "at"),
)
"""How a version went, or goes, to the edge nodes; ``body`` is what the stepper remembers (JSON).

``revision``: the highest number that a document of it bears; edge nodes take none that is not above the one they have, so that a
late order can not bring an old plan back.
"""

lighting_edge = Table(
    "lighting_edge",
    metadata,
    Column("edge", Text, primary_key=True),
    Column("asked", Text, nullable=False, default=""),
    Column("confirmed", Text, nullable=False, default=""),
    Column("confirmed_at", BigInteger),
    Column("unlike", BigInteger),
    Column("unlike_at", BigInteger),
    Column("overrides", Text, nullable=False, default=""),
    Column("overrides_at", BigInteger),
)
"""What an edge node was asked to go by and what it last said: ``<revision> <hash>``, targets unlike, overrides (JSON)."""

lighting_order = Table(
    "lighting_order",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("by_control", Boolean, nullable=False, default=False),
    Column("reason_zh", Text, nullable=False, default=""),
    Column("reason_en", Text, nullable=False, default=""),
    Column("sent", Integer, nullable=False, default=0),
    Column("sent_at", BigInteger),
    Column("ended_at", BigInteger),
    Index("ix_lighting_order_state", "state"),
    Index("ix_lighting_order_issued", "issued"),
    Index("ix_lighting_order_request", "request"),
)
"""Orders to edge nodes; ``request`` ties those of one wish together, ``body`` is the order as it goes over the wire.

``by_control``: control itself called it failed, for want of an answer.
"""

lighting_answer = Table(
    "lighting_answer",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("order", Text, ForeignKey("lighting_order.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_lighting_answer_order", "order"),
)
"""What edge nodes said of an order; ``body`` is the outcome as it came."""

# -- figures -------------------------------------------------------------------------------------------------------------------

kpi_day = Table(
    "kpi_day",
    metadata,
    Column("day", Text, primary_key=True),
    Column("area", Text, primary_key=True),
    Column("body", Text, nullable=False),
)
"""Figures of a county day (ISO date) of an area ("" the whole county) as of the next morning; ``body``: by measure (JSON)."""
