"""Emercoin name-value storage, as far as phone numbers are concerned.

A library of its own: names, value formats, trust, and where entries come from.
It knows nothing of HTTP servers, DNS servers or SMS.
"""

from nvs.directory import Directory
from nvs.errors import InvalidNumber, NvsError, NvsUnavailable
from nvs.formats import parse_entry
from nvs.names import to_e164_name, to_nvs_digits
from nvs.number_record import NumberRecord, ParsedEntry
from nvs.sources import FileSource, MemorySource, RecordSource, RpcSource
from nvs.trust import Owner, TrustPolicy

__all__ = [
    "Directory",
    "FileSource",
    "InvalidNumber",
    "MemorySource",
    "NumberRecord",
    "NvsError",
    "NvsUnavailable",
    "Owner",
    "ParsedEntry",
    "RecordSource",
    "RpcSource",
    "TrustPolicy",
    "parse_entry",
    "to_e164_name",
    "to_nvs_digits",
]
