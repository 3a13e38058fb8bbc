"""How MeshCentral comes to load a plugin: its list in config.json, or its plugin database.

MeshCentral loads the plugins of `settings.plugins.list` and then no others; without that list
it loads those its database has as enabled. With NeDB, its default, that database is a file of
one JSON document a line, of which the last of each `_id` counts.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, Final

from enum_backend.errors import wrong_field
from meshcentral_plugin.plugin_files import SHORT_NAME

DATABASE: Final = "meshcentral-plugins.db"
OTHER_DATABASES: Final = (
    "acebase",
    "mariadb",
    "mongodb",
    "mysql",
    "postgres",
    "sqlite3",
    "xmongodb",
)
_ID = "enumbackendplugin"
_KEPT = (
    "name",
    "shortName",
    "version",
    "description",
    "hasAdminPanel",
    "homepage",
    "changelogUrl",
    "configUrl",
    "downloadUrl",
    "repository",
    "meshCentralCompat",
)


def plugin_list(config: Mapping[str, Any]) -> list[Any] | None:
    """`settings.plugins.list`, None = MeshCentral goes by its database."""
    plugins = _get(_get(config, "settings") or {}, "plugins")
    found = _get(plugins, "list") if isinstance(plugins, dict) else None
    return found if isinstance(found, list) else None


def other_database(config: Mapping[str, Any]) -> str | None:
    """The database MeshCentral uses instead of NeDB."""
    settings = _get(config, "settings") or {}
    return next((name for name in OTHER_DATABASES if _get(settings, name)), None)


def enabled(config: Mapping[str, Any], *, listed: bool) -> dict[str, Any]:
    """The configuration with plugins enabled, and ours in the list if it is to stand there.

    Raises:
        ValidationFailed: `settings` or `settings.plugins` is not what MeshCentral reads.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(config))
    settings = changed.setdefault(_name(changed, "settings"), {})
    if not isinstance(settings, dict):
        raise wrong_field("settings", "expected an object")
    name = _name(settings, "plugins")
    plugins = settings.get(name)
    if plugins is None or isinstance(plugins, bool):
        plugins = {"enabled": True} if listed or not plugins else plugins
    if isinstance(plugins, dict):
        if _get(plugins, "enabled") in (None, False):
            plugins[_name(plugins, "enabled")] = True
        if listed:
            listing = plugins.setdefault(_name(plugins, "list"), [])
            if SHORT_NAME not in listing:
                listing.append(SHORT_NAME)
    elif plugins is not True:
        raise wrong_field("settings.plugins", "expected an object")
    settings[name] = plugins
    return changed


def others_enabled(database: str) -> list[str]:
    """Other plugins that the database has as enabled."""
    found = [doc for doc in _documents(database).values() if doc.get("status") == 1]
    return sorted(str(doc.get("shortName")) for doc in found if doc.get("shortName") != SHORT_NAME)


def listed_in(database: str, manifest: Mapping[str, Any]) -> str:
    """The plugin database's text with our plugin enabled; the same text if it is already.

    Raises:
        ValidationFailed: the file is not NeDB's.
    """
    present = [d for d in _documents(database).values() if d.get("shortName") == SHORT_NAME]
    wanted = {name: manifest[name] for name in _KEPT} | {"status": 1, "type": "plugin"}
    wanted["_id"] = present[-1]["_id"] if present else _ID
    if present and {name: present[-1].get(name) for name in wanted} == wanted:
        return database
    gap = "" if not database or database.endswith("\n") else "\n"
    return f"{database}{gap}{json.dumps(wanted)}\n"


def _documents(database: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(database.splitlines(), 1):
        if not line.strip():
            continue
        document = _document(line)
        if document is None:
            raise wrong_field(DATABASE, f"line {number}: is not a document of NeDB")
        identifier = str(document.get("_id", ""))
        found.pop(identifier, None)
        if identifier and not document.get("$$deleted"):
            found[identifier] = document
    return found


def _document(line: str) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _get(document: Any, name: str) -> Any:
    return document.get(_name(document, name)) if isinstance(document, dict) else None


def _name(document: Mapping[str, Any], name: str) -> str:
    """The name as it stands there: MeshCentral reads any case."""
    return next((key for key in document if key.lower() == name), name)
