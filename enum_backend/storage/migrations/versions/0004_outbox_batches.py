"""Outbox for batches: recipient order, schedule, spend per scope"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER_RECIPIENTS = """
UPDATE outbox SET recipient_seq = counted.seq
FROM (
    SELECT id, row_number() OVER (PARTITION BY destination ORDER BY id) AS seq
    FROM outbox WHERE limited
) AS counted
WHERE counted.id = outbox.id
"""

_COUNT_ATTEMPTS = """
UPDATE outbox SET attempts_made = (
    SELECT count(*) FROM attempts WHERE attempts.message_id = outbox.message_id
)
"""

_FILL_BUCKETS = """
INSERT INTO spend_buckets (scope, bucket_at, micros)
SELECT scope, bucket_at, sum(cost_micros) FROM (
    SELECT 'all' AS scope, created_at / 300000 * 300000 AS bucket_at, cost_micros
    FROM outbox WHERE cost_micros > 0
    UNION ALL
    SELECT 'tenant:' || tenant, created_at / 300000 * 300000, cost_micros
    FROM outbox WHERE cost_micros > 0
    UNION ALL
    SELECT 'client:' || client, created_at / 300000 * 300000, cost_micros
    FROM outbox WHERE cost_micros > 0
    UNION ALL
    SELECT 'all', created_at / 300000 * 300000, cost_micros FROM spend
    UNION ALL
    SELECT 'tenant:' || tenant, created_at / 300000 * 300000, cost_micros FROM spend
) AS paid
GROUP BY scope, bucket_at
"""


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.add_column(
        "outbox", sa.Column("kind", sa.String(16), nullable=False, server_default="message")
    )
    op.add_column(
        "outbox", sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="1")
    )
    op.add_column("outbox", sa.Column("recipient_seq", sa.Integer()))
    op.add_column(
        "outbox", sa.Column("attempts_made", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("outbox", sa.Column("send_at", sa.BigInteger()))
    op.add_column("attempts", sa.Column("cost_micros", sa.BigInteger()))
    op.add_column("attempts", sa.Column("cost_currency", sa.String(3)))
    op.execute(_NUMBER_RECIPIENTS)
    op.execute(_COUNT_ATTEMPTS)
    op.execute("UPDATE outbox SET kind = 'code', priority = 0 WHERE erase_body")
    op.create_table(
        "spend_buckets",
        sa.Column("scope", sa.String(96), nullable=False),
        sa.Column("bucket_at", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "bucket_at", name="pk_spend_buckets"),
    )
    op.execute(_FILL_BUCKETS)
    op.drop_index("ix_spend_created_at_cost_micros", table_name="spend")
    for name in (
        "ix_outbox_client_created_at",
        "ix_outbox_created_at_cost",
        "ix_outbox_destination_created_at",
        "ix_outbox_due",
        "ix_outbox_repeat_hash_created_at",
        "uq_outbox_idempotency",
    ):
        op.drop_index(name, table_name="outbox")
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["gateway", "priority", "next_attempt_at"],
        **_where("state IN ('queued', 'scheduled')"),
    )
    op.create_index(
        "ix_outbox_dispatching", "outbox", ["lease_until"], **_where("state = 'dispatching'")
    )
    op.create_index("ix_outbox_tenant_id", "outbox", ["tenant", "id"])
    op.create_index(
        "ix_outbox_destination_recipient_seq", "outbox", ["destination", "recipient_seq"]
    )
    op.create_index(
        "ix_outbox_repeat_hash_created_at",
        "outbox",
        ["repeat_hash", "created_at"],
        **_where("repeat_hash IS NOT NULL"),
    )
    op.create_index(
        "uq_outbox_idempotency",
        "outbox",
        ["client", "idempotency_key"],
        unique=True,
        **_where("idempotency_key IS NOT NULL"),
    )
    op.create_index(
        "ix_attempts_gateway_provider_message_id",
        "attempts",
        ["gateway", "provider_message_id"],
        **_where("provider_message_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_gateway_provider_message_id", table_name="attempts")
    for name in (
        "ix_outbox_due",
        "ix_outbox_dispatching",
        "ix_outbox_tenant_id",
        "ix_outbox_destination_recipient_seq",
        "ix_outbox_repeat_hash_created_at",
        "uq_outbox_idempotency",
    ):
        op.drop_index(name, table_name="outbox")
    op.drop_table("spend_buckets")
    for column in ("kind", "priority", "recipient_seq", "attempts_made", "send_at"):
        op.drop_column("outbox", column)
    for column in ("cost_micros", "cost_currency"):
        op.drop_column("attempts", column)
    op.create_index("ix_outbox_client_created_at", "outbox", ["client", "created_at"])
    op.create_index("ix_outbox_created_at_cost", "outbox", ["created_at", "cost_micros"])
    op.create_index("ix_outbox_destination_created_at", "outbox", ["destination", "created_at"])
    op.create_index("ix_outbox_due", "outbox", ["state", "gateway", "next_attempt_at"])
    op.create_index("ix_outbox_repeat_hash_created_at", "outbox", ["repeat_hash", "created_at"])
    op.create_index("uq_outbox_idempotency", "outbox", ["client", "idempotency_key"], unique=True)
    op.create_index("ix_spend_created_at_cost_micros", "spend", ["created_at", "cost_micros"])
