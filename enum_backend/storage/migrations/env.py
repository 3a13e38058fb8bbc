"""Alembic's entry: runs the migrations on the database of `sqlalchemy.url`.

All of them in one write transaction: a crash leaves the old schema, and of two
programs that start at once the second finds the work done.
"""

from alembic import context

from enum_backend.storage.database import open_engine
from enum_backend.storage.tables import metadata

engine = open_engine(context.config.get_main_option("sqlalchemy.url", ""), 1)
try:
    with engine.execution_options(writing=True).connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()
finally:
    engine.dispose()
