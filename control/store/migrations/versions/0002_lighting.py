"""Lighting: versions of the plan, roll-outs, what edge nodes said, orders and their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """To this version."""
    op.create_table(
        "lighting_plan",
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_lighting_plan")),
    )
    op.create_table(
        "lighting_rollout",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["lighting_plan.version"], name=op.f("fk_lighting_rollout_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lighting_rollout")),
    )
    op.create_index("ix_lighting_rollout_at", "lighting_rollout", ["at"], unique=False)
    op.create_table(
        "lighting_edge",
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("unlike", sa.BigInteger(), nullable=True),
        sa.Column("unlike_at", sa.BigInteger(), nullable=True),
        sa.Column("overrides", sa.Text(), nullable=False),
        sa.Column("overrides_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("edge", name=op.f("pk_lighting_edge")),
    )
    op.create_table(
        "lighting_order",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("by_control", sa.Boolean(), nullable=False),
        sa.Column("reason_zh", sa.Text(), nullable=False),
        sa.Column("reason_en", sa.Text(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lighting_order")),
    )
    for column in ("state", "issued", "request"):
        op.create_index(f"ix_lighting_order_{column}", "lighting_order", [column], unique=False)
    op.create_table(
        "lighting_answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order"], ["lighting_order.id"], name=op.f("fk_lighting_answer_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lighting_answer")),
    )
    op.create_index("ix_lighting_answer_order", "lighting_answer", ["order"], unique=False)
