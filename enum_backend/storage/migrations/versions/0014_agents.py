"""Numbers that agents lease"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_LIVE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "agent_numbers",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("added_by", sa.String(80), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("lease_id", sa.String(40)),
        sa.Column("holder_key", sa.String(40)),
        sa.Column("holder_passport", sa.String(128)),
        sa.Column("held_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_agent_numbers"),
    )
    op.create_index("ix_agent_numbers_tenant_number", "agent_numbers", ["tenant", "number"])
    op.create_table(
        "agent_leases",
        sa.Column("lease_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("passport_id", sa.String(128), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("service", sa.String(64)),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("end_reason", sa.String(16)),
        sa.PrimaryKeyConstraint("lease_id", name="pk_agent_leases"),
    )
    for name, columns in (
        ("uq_agent_leases_number_live", ["number"]),
        ("uq_agent_leases_key_id_passport_id_live", ["key_id", "passport_id"]),
    ):
        op.create_index(
            name,
            "agent_leases",
            columns,
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        )
    for columns in (["key_id", "started_at"], ["tenant", "started_at"], ["ended_at"]):
        op.create_index(f"ix_agent_leases_{'_'.join(columns)}", "agent_leases", columns)
    op.create_table(
        "agent_reads",
        sa.Column("lease_id", sa.String(40), nullable=False),
        sa.Column("inbox_id", sa.String(40), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("claim", sa.String(32)),
        sa.Column("claimed_until", sa.BigInteger()),
        sa.Column("consumed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("lease_id", "inbox_id", name="pk_agent_reads"),
    )
    op.create_table(
        "agent_usage",
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("leases", "messages", "waits", "timeouts")
        ),
        sa.PrimaryKeyConstraint("key_id", "day", name="pk_agent_usage"),
    )
    op.create_table(
        "agent_purchases",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name="pk_agent_purchases"),
    )


def downgrade() -> None:
    for table in (
        "agent_purchases",
        "agent_usage",
        "agent_reads",
        "agent_leases",
        "agent_numbers",
    ):
        op.drop_table(table)
