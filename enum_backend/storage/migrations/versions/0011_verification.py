"""Verifications, fraud decisions and counts; messages whose text is made when they leave"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=True, nullable=False)


def upgrade() -> None:
    op.create_table(
        "verifications",
        _id(),
        sa.Column("verification_id", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("client", sa.String(80), nullable=False),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(128)),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("app_name", sa.String(64), nullable=False),
        sa.Column("locale", sa.String(16), nullable=False),
        sa.Column("domain", sa.String(253)),
        sa.Column("android_hash", sa.String(11)),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("decoy", sa.Boolean(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("sends", sa.SmallInteger(), nullable=False),
        sa.Column("resend_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_verifications"),
        sa.UniqueConstraint("verification_id", name="uq_verifications_verification_id"),
    )
    op.create_index("ix_verifications_number_purpose", "verifications", ["number", "purpose", "id"])
    op.create_index("ix_verifications_tenant_created_at", "verifications", ["tenant", "created_at"])
    for_somebody = sa.text("subject IS NOT NULL")
    op.create_index(
        "ix_verifications_subject",
        "verifications",
        ["subject", "id"],
        sqlite_where=for_somebody,
        postgresql_where=for_somebody,
    )
    op.create_table(
        "fraud_decisions",
        _id(),
        sa.Column("verification_id", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("country", sa.String(3), nullable=False),
        sa.Column("ip", sa.String(45)),
        sa.Column("subject", sa.String(128)),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("allowed_by", sa.String(16)),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("verified_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fraud_decisions"),
    )
    op.create_index("ix_fraud_decisions_verification_id", "fraud_decisions", ["verification_id"])
    op.create_index("ix_fraud_decisions_created_at", "fraud_decisions", ["created_at"])
    anonymous = sa.text("anonymous AND counted")
    op.create_index(
        "ix_fraud_decisions_anonymous",
        "fraud_decisions",
        ["number", "created_at"],
        sqlite_where=anonymous,
        postgresql_where=anonymous,
    )
    op.create_table(
        "fraud_counts",
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("bucket_at", sa.BigInteger(), nullable=False),
        sa.Column("country", sa.String(3), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("unverified", sa.Integer(), nullable=False),
        sa.Column("verified", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "bucket_at", "country", name="pk_fraud_counts"),
    )
    op.add_column("outbox", sa.Column("template", sa.String(40)))
    op.add_column("outbox", sa.Column("verification_id", sa.String(40)))
    of_codes = sa.text("verification_id IS NOT NULL")
    op.create_index(
        "ix_outbox_verification_id",
        "outbox",
        ["verification_id", "id"],
        sqlite_where=of_codes,
        postgresql_where=of_codes,
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_verification_id", table_name="outbox")
    op.drop_column("outbox", "verification_id")
    op.drop_column("outbox", "template")
    op.drop_table("fraud_counts")
    op.drop_index("ix_fraud_decisions_anonymous", table_name="fraud_decisions")
    op.drop_index("ix_fraud_decisions_created_at", table_name="fraud_decisions")
    op.drop_index("ix_fraud_decisions_verification_id", table_name="fraud_decisions")
    op.drop_table("fraud_decisions")
    op.drop_index("ix_verifications_subject", table_name="verifications")
    op.drop_index("ix_verifications_tenant_created_at", table_name="verifications")
    op.drop_index("ix_verifications_number_purpose", table_name="verifications")
    op.drop_table("verifications")
