"""Opt-outs, sticky senders, spend alerts"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=True, nullable=False)


def upgrade() -> None:
    op.create_table(
        "opt_outs",
        _id(),
        sa.Column("recipient", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("sender", sa.String(80), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_opt_outs"),
    )
    op.create_index(
        "uq_opt_outs_recipient_tenant_sender",
        "opt_outs",
        ["recipient", "tenant", "sender"],
        unique=True,
    )
    op.create_index("ix_opt_outs_tenant_id", "opt_outs", ["tenant", "id"])
    op.create_table(
        "sticky_senders",
        sa.Column("recipient", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("sender", sa.String(80)),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("recipient", "tenant", name="pk_sticky_senders"),
    )
    op.create_table(
        "keyword_answers",
        sa.Column("recipient", sa.String(16), nullable=False),
        sa.Column("sender", sa.String(80), nullable=False),
        sa.Column("keyword", sa.String(8), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("recipient", "sender", "keyword", name="pk_keyword_answers"),
    )
    op.create_table(
        "spend_alerts",
        _id(),
        sa.Column("scope", sa.String(96), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("used_micros", sa.BigInteger(), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger()),
        sa.Column("told", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spend_alerts"),
    )
    op.create_index(
        "uq_spend_alerts_scope_day_level", "spend_alerts", ["scope", "day", "level"], unique=True
    )
    op.create_index("ix_spend_alerts_next_attempt_at", "spend_alerts", ["next_attempt_at"])


def downgrade() -> None:
    op.drop_index("ix_spend_alerts_next_attempt_at", table_name="spend_alerts")
    op.drop_index("uq_spend_alerts_scope_day_level", table_name="spend_alerts")
    op.drop_table("spend_alerts")
    op.drop_table("keyword_answers")
    op.drop_table("sticky_senders")
    op.drop_index("ix_opt_outs_tenant_id", table_name="opt_outs")
    op.drop_index("uq_opt_outs_recipient_tenant_sender", table_name="opt_outs")
    op.drop_table("opt_outs")
