"""Tenants, bindings, budgets of keys"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TENANTS_SO_FAR = """
INSERT INTO tenants (name, title, source, created_at)
SELECT name, '', 'api', CAST(:now AS BIGINT) FROM (
    SELECT 'default' AS name
    UNION SELECT tenant FROM api_keys
    UNION SELECT tenant FROM shim_tokens
    UNION SELECT tenant FROM numbers
    UNION SELECT tenant FROM outbox
) AS found
"""

_LISTS = (
    (
        "ix_outbox_tenant_id_ended_badly",
        ["tenant", "id"],
        "state IN ('failed', 'undelivered', 'expired', 'unknown')",
    ),
    ("ix_outbox_tenant_id_scheduled", ["tenant", "id"], "state = 'scheduled'"),
    (
        "ix_outbox_client_reference_tenant_id",
        ["client_reference", "tenant", "id"],
        "client_reference IS NOT NULL",
    ),
)

_BIND_INVENTORY = """
INSERT INTO bindings (number, tenant, proof, created_by, created_at)
SELECT number, tenant, 'inventory', source, created_at FROM numbers
"""


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("daily_cost_micros", sa.BigInteger()),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_tenants"),
    )
    op.create_table(
        "bindings",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("proof", sa.String(16), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_bindings"),
    )
    op.create_index("ix_bindings_tenant_number", "bindings", ["tenant", "number"])
    op.create_table(
        "binding_proofs",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_binding_proofs"),
    )
    op.create_index(
        "uq_binding_proofs_tenant_number", "binding_proofs", ["tenant", "number"], unique=True
    )
    op.create_index("ix_binding_proofs_expires_at", "binding_proofs", ["expires_at"])
    op.add_column("api_keys", sa.Column("daily_cost_micros", sa.BigInteger()))
    op.add_column("api_keys", sa.Column("per_minute", sa.Integer()))
    op.add_column("api_keys", sa.Column("senders", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("api_keys", sa.Column("expires_at", sa.BigInteger()))
    op.add_column("api_keys", sa.Column("last_used_at", sa.BigInteger()))
    op.execute(sa.text(_TENANTS_SO_FAR).bindparams(now=int(time.time() * 1000)))
    op.execute(_BIND_INVENTORY)
    for name, columns, condition in _LISTS:
        where = sa.text(condition)
        op.create_index(name, "outbox", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_inbox_sender_id", "inbox", ["sender", "id"])


def downgrade() -> None:
    op.drop_index("ix_inbox_sender_id", table_name="inbox")
    for name, _, _ in _LISTS:
        op.drop_index(name, table_name="outbox")
    for column in ("daily_cost_micros", "per_minute", "senders", "expires_at", "last_used_at"):
        op.drop_column("api_keys", column)
    op.drop_table("binding_proofs")
    op.drop_table("bindings")
    op.drop_table("tenants")
