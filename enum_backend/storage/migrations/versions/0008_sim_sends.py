"""What each SIM has sent"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sim_sends",
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("own_id", sa.String(length=36), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("card", "place", name=op.f("pk_sim_sends")),
    )
    op.create_index("ix_sim_sends_own_id", "sim_sends", ["own_id"], unique=False)
    op.create_index("ix_sim_sends_sent_at", "sim_sends", ["sent_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_sim_sends_sent_at", table_name="sim_sends")
    op.drop_index("ix_sim_sends_own_id", table_name="sim_sends")
    op.drop_table("sim_sends")
