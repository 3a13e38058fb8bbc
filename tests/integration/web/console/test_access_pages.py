"""Tenants, keys, opt-outs, on each kind of storage."""

from __future__ import annotations

import re

import pytest

from enum_backend.testing import RunningServer
from tests.integration.web.console.conftest import Browser

NUMBER = "+14155550177"


async def entries(browser: Browser) -> list[tuple[str, object]]:
    """(type, e-mail of the admin) of what the console has brought about."""
    page = await browser.server.services.audit.page(limit=1000)
    return [
        (entry.event_type, entry.metadata["adminEmail"])
        for entry in page.entries
        if entry.event_type.startswith(("TENANT", "KEY", "NUMBER", "OPT"))
    ]


async def test_a_tenant_from_its_making_to_its_end(anywhere: Browser) -> None:
    await anywhere.get("/tenants")
    wrong = await anywhere.post("/tenants", name="Not A Name", title="x")
    assert (wrong.status, 'id="name-error"' in wrong.text) == (422, True)
    assert 'value="Not A Name"' in wrong.text
    made = await anywhere.post("/tenants", name="acme", title="Acme", daily_cost="7.5")
    assert (made.url, "Tenant acme is made." in made.words) == ("/admin/tenants/acme", True)
    bad = await anywhere.post("/tenants/acme", title="Acme", daily_cost="-1")
    assert (bad.status, 'id="daily_cost-error"' in bad.text) == (422, True)
    changed = await anywhere.post("/tenants/acme", title="Acme GmbH", daily_cost="")
    assert 'value="Acme GmbH"' in changed.text
    bound = await anywhere.post("/tenants/acme/numbers", number="(415) 555-0177")
    assert f"{NUMBER} is the tenant&#39;s." in bound.text
    taken = await anywhere.post("/tenants/default/numbers", number=NUMBER)
    assert (taken.status, 'id="number-error"' in taken.text) == (422, True)
    kept = await anywhere.post("/tenants/acme/delete")
    assert "still has" in kept.words
    assert (await anywhere.get(f"/tenants/acme/numbers/{NUMBER}/unbind")).status == 200
    free = await anywhere.post(f"/tenants/acme/numbers/{NUMBER}/unbind")
    assert "is not the tenant's any more" in free.words
    again = await anywhere.post(f"/tenants/acme/numbers/{NUMBER}/unbind")
    assert 'class="said bad"' in again.text
    assert "Disable the tenant" in (await anywhere.get("/tenants/acme/switch")).words
    off = await anywhere.post("/tenants/acme/switch", disabled="yes")
    assert "The tenant is disabled." in off.words
    assert "Enable the tenant" in (await anywhere.get("/tenants/acme/switch")).words
    on = await anywhere.post("/tenants/acme/switch", disabled="no")
    assert "The tenant is enabled." in on.words
    assert "Delete the tenant" in (await anywhere.get("/tenants/acme/delete")).words
    gone = await anywhere.post("/tenants/acme/delete")
    assert gone.url == "/admin/tenants"
    assert (await anywhere.get("/tenants/acme")).status == 404
    found = await entries(anywhere)
    assert [event for event, _ in found] == [
        "TENANT_CREATED",
        "TENANT_CHANGED",
        "NUMBER_BOUND",
        "NUMBER_UNBOUND",
        "TENANT_CHANGED",
        "TENANT_CHANGED",
        "TENANT_DELETED",
    ]
    assert {email for _, email in found} == {"admin@example.org"}


async def test_a_key_is_shown_once(anywhere: Browser) -> None:
    form = await anywhere.get("/keys/new?tenant=default")
    assert "Scopes" in form.words
    bad = await anywhere.post("/keys/new", name="robot", scopes="numbers", senders="???")
    assert (bad.status, 'id="senders-error"' in bad.text) == (422, True)
    none = await anywhere.post("/keys/new", name="robot")
    assert (none.status, 'id="scopes-error"' in none.text) == (422, True)
    made = await anywhere.post(
        "/keys/new",
        name="robot",
        tenant="default",
        scopes="numbers",
        per_minute="5",
        daily_cost="2",
        senders="+14155550100\nAcme",
        expires_at="2030-01-01T00:00",
    )
    assert made.headers["Cache-Control"] == "no-store"
    (token,) = re.findall(r"ebk_[\w-]+", made.text)
    key = await anywhere.server.services.keys.authenticate(token)
    assert (key.name, key.per_minute, key.senders) == ("robot", 5, ("+14155550100", "Acme"))
    listed = await anywhere.get("/keys?tenant=default")
    assert "robot" in listed.words
    assert token not in listed.text
    assert "End this key?" in (await anywhere.get(f"/keys/{key.id}/revoke")).words
    gone = await anywhere.post(f"/keys/{key.id}/revoke")
    assert "robot is revoked." in gone.words
    assert "1 revoked key is not shown." in gone.words
    assert key.id in (await anywhere.get("/keys?revoked=yes")).text
    assert (await anywhere.post(f"/keys/{key.id}/revoke")).status == 404
    assert [event for event, _ in await entries(anywhere)] == ["KEY_CREATED", "KEY_REVOKED"]


async def test_opt_outs(anywhere: Browser) -> None:
    assert "Nobody has opted out." in (await anywhere.get("/opt-outs")).words
    wrong = await anywhere.post("/opt-outs", recipient="abc")
    assert (wrong.status, 'id="recipient-error"' in wrong.text) == (422, True)
    added = await anywhere.post("/opt-outs", recipient="(415) 555-0177", tenant="default")
    assert "gets no more messages" in added.words
    assert "+1 (415) 555-0177" in added.words
    assert "stood there already" in (await anywhere.post("/opt-outs", recipient=NUMBER)).words
    assert "No" in (await anywhere.get("/opt-outs?recipient=%2B14155550178")).words
    assert (await anywhere.get("/opt-outs?recipient=abc")).status == 422
    query = f"recipient={NUMBER.replace('+', '%2B')}&sender=%2A&tenant=default"
    assert "Take this opt-out back?" in (await anywhere.get(f"/opt-outs/remove?{query}")).words
    fields = {"recipient": NUMBER, "sender": "*", "tenant": "default"}
    assert "gets messages again" in (await anywhere.post("/opt-outs/remove", **fields)).words
    assert (await anywhere.post("/opt-outs/remove", **fields)).status == 404
    assert [event for event, _ in await entries(anywhere)] == ["OPT_OUT_ADDED", "OPT_OUT_REMOVED"]


async def test_long_lists_have_pages(admin: Browser) -> None:
    for number in range(51):
        await admin.post("/opt-outs", recipient=f"+1415555{number:04}")
    first = await admin.get("/opt-outs")
    (link,) = re.findall(r'rel="next" href="\?([^"]+)"', first.text)
    second = await admin.get(f"/opt-outs?{link}")
    assert "+1 (415) 555-0050" in second.words
    assert 'rel="next"' not in second.text


@pytest.mark.parametrize(
    "path",
    [
        "/tenants",
        "/tenants/default",
        "/tenants/default/numbers",
        "/tenants/default/delete",
        "/tenants/default/switch",
        "/keys/new",
        "/keys/key_x/revoke",
        "/opt-outs",
        "/opt-outs/remove",
        "/numbers/buy",
        f"/numbers/{NUMBER}/release",
        "/numbers/classify",
        "/enum/build",
        "/enum/build/preview",
        "/gateways/x/test",
        "/gateways/x/balance",
        "/deliveries/dead/replay",
        "/deliveries/x/replay",
        "/audit/verify",
        "/agents/pool",
        f"/agents/pool/{NUMBER}/remove",
        "/agents/leases/x/end",
    ],
)
async def test_nothing_is_posted_without_the_form_token(
    admin: Browser, server: RunningServer, path: str
) -> None:
    assert (await admin.post(path, csrf="wrong")).status == 403
    assert (await admin.post(path, csrf="")).status == 403
