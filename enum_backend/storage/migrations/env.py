"""Alembic's entry: runs the migrations on the connection that `storage.schema` hands over.

The transaction is the caller's, so that they are done together or not at all.
"""

from alembic import context

from enum_backend.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
