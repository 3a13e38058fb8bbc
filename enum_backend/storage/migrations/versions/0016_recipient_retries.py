"""Messages that were sent again count for their recipients' limits"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recipient_retries",
        sa.Column("destination", sa.String(length=16), nullable=False),
        sa.Column("recipient_seq", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "recipient_seq", name=op.f("pk_recipient_retries")),
    )


def downgrade() -> None:
    op.drop_table("recipient_retries")
