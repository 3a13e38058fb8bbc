"""One MeshCentral, our server behind it and a provider behind that, for all tests here.

All run on one worker (`tests/workers.py`) and in one loop: starting them takes seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

from tests.acceptance.meshcentral import install
from tests.acceptance.meshcentral.control import Control, control
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import (
    START_SECONDS,
    MeshCentral,
    configured,
    recipe,
    running,
)
from tests.serving import Serving, serving

shared = pytest_asyncio.fixture(scope="session", loop_scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop, and time to install it."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            if is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.timeout(install.SECONDS + START_SECONDS + 120))


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where MeshCentral is installed."""
    return install.required()


@shared
async def provider() -> AsyncIterator[Provider]:
    """What our server's gateways send to."""
    async with Provider() as provider:
        yield provider


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our server's folder: settings, database, log."""
    return tmp_path_factory.mktemp("enum-backend")


@shared
async def backend(home: Path, provider: Provider) -> AsyncIterator[Serving]:
    """`enum-backend serve` with two gateways; a record leads one number to the second."""
    settings = f"""
        default_region = "US"
        [nvs]
        file = "records.json"
        [routing]
        default = ["office"]
        [limits]
        shim_per_minute = 0
        per_recipient_hour = 0
        per_recipient_day = 0
        {provider.gateway("office")}
        {provider.gateway("branch")}
    """
    (home / "records.json").write_text(
        '{"enum:14155550190:0": {"sms": "branch:+14155550190"}}', "utf-8"
    )
    async with serving(home, settings) as server:
        yield server


@shared
async def mesh(
    node_modules: Path, backend: Serving, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MeshCentral]:
    """MeshCentral as the recipe makes it, its SMS through our server."""
    folder = tmp_path_factory.mktemp("meshcentral")
    mesh = await configured(folder, node_modules, backend, recipe(), cwd=home)
    # It looks for the folder when it starts, for the texts in it when it sends.
    mesh.texts.mkdir(parents=True)
    async with running(mesh):
        yield mesh


@shared
async def admin(mesh: MeshCentral) -> AsyncIterator[Control]:
    """A full administrator's session."""
    async with control(mesh) as session:
        yield session
