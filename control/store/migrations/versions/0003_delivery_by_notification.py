"""What waits of one notification is found at once: without this every answer and every end read all that waited."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """To this version."""
    op.create_index("ix_delivery_notification_state", "delivery", ["notification", "state"], unique=False)
