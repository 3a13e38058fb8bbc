"""Alembic's entry: runs the migrations on the database of `sqlalchemy.url`."""

from alembic import context
from sqlalchemy import create_engine

from enum_backend.storage.tables import metadata

engine = create_engine(context.config.get_main_option("sqlalchemy.url", ""))
try:
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=metadata, transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
finally:
    engine.dispose()
