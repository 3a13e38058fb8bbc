"""How fast gateways and senders may send, over all processes"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway_paces",
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("empty_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", name=op.f("pk_gateway_paces")),
    )
    op.create_table(
        "sender_paces",
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "sender", name=op.f("pk_sender_paces")),
    )


def downgrade() -> None:
    op.drop_table("sender_paces")
    op.drop_table("gateway_paces")
