"""My Users > user > SMS: a site administrator writes to a user."""

from __future__ import annotations

import pytest

from tests.acceptance.meshcentral.control import Control, control
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import MeshCentral

SENT = "SMS succesfuly sent."
NUMBER = "+14155550130"


@pytest.fixture(scope="module")
def text() -> str:
    """As long as MeshCentral lets it be, over two lines, outside GSM 03.38."""
    return "Maintenance at 18:00\nSpäter – “danach” ✓ ".ljust(160, "x")


async def test_arrives(admin: Control, provider: Provider, text: str) -> None:
    await admin.add_user("written", NUMBER)
    assert await admin.notice("smsuser", userid="user//written", msg=text) == SENT
    assert (await provider.next_to(NUMBER)).text == text


async def test_what_meshcentral_itself_refuses(
    admin: Control, mesh: MeshCentral, provider: Provider, text: str
) -> None:
    before = len(provider.messages)
    await admin.add_user("phoneless")
    notice = await admin.notice("smsuser", userid="user//phoneless", msg="hello")
    assert notice == "No phone number for this user"
    notice = await admin.notice("smsuser", userid="user//phoneless", msg=text + "x")
    assert notice == "Invalid SMS message"
    async with control(mesh, "phoneless") as user:
        notice = await user.notice("smsuser", userid="user//admin", msg="hello")
    assert notice == "No user management rights"
    assert len(provider.messages) == before


async def test_what_the_shim_refuses_is_an_error(admin: Control) -> None:
    await admin.add_user("unreachable", "..........")
    assert await admin.notice("smsuser", userid="user//unreachable", msg="hello") == "SMS error"
