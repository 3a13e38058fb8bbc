"""Tables, migrations, the database, and the key that seals what is stored."""

from enum_backend.storage.database import Database
from enum_backend.storage.sealing import Sealer

__all__ = ["Database", "Sealer"]
