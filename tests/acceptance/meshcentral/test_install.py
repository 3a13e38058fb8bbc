"""Where MeshCentral is not installed, the tests skip; in CI they fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.meshcentral import install


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def test_skipped_with_the_command_that_installs_it(nowhere: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"(install$|needs node)"):
        install.required()
    assert list(nowhere.iterdir()) == []


def test_without_npm_ci_fails(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", str(nowhere))
    with pytest.raises(pytest.fail.Exception, match="needs node and npm"):
        install.required()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="needs node"):
        install.required()
