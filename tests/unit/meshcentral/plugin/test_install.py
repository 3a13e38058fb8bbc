"""`mesh plugin install|pack`, as MeshCentral's data folders come."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from meshcentral_plugin.cli import mesh
from meshcentral_plugin.plugin_files import manifest_text, plugin_files

TOKEN = "0123456789-token-of-a-test"  # scan-secrets: allow
BASE = "http://sms.example.org:8080"
PLUGINS = "meshcentral-plugins.db"


class Place:
    """MeshCentral's data folder, and our command on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "meshcentral-data"
        self.data.mkdir()
        self.plugin = self.data / "plugins" / "enumbackend"
        self.token = folder / "token"
        self.token.write_text(f"{TOKEN}\n")
        self.configure({"settings": {"cert": "mesh.example.org"}, "domains": {"": {}}})

    def configure(self, document: Any) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        (self.data / "config.json").write_text(text)

    def json(self, name: str) -> Any:
        return json.loads((self.data / name).read_text("utf-8"))

    @property
    def listed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.data / PLUGINS).read_text().splitlines()]

    def run(self, *arguments: str) -> Result:
        data = ("--meshcentral-data", str(self.data), "--shim-base", BASE)
        given = (*data, "--token-file", str(self.token), *arguments)
        return CliRunner().invoke(mesh, ["plugin", "install", *given])

    def install(self, *arguments: str) -> dict[str, Any]:
        done = self.run("--json", *arguments)
        assert done.exit_code == 0, done.output
        document: dict[str, Any] = json.loads(done.output)
        return document

    def refusal(self, *arguments: str) -> str:
        """What is said; nothing is written."""
        before = self.everything()
        done = self.run(*arguments)
        assert done.exit_code == 1, done.output
        assert self.everything() == before
        return done.output

    def everything(self) -> dict[str, bytes | None]:
        return {
            str(path): path.read_bytes() if path.is_file() else None
            for path in self.data.rglob("*")
        }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


def test_into_a_stopped_server(place: Place) -> None:
    done = place.install()
    assert done["way"] == "database"
    assert done["changed"] == [
        str(place.plugin),
        str(place.data / "enumbackend.json"),
        str(place.data / PLUGINS),
        str(place.data / "config.json"),
    ]
    base = f"{BASE}/meshcentral/plugin"
    assert (place.plugin / "config.json").read_text() == manifest_text(base)
    for name, octets in plugin_files().items():
        assert (place.plugin / name).read_bytes() == octets
    assert place.json("enumbackend.json") == {
        "url": BASE,
        "token": TOKEN,
        "timeout_seconds": 10,
        "enabled": True,
        "fallback": False,
    }
    assert (place.data / "enumbackend.json").stat().st_mode & 0o777 == 0o600
    assert place.json("config.json") == {
        "settings": {"cert": "mesh.example.org", "plugins": {"enabled": True}},
        "domains": {"": {}},
    }
    (listed,) = place.listed
    assert (listed["shortName"], listed["status"], listed["type"]) == ("enumbackend", 1, "plugin")
    assert listed["downloadUrl"] == f"{base}/enumbackend.zip"
    assert any("password alone" in note for note in done["notes"])
    assert TOKEN not in json.dumps(done)


def test_again_it_changes_nothing(place: Place) -> None:
    place.install()
    before = place.everything()
    assert place.install()["changed"] == []
    assert "nothing to change" in place.run().output
    assert place.everything() == before


def test_what_was_chosen_stays_and_what_is_old_goes(place: Place) -> None:
    place.install()
    settings = place.json("enumbackend.json") | {"enabled": False, "timeout_seconds": 25}
    (place.data / "enumbackend.json").write_text(json.dumps(settings))
    (place.plugin / "lib" / "old.js").write_text("// of an older version")
    (place.plugin / "enumbackend.js").write_text("// older")
    changed = place.install()["changed"]
    assert changed == [str(place.plugin), str(place.data / "enumbackend.json")]
    assert not (place.plugin / "lib" / "old.js").exists()
    assert place.json("enumbackend.json") == settings
    assert sorted(path.name for path in place.plugin.parent.iterdir()) == ["enumbackend"]


def test_meshcentral_s_own_words_in_its_database(place: Place) -> None:
    """It appends: changed states, removed plugins, lines about indexes."""
    place.install()
    database = place.data / PLUGINS
    mine = place.listed[0] | {"_id": "Ab12Cd34Ef56Gh78", "status": 0, "author": "x"}
    other = {"_id": "other", "shortName": "other", "status": 1}
    lines = [{"$$indexCreated": {"fieldName": "x"}}, other, mine]
    database.write_text("\n".join(json.dumps(line) for line in lines))
    place.install()
    assert [line.get("_id") for line in place.listed] == [
        None,
        "other",
        "Ab12Cd34Ef56Gh78",
        "Ab12Cd34Ef56Gh78",
    ]
    assert place.listed[-1]["status"] == 1
    gone = {"$$deleted": True, "_id": "Ab12Cd34Ef56Gh78"}
    database.write_text("\n".join(json.dumps(line) for line in [other, mine, gone]) + "\n\n")
    place.install()
    assert json.loads(database.read_text().splitlines()[-1])["_id"] == "enumbackendplugin"
    database.write_text("\x00binary")
    assert "line 1: is not a document of NeDB" in place.refusal()


@pytest.mark.parametrize(
    ("plugins", "wanted"),
    [
        (None, {"enabled": True}),
        (False, {"enabled": True}),
        (True, True),
        ({}, {"enabled": True}),
        ({"enabled": False, "proxy": "http://p"}, {"enabled": True, "proxy": "http://p"}),
        ({"Enabled": True}, {"Enabled": True}),
    ],
)
def test_plugins_are_enabled_in_config_json(place: Place, plugins: Any, wanted: Any) -> None:
    place.configure({"Settings": {"Plugins": plugins}, "sms": {}})
    notes = place.install()["notes"]
    assert place.json("config.json") == {"Settings": {"Plugins": wanted}, "sms": {}}
    assert not any("password alone" in note for note in notes)


def test_a_list_is_kept_and_used(place: Place) -> None:
    place.configure({"settings": {"plugins": {"enabled": True, "list": ["other"]}}})
    assert place.install()["way"] == "list"
    assert place.json("config.json")["settings"]["plugins"] == {
        "enabled": True,
        "list": ["other", "enumbackend"],
    }
    assert not (place.data / PLUGINS).exists()
    assert place.install()["changed"] == []
    assert "settings.plugins.list is set" in place.refusal("--way", "database")


def test_a_list_where_there_was_none(place: Place) -> None:
    place.configure({"settings": {"plugins": True}})
    place.install("--way", "list")
    assert place.json("config.json")["settings"]["plugins"]["list"] == ["enumbackend"]


def test_a_list_must_not_switch_others_off(place: Place) -> None:
    (place.data / PLUGINS).write_text('{"_id": "1", "shortName": "other", "status": 1}\n')
    assert "would not load other" in place.refusal("--way", "list")


@pytest.mark.parametrize("name", ["mongodb", "MariaDB", "postgres", "sqlite3"])
def test_other_databases_need_another_way(place: Place, name: str) -> None:
    place.configure({"settings": {name: {"host": "db"}}})
    said = place.refusal()
    assert f"MeshCentral uses {name.lower()}" in said
    assert "--way list" in said
    assert place.install("--way", "list")["way"] == "list"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "holds no config.json"),
        ("{", "is not JSON"),
        ("[]", "expected a JSON object"),
        ({"shortName": "x"}, "is not a configuration of MeshCentral"),
        ({"settings": []}, "settings: expected an object"),
        ({"settings": {"plugins": 5}}, "settings.plugins: expected an object"),
        ('{"settings": {"cert": "a", "cert": "b"}}', "stands twice"),
    ],
)
def test_what_is_not_meshcentral_s_is_left_alone(place: Place, config: Any, said: str) -> None:
    if config is None:
        (place.data / "config.json").unlink()
    else:
        place.configure(config)
    assert said in place.refusal()


def test_a_foreign_plugin_folder_is_left_alone(place: Place) -> None:
    place.plugin.mkdir(parents=True)
    (place.plugin / "precious.txt").write_text("x")
    assert "holds something else" in place.refusal()
    (place.plugin / "config.json").write_text('{"shortName": "enumbackend"}')
    assert "holds something else" in place.refusal()
    (place.plugin / "config.json").write_text('{"shortName": "another"}')
    (place.plugin / "enumbackend.js").write_text("")
    assert "holds something else" in place.refusal()


def test_a_link_is_left_alone(place: Place) -> None:
    elsewhere = place.folder / "checkout"
    elsewhere.mkdir()
    place.plugin.parent.mkdir()
    place.plugin.symlink_to(elsewhere)
    assert "is a symbolic link" in place.refusal()


def test_broken_settings_are_not_overwritten(place: Place) -> None:
    (place.data / "enumbackend.json").write_text("{")
    assert "enumbackend.json: is not JSON" in place.refusal()


@pytest.mark.parametrize("token", ["short", "x" * 600, "with\nlines" * 4])
def test_what_is_no_token(place: Place, token: str) -> None:
    place.token.write_text(token)
    assert "token-file: expected a token" in place.refusal()


def test_what_is_no_address(place: Place) -> None:
    for url in ("sms.example.org", "http://sms.example.org/?a=b"):
        assert "must start with http" in place.refusal("--shim-base", url)


def test_a_token_file_needs_an_address(place: Place) -> None:
    arguments = ["--meshcentral-data", str(place.data), "--token-file", str(place.token)]
    done = CliRunner().invoke(mesh, ["plugin", "install", *arguments])
    assert done.exit_code == 1
    assert "shim-base: is needed" in done.output


def test_the_token_is_that_of_the_url(place: Place) -> None:
    """By default it comes from our database, by the server's name."""
    arguments = ["--meshcentral-data", str(place.data), "--server", "mesh.example.org"]
    done = CliRunner().invoke(mesh, ["plugin", "install", *arguments])
    assert done.exit_code == 0, done.output
    shown = CliRunner().invoke(mesh, ["tokens", "create", "mesh.example.org"])
    settings = place.json("enumbackend.json")
    assert settings["url"] == "http://127.0.0.1:8080"
    assert f"/meshcentral/sms/{settings['token']}?" in shown.output


def test_owner_and_mode_stay(place: Place) -> None:
    config = place.data / "config.json"
    config.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(place.data, 12345, 12345)
        os.chown(config, 12345, 54321)
    place.install()
    assert config.stat().st_mode & 0o777 == 0o640
    assert (place.plugin / "enumbackend.js").stat().st_mode & 0o777 == 0o644
    if os.geteuid() == 0:
        assert (config.stat().st_uid, config.stat().st_gid) == (12345, 54321)
        for path in (place.plugin, place.plugin / "lib" / "sender.js", place.data / PLUGINS):
            assert path.stat().st_uid == 12345, path


def test_what_cannot_be_written_is_said(place: Place) -> None:
    (place.data / "plugins").write_text("a file, where MeshCentral has a folder")
    done = place.run()
    assert done.exit_code == 1
    assert "meshcentral-data:" in done.output
    assert place.json("config.json")["settings"] == {"cert": "mesh.example.org"}


def test_pack(place: Place) -> None:
    def pack(out: str, *arguments: str) -> dict[str, Any]:
        given = ["plugin", "pack", "--out", str(place.folder / out), "--json", *arguments]
        done = CliRunner().invoke(mesh, given)
        assert done.exit_code == 0, done.output
        document: dict[str, Any] = json.loads(done.output)
        return document

    own = pack("own")
    assert own["enter"] == "http://127.0.0.1:8080/meshcentral/plugin/config.json"
    there = pack("a/b", "--base-url", "https://files.example.org/mesh/")
    assert there["enter"] == "https://files.example.org/mesh/config.json"
    assert pack("c", "--base-url", "https://files.example.org/mesh")["sha256"] == there["sha256"]
    assert own["sha256"] != there["sha256"]
    written = json.loads((place.folder / "a/b/config.json").read_text())
    assert written["downloadUrl"] == "https://files.example.org/mesh/enumbackend.zip"
    named = pack("d/mesh plugin.zip", "--base-url", "https://files.example.org/mesh")
    assert [Path(path).name for path in named["written"]] == ["config.json", "mesh plugin.zip"]
    written = json.loads((place.folder / "d/config.json").read_text())
    assert written["downloadUrl"] == "https://files.example.org/mesh/mesh%20plugin.zip"
    text = CliRunner().invoke(mesh, ["plugin", "pack"]).output
    assert "enumbackend-plugin/enumbackend.zip" in text
    assert "Download Plugin" in text


def test_pack_never_replaces_what_is_not_its_own(place: Place) -> None:
    before = place.everything()
    done = CliRunner().invoke(mesh, ["plugin", "pack", "--out", str(place.data)])
    assert done.exit_code == 1
    assert "is not the plugin's" in done.output
    assert place.everything() == before
    done = CliRunner().invoke(mesh, ["plugin", "pack", "--out", "token/x"])
    assert done.exit_code == 1
    assert "cannot be written" in done.output
