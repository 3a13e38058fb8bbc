"""What a text is, in MeshCentral's languages: its own texts, and those of `mesh texts`."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from meshcentral_plugin.shim_kinds import recognise
from meshcentral_plugin.sms_texts import MAIN, TEXTS
from tests.acceptance.meshcentral.control import Control, LoginRefused, control
from tests.acceptance.meshcentral.provider import Provider, Sms
from tests.acceptance.meshcentral.server import MeshCentral
from tests.serving import Serving, enum_backend

LOGIN, VALIDATION = "a login code of MeshCentral", "MeshCentral's check of a phone number"
NUMBER = "+14155550140"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def user(admin: Control) -> str:
    await admin.add_user("polyglot", NUMBER)
    return "polyglot"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def our_texts(mesh: MeshCentral, home: Path) -> AsyncIterator[None]:
    """`mesh texts` in place while these tests run."""
    done = await enum_backend("mesh", "texts", "--out", str(mesh.texts), cwd=home)
    assert done[0] == 0, done
    yield
    shutil.rmtree(mesh.texts)
    mesh.texts.mkdir()


async def login_sms(mesh: MeshCentral, provider: Provider, user: str, language: str) -> Sms:
    before = len(provider.to(NUMBER))
    with pytest.raises(LoginRefused) as refused:
        async with control(mesh, user, token="**sms**", language=language):
            pass
    assert refused.value.answer.get("sms2fasent") is True
    return await provider.next_to(NUMBER, before)


async def about(backend: Serving, number: str = NUMBER) -> Any:
    """What our server takes the newest message to a number for."""
    async with backend.session() as http, http.get("/meshcentral/messages?limit=200") as answer:
        messages = (await answer.json())["messages"]
    return next(message["about"] for message in messages if message["to"] == number)


def test_every_text_of_its_own_is_recognised(node_modules: Path) -> None:
    folder = node_modules / "meshcentral" / "emails"
    files = [folder / "sms-messages.txt", *folder.glob("translations/sms-messages_*.txt")]
    assert len(files) > 30
    missed = []
    for file in files:
        lines = file.read_text("utf-8").splitlines()
        for purpose, line in zip(("validation", "login"), lines, strict=False):
            found = recognise(line.replace("[[0]]", "MeshTest").replace("[[1]]", "048291"))
            wanted = (purpose, "048291") if "[[1]]" in line else ("codeless", None)
            if (found.purpose, found.code) != wanted:
                missed.append((file.name, line, found.purpose))
    assert missed == []


def test_there_is_a_text_of_ours_for_each_of_its_languages(node_modules: Path) -> None:
    folder = node_modules / "meshcentral" / "emails" / "translations"
    names = {path.stem.partition("_")[2] for path in folder.glob("sms-messages_*.txt")}
    assert {name.partition("-")[0] for name in names} - set(TEXTS) == set()


@pytest.mark.parametrize("language", ["en", "de", "ja", "fr-CA,fr;q=0.9", "zh-cn"])
async def test_its_own_texts(
    mesh: MeshCentral, provider: Provider, backend: Serving, user: str, language: str
) -> None:
    sms = await login_sms(mesh, provider, user, language)
    assert sms.code
    assert await about(backend) == LOGIN


async def test_its_own_text_without_a_code(
    mesh: MeshCentral, provider: Provider, backend: Serving, user: str
) -> None:
    """Its Hindi login text has a placeholder that it does not know."""
    sms = await login_sms(mesh, provider, user, "hi")
    assert sms.text.endswith("[[१]]")
    assert "mesh texts" in await about(backend)


@pytest.mark.parametrize(
    ("language", "ours"),
    [
        ("en", "en"),
        ("de-AT", "de"),
        ("ja", "ja"),
        ("hi", "hi"),
        ("ar", "ar"),
        ("uk", "uk"),
        ("pt-br", "pt"),
        ("zh-cht", "zh"),
        ("tlh", MAIN),
    ],
)
@pytest.mark.usefixtures("our_texts")
async def test_our_texts(
    mesh: MeshCentral,
    provider: Provider,
    backend: Serving,
    user: str,
    language: str,
    ours: str,
) -> None:
    sms = await login_sms(mesh, provider, user, language)
    validation, login = (line.replace("[[0]]", "MeshTest") for line in TEXTS[ours])
    assert sms.text == login.replace("[[1]]", sms.code)
    assert await about(backend) == LOGIN

    number = f"+1555765{len(provider.messages):04}"
    async with control(mesh, token=sms.code, user=user, language=language) as session:
        assert (await session.ask("verifyPhone", phone=number))["success"] is True
    sms = await provider.next_to(number)
    assert sms.text == validation.replace("[[1]]", sms.code)
    assert await about(backend, number) == VALIDATION
