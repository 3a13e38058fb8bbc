"""My Account > Manage phone number: the code comes through the shim and is typed back."""

from __future__ import annotations

from tests.acceptance.meshcentral.control import Control, control
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import MeshCentral


async def test_the_right_code_verifies(
    admin: Control, mesh: MeshCentral, provider: Provider
) -> None:
    await admin.add_user("validated")
    typed, number = "+1 415-555.0110", "+14155550110"
    async with control(mesh, "validated") as user:
        asked = await user.ask("verifyPhone", phone=typed)
        assert asked["success"] is True
        sms = await provider.next_to(number)
        assert sms.text == f"MeshTest verification code is: {sms.code}"

        wrong = f"{(int(sms.code) + 1) % 1_000_000:06}"
        again = await user.ask("confirmPhone", "verifyPhone", cookie=asked["cookie"], code=wrong)
        assert again["cookie"] == asked["cookie"]
        assert "phone" not in await admin.account("validated")

        changed = await user.ask(
            "confirmPhone", "accountchange", cookie=asked["cookie"], code=sms.code
        )
        assert changed["account"]["phone"] == typed
    assert (await admin.account("validated"))["phone"] == typed


async def test_what_the_shim_refuses_is_known_to_the_server(
    admin: Control, mesh: MeshCentral, provider: Provider
) -> None:
    """The page does not show it; `success` is all MeshCentral tells anyone."""
    await admin.add_user("refused")
    async with control(mesh, "refused") as user:
        asked = await user.ask("verifyPhone", phone="..........")
    assert asked["success"] is False
