"""What makes MeshCentral fail open: it happens; we refuse it beforehand, or find it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from meshcentral_plugin.cli import mesh as mesh_command
from tests.acceptance.meshcentral.control import LoginRefused, control
from tests.acceptance.meshcentral.login_page import LoginPage
from tests.acceptance.meshcentral.server import MeshCentral, config_command, recipe, running
from tests.serving import OURS, Serving

VIA = ("--via", "enum-backend")
PHONE = "+14155550160"
ANY_CODE = "000000"
INSIDE, OUTSIDE, STRANGER = "10.1.2.3", "192.0.2.9", "127.0.0.2"
"""An address that needs no second factor, one that does, one that is not the proxy's."""


@dataclass(frozen=True)
class Workshop:
    """Makes one installation."""

    mesh: MeshCentral
    model: MeshCentral
    backend: Serving
    home: Path

    async def config(
        self, template: str, *arguments: str, values: Mapping[str, str] | None = None
    ) -> None:
        """`mesh config`, which finds nothing wrong."""
        done = await self._config(template, *arguments, values=values)
        assert done.exit_code == 0, done.output

    async def refused(
        self, trap: str, template: str, *arguments: str, values: Mapping[str, str] | None = None
    ) -> None:
        """`mesh config` refuses it with a reason and a fix, and makes it for `--allow` only;
        then `mesh doctor` finds it in the result.
        """
        done = await self._config(template, *arguments, "--json", values=values)
        assert done.exit_code == 1, done.output
        findings = json.loads(done.stdout)["findings"]
        (error,) = [item for item in findings if item["kind"] == "error"]
        assert error["trap"] == trap
        assert error["message"]
        assert error["fix"]
        assert not self.mesh.config.exists()

        await self.config(template, *arguments, "--allow", trap, values=values)

        url = arguments[-2:] if "--url" in arguments else ()
        done = await in_process("mesh", "doctor", "--config", str(self.mesh.config), "--json", *url)
        assert done.exit_code == 1, done.output
        found = [item for item in json.loads(done.stdout)["findings"] if trap in item["message"]]
        assert [(item["level"], item["fix"]) for item in found] == [("problem", error["fix"])]

    @asynccontextmanager
    async def started(self) -> AsyncIterator[MeshCentral]:
        """It runs, with the account `victim`, whose only second factor is SMS."""
        self.mesh.take_over(self.model)
        async with running(self.mesh):
            async with control(self.mesh) as admin:
                await admin.add_user("victim", PHONE)
            yield self.mesh

    async def _config(
        self, template: str, *arguments: str, values: Mapping[str, str] | None = None
    ) -> Result:
        command = config_command(
            self.mesh, self.backend, template, *arguments, values=values, home=self.home
        )
        return await in_process(*command)


async def in_process(*arguments: str) -> Result:
    """A command without a start of the interpreter; it has a loop of its own."""
    mesh_commands = click.Group(commands={"mesh": mesh_command})
    return await asyncio.to_thread(CliRunner().invoke, mesh_commands, list(arguments))


@pytest.fixture
def workshop(
    tmp_path: Path,
    mesh: MeshCentral,
    node_modules: Path,
    backend: Serving,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Workshop:
    for name in [name for name in os.environ if OURS.match(name)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(home)
    return Workshop(MeshCentral(tmp_path, node_modules), mesh, backend, home)


async def let_in(mesh: MeshCentral, **how: str) -> bool:
    """Whether `victim` gets in on the control socket."""
    try:
        async with control(mesh, "victim", **how):
            return True
    except LoginRefused as refused:
        if refused.message != "tokenrequired":
            raise
        return False


async def test_without_a_trap_the_password_is_not_enough(workshop: Workshop) -> None:
    await workshop.config(recipe(), *VIA)
    async with workshop.started() as mesh:
        assert await let_in(mesh) is False
        assert await let_in(mesh, token=ANY_CODE) is False


async def test_a_name_without_a_dot(workshop: Workshop) -> None:
    values = {"MESHCENTRAL_HOST": "localhost"}
    await workshop.refused("cert-without-dot", recipe(), *VIA, values=values)
    async with workshop.started() as mesh:
        async with LoginPage(mesh) as page:
            await page.log_in("victim")
            assert await page.signed_in_as() == "user//victim"
        assert await let_in(mesh, token=ANY_CODE) is True


async def test_a_broken_sms_section(workshop: Workshop) -> None:
    sms = {"provider": "url", "url": "https://sms.example.org/?to={{phone}}&text={{ message }}"}
    await workshop.refused("sms-broken", recipe(sms=sms))
    async with workshop.started() as mesh:
        assert await let_in(mesh) is True
        async with control(mesh) as admin:
            assert await admin.console('sms "+14155550161" "x"') == "No SMS gateway in use."


async def test_sms2factor_off(workshop: Workshop) -> None:
    rules = {"passwordRequirements": {"sms2factor": False}}
    await workshop.refused("sms2factor-off", recipe(domain=rules), *VIA)
    async with workshop.started() as mesh:
        assert await let_in(mesh) is True


async def test_force2factor_beside_it_asks_on_the_web_page_only(workshop: Workshop) -> None:
    rules = {"passwordRequirements": {"sms2factor": False, "force2factor": True}}
    await workshop.config(recipe(domain=rules), *VIA)
    async with workshop.started() as mesh:
        assert await let_in(mesh) is True


async def test_an_origin_that_is_not_the_name(workshop: Workshop, mesh: MeshCentral) -> None:
    other = "https://other.example.org"
    await workshop.refused("origin-mismatch", recipe(), *VIA, "--url", other)
    with pytest.raises(LoginRefused, match="invalidorigin"):
        async with control(mesh, origin=other):
            pass
    async with control(mesh, origin=mesh.origin):
        pass


async def test_a_list_of_origins_stands_instead_of_the_name(workshop: Workshop) -> None:
    other = "https://other.example.org"
    listed = recipe(domain={"allowedOrigin": ["other.example.org", "127.0.0.1"]})
    await workshop.config(listed, *VIA, "--url", other)
    async with workshop.started() as mesh:
        async with control(mesh, origin=other):
            pass
        with pytest.raises(LoginRefused, match="invalidorigin"):
            async with control(mesh, origin=mesh.origin):
                pass
        command = ("mesh", "doctor", "--config", str(mesh.config), "--url", mesh.url, "--json")
        found = json.loads((await in_process(*command)).stdout)["findings"]
        assert ("MeshCentral", "ok") in {(item["check"], item["level"]) for item in found}


async def test_a_proxy_that_is_everyone(workshop: Workshop) -> None:
    """With rules for addresses, a caller that names its own address is past the second factor."""
    inside = {"passwordRequirements": {"skip2factor": "10.0.0.0/8"}}
    template = recipe(domain=inside, settings={"tlsOffload": "127.0.0.1"})
    values = {"PROXY_ADDRESS": "0.0.0.0/0"}
    await workshop.refused("trusted-proxy-all", template, *VIA, values=values)
    async with workshop.started() as mesh:
        assert await let_in(mesh, address=STRANGER) is False
        assert await let_in(mesh, address=STRANGER, forwarded_for=OUTSIDE) is False
        assert await let_in(mesh, address=STRANGER, forwarded_for=INSIDE) is True


async def test_a_proxy_that_is_named(workshop: Workshop) -> None:
    """A stranger's address is its own; but a proxy must not let CF-Connecting-IP pass."""
    inside = {"passwordRequirements": {"skip2factor": "10.0.0.0/8"}}
    await workshop.config(recipe(domain=inside), *VIA)
    async with workshop.started() as mesh:
        assert await let_in(mesh, address=STRANGER, forwarded_for=INSIDE) is False
        assert await let_in(mesh, forwarded_for=OUTSIDE) is False
        assert await let_in(mesh, forwarded_for=OUTSIDE, cf_connecting_ip=INSIDE) is True
