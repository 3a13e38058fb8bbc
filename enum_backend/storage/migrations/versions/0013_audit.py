"""The audit log, append-only, and whom its pseudonyms stand for"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SQLITE = (
    """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
    """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
    WHEN OLD.seq IS NOT NULL OR OLD.mac IS NOT NULL OR NEW.id IS NOT OLD.id
      OR NEW.entry_id IS NOT OLD.entry_id OR NEW.event_type IS NOT OLD.event_type
      OR NEW.severity IS NOT OLD.severity OR NEW.description IS NOT OLD.description
      OR NEW.user_id IS NOT OLD.user_id OR NEW.details IS NOT OLD.details
      OR NEW.created_at IS NOT OLD.created_at
    BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
)
POSTGRES = (
    """CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit_log is append-only'; END $$""",
    """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log FOR EACH ROW
    WHEN (OLD.seq IS NOT NULL OR OLD.mac IS NOT NULL
      OR (NEW.id, NEW.entry_id, NEW.event_type, NEW.severity, NEW.description, NEW.user_id,
          NEW.details, NEW.created_at)
      IS DISTINCT FROM
         (OLD.id, OLD.entry_id, OLD.event_type, OLD.severity, OLD.description, OLD.user_id,
          OLD.details, OLD.created_at))
    EXECUTE FUNCTION audit_log_refuse()""",
)


def upgrade() -> None:
    id_type = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_log",
        sa.Column("id", id_type, autoincrement=True, nullable=False),
        sa.Column("entry_id", sa.String(24), nullable=False),
        sa.Column("event_type", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(6), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(40)),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("mac", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    is_open = sa.text("seq IS NULL")
    op.create_index("uq_audit_log_seq", "audit_log", ["seq"], unique=True)
    op.create_index(
        "ix_audit_log_id_open",
        "audit_log",
        ["id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_audit_log_severity_seq", "audit_log", ["severity", "seq"])
    op.create_index("ix_audit_log_event_type_seq", "audit_log", ["event_type", "seq"])
    op.create_index("ix_audit_log_user_id_seq", "audit_log", ["user_id", "seq"])
    op.create_table(
        "audit_people",
        sa.Column("pseudonym", sa.String(40), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("value_digest", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym", name="pk_audit_people"),
    )
    op.create_index(
        "uq_audit_people_person_value_digest",
        "audit_people",
        ["person", "value_digest"],
        unique=True,
    )
    op.create_index("ix_audit_people_value_digest", "audit_people", ["value_digest"])
    for statement in POSTGRES if _is_postgres() else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit_people")
    op.drop_table("audit_log")
    if _is_postgres():
        op.execute("DROP FUNCTION audit_log_refuse()")


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"
