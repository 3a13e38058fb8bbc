"""Owners of inbound messages and their deliveries"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    op.create_index(
        name,
        table,
        columns,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )


def upgrade() -> None:
    # SQLite must never give an id twice: it is a cursor. That cannot be altered, only made anew.
    on_sqlite = op.get_context().dialect.name == "sqlite"
    with op.batch_alter_table(
        "inbox",
        recreate="always" if on_sqlite else "auto",
        table_kwargs={"sqlite_autoincrement": True},
    ) as inbox:
        inbox.add_column(
            sa.Column("incomplete", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        inbox.add_column(sa.Column("tenant", sa.String(64)))
        inbox.add_column(sa.Column("owner_reason", sa.String(16)))
        inbox.add_column(sa.Column("owner_check_at", sa.BigInteger()))
    op.create_index("ix_inbox_tenant_id", "inbox", ["tenant", "id"])
    _partial_index(
        "ix_inbox_owner_check_at", "inbox", ["owner_check_at"], "owner_check_at IS NOT NULL"
    )
    op.create_table(
        "inbox_parts",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("dedupe_key", sa.String(200), nullable=False),
        sa.Column("group_key", sa.String(64), nullable=False),
        sa.Column("group_id", sa.String(40), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("total", sa.SmallInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("inbox_id", sa.String(40)),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox_parts"),
    )
    op.create_index(
        "uq_inbox_parts_gateway_dedupe_key", "inbox_parts", ["gateway", "dedupe_key"], unique=True
    )
    _partial_index("ix_inbox_parts_group_key", "inbox_parts", ["group_key"], "inbox_id IS NULL")
    op.create_index("ix_inbox_parts_received_at", "inbox_parts", ["received_at"])
    op.add_column("reports", sa.Column("message_id", sa.String(40)))
    op.add_column(
        "reports",
        sa.Column("one_part", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    _partial_index("ix_reports_message_id", "reports", ["message_id"], "one_part")
    _partial_index("ix_reports_received_at", "reports", ["received_at"], "message_id IS NULL")
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("failover_url", sa.Text()),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("previous_secret", sa.LargeBinary()),
        sa.Column("events", sa.String(200), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(32)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
    )
    op.create_index("ix_endpoints_tenant", "endpoints", ["tenant"])
    op.create_table(
        "deliveries",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.String(40), nullable=False),
        sa.Column("inbox_id", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("target", sa.String(80), nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("sender", sa.String(32)),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("content_hash", sa.LargeBinary()),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger()),
        sa.Column("lease_owner", sa.String(40)),
        sa.Column("status", sa.Integer()),
        sa.Column("reason", sa.String(32)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("delivery_id", name="uq_deliveries_delivery_id"),
    )
    op.create_index(
        "uq_deliveries_inbox_id_target", "deliveries", ["inbox_id", "target"], unique=True
    )
    _partial_index(
        "ix_deliveries_due", "deliveries", ["next_attempt_at", "target"], "state = 'queued'"
    )
    _partial_index("ix_deliveries_dead", "deliveries", ["id"], "state = 'dead'")
    op.create_index("ix_deliveries_tenant_id", "deliveries", ["tenant", "id"])
    _partial_index(
        "ix_deliveries_target_finished_at",
        "deliveries",
        ["target", "finished_at"],
        "kind = 'sms'",
    )
    _partial_index("ix_deliveries_content_hash", "deliveries", ["content_hash"], "kind = 'sms'")


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("endpoints")
    op.drop_index("ix_reports_message_id", table_name="reports")
    op.drop_index("ix_reports_received_at", table_name="reports")
    op.drop_column("reports", "one_part")
    op.drop_column("reports", "message_id")
    op.drop_table("inbox_parts")
    op.drop_index("ix_inbox_owner_check_at", table_name="inbox")
    op.drop_index("ix_inbox_tenant_id", table_name="inbox")
    for column in ("owner_check_at", "owner_reason", "tenant", "incomplete"):
        op.drop_column("inbox", column)
