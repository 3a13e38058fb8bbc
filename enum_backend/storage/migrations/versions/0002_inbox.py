"""Inbox, delivery reports, nonces"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("inbox_id", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("content_key", sa.String(length=64), nullable=True),
        sa.Column("duplicate_of", sa.String(length=40), nullable=True),
        sa.Column("provider_message_id", sa.String(length=128), nullable=True),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("to_number", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("opt_out", sa.String(length=8), nullable=True),
        sa.Column("foreign_number", sa.Boolean(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("inbox_id", name=op.f("uq_inbox_inbox_id")),
    )
    op.create_index(
        "ix_inbox_gateway_content_key", "inbox", ["gateway", "content_key"], unique=False
    )
    op.create_index("ix_inbox_to_number_id", "inbox", ["to_number", "id"], unique=False)
    op.create_index("uq_inbox_gateway_dedupe_key", "inbox", ["gateway", "dedupe_key"], unique=True)
    op.create_table(
        "nonces",
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "nonce", name=op.f("pk_nonces")),
    )
    op.create_index("ix_nonces_expires_at", "nonces", ["expires_at"], unique=False)
    op.create_table(
        "reports",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("provider_message_id", sa.String(length=128), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("provider_code", sa.String(length=64), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("cost_currency", sa.String(length=3), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(
        "ix_reports_gateway_provider_message_id",
        "reports",
        ["gateway", "provider_message_id"],
        unique=False,
    )
    op.create_index(
        "uq_reports_gateway_dedupe_key", "reports", ["gateway", "dedupe_key"], unique=True
    )


def downgrade() -> None:
    op.drop_index("uq_reports_gateway_dedupe_key", table_name="reports")
    op.drop_index("ix_reports_gateway_provider_message_id", table_name="reports")
    op.drop_table("reports")
    op.drop_index("ix_nonces_expires_at", table_name="nonces")
    op.drop_table("nonces")
    op.drop_index("uq_inbox_gateway_dedupe_key", table_name="inbox")
    op.drop_index("ix_inbox_to_number_id", table_name="inbox")
    op.drop_index("ix_inbox_gateway_content_key", table_name="inbox")
    op.drop_table("inbox")
