"""Tables, migrations, the database, and the key that seals what is stored."""

from enum_backend.storage.database import Database, open_database
from enum_backend.storage.sealing import Sealer

__all__ = ["Database", "Sealer", "open_database"]
