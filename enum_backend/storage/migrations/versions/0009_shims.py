"""Settings of shim tokens, and an index for what their programs sent"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("per_minute", sa.Integer()),
    ("per_hour", sa.Integer()),
    ("per_day", sa.Integer()),
    ("region", sa.String(2)),
    ("sender", sa.String(32)),
    ("gateway", sa.String(64)),
    ("app", sa.String(80)),
    ("template", sa.Text()),
    ("secret", sa.LargeBinary()),
)
_OF_PROGRAMS = "kind IN ('code', 'admin')"


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("shim_tokens", sa.Column(name, kind))
    where = sa.text(_OF_PROGRAMS)
    op.create_index(
        "ix_outbox_client_created_at_of_programs",
        "outbox",
        ["client", "created_at"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_client_created_at_of_programs", table_name="outbox")
    for name, _ in _COLUMNS:
        op.drop_column("shim_tokens", name)
