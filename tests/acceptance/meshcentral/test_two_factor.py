"""Login with a code by SMS: a wrong code is refused, the right one lets in, once."""

from __future__ import annotations

import pytest

from tests.acceptance.meshcentral.control import Control, LoginRefused, control
from tests.acceptance.meshcentral.login_page import (
    ASKS_FOR_TOKEN,
    INVALID_TOKEN,
    SMS_SENT,
    LoginPage,
)
from tests.acceptance.meshcentral.provider import Provider, Sms
from tests.acceptance.meshcentral.server import MeshCentral


def another(sms: Sms) -> str:
    return f"{(int(sms.code) + 1) % 1_000_000:06}"


async def test_on_the_login_page(admin: Control, mesh: MeshCentral, provider: Provider) -> None:
    number = "+14155550120"
    await admin.add_user("paged", number)
    async with LoginPage(mesh) as page:
        await page.log_in("paged")
        assert (page.mode, page.message) == (ASKS_FOR_TOKEN, 0)
        assert await page.signed_in_as() == ""
        await page.ask_for_sms()
        assert (page.mode, page.message) == (ASKS_FOR_TOKEN, SMS_SENT)
        sms = await provider.next_to(number)
        assert sms.text == f"MeshTest access token is: {sms.code}"

        await page.enter(another(sms))
        assert (page.mode, page.message) == (ASKS_FOR_TOKEN, INVALID_TOKEN)
        assert await page.signed_in_as() == ""

        await page.enter(sms.code)
        assert await page.signed_in_as() == "user//paged"
    assert len(provider.to(number)) == 1


async def test_on_the_control_socket(admin: Control, mesh: MeshCentral, provider: Provider) -> None:
    number = "+14155550121"
    await admin.add_user("tooled", number)
    with pytest.raises(LoginRefused, match="tokenrequired") as refused:
        async with control(mesh, "tooled"):
            pass
    assert refused.value.answer["sms2fa"] is True
    with pytest.raises(LoginRefused, match="tokenrequired") as refused:
        async with control(mesh, "tooled", token="**sms**"):
            pass
    assert refused.value.answer["sms2fasent"] is True
    sms = await provider.next_to(number)
    with pytest.raises(LoginRefused, match="tokenrequired"):
        async with control(mesh, "tooled", token=another(sms)):
            pass
    async with control(mesh, "tooled", token=sms.code) as session:
        assert session.user == "user//tooled"
    with pytest.raises(LoginRefused, match="tokenrequired"):
        async with control(mesh, "tooled", token=sms.code):
            pass


async def test_the_record_chooses_the_gateway(
    admin: Control, mesh: MeshCentral, provider: Provider
) -> None:
    number = "+14155550190"
    await admin.add_user("branched", number)
    with pytest.raises(LoginRefused):
        async with control(mesh, "branched", token="**sms**"):
            pass
    assert (await provider.next_to(number)).gateway == "branch"
