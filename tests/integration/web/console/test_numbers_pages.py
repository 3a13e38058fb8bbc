"""Numbers, records and gateways, as an admin sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.inventory.telnyx import TelnyxBalance
from enum_backend.testing import RunningServer, running_server
from nvs.errors import NvsUnavailable
from nvs.number_record import Entry, Reading
from tests.integration.web.conftest import RECORDS
from tests.integration.web.console.conftest import OPEN, Browser
from tests.telnyx_numbers import NUMBER, FakeTelnyx, fake_telnyx


@pytest.fixture
async def telnyx() -> AsyncIterator[FakeTelnyx]:
    async with fake_telnyx() as fake:
        yield fake


@pytest.fixture
async def server(telnyx: FakeTelnyx) -> AsyncIterator[RunningServer]:
    settings: dict[str, Any] = {
        "mode": "live",
        "public_base_url": "https://sms.example.org",
        "gateways": {
            "telnyx": telnyx.settings(),
            "half": {"provider": "twilio", "account_sid": "AC1"},
            "http": {
                "provider": "url",
                "url": "https://sms.example.org/?n={{phone}}&t={{message}}",
            },
        },
        "limits": OPEN,
    }
    async with running_server(RECORDS, settings=settings) as running:
        yield running


@pytest.fixture
async def admin(server: RunningServer) -> AsyncIterator[Browser]:
    """Behind https its cookies are for https only."""
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(server.http_url))
    async with aiohttp.ClientSession(server.http_url, cookie_jar=jar) as http:
        browser = Browser(server, http)
        await browser.become_admin()
        yield browser


async def events(browser: Browser) -> list[str]:
    page = await browser.server.services.audit.page(limit=1000)
    return [entry.event_type for entry in page.entries]


async def test_a_number_is_searched_bought_and_given_back(
    admin: Browser, telnyx: FakeTelnyx
) -> None:
    empty = await admin.get("/numbers/search")
    assert "On sale" not in empty.words
    found = await admin.get("/numbers/search?area_code=415&features=sms%2Cvoice&quantity=10")
    assert "On sale" in found.words
    assert "1.00 USD" in found.words
    assert "price=1.5" in found.text
    path = "/numbers/buy?number=%2B14155550101&gateway=telnyx&price=1.50"
    asked = await admin.get(path)
    assert 'value="1.50"' in asked.text
    cheap = await admin.post("/numbers/buy", number=NUMBER, gateway="telnyx", price="1.00")
    assert cheap.status == 422
    assert 'id="price-error"' in cheap.text
    assert telnyx.owned == {}
    bought = await admin.post("/numbers/buy", number=NUMBER, gateway="telnyx", price="1.50")
    assert bought.url == "/admin/numbers"
    assert f"{NUMBER} is yours." in bought.words
    assert "2 numbers" in bought.words
    only = await admin.get("/numbers?gateway=telnyx&state=active&tenant=default")
    assert "+1 (415) 555-0101" in only.words
    assert "No numbers." in (await admin.get("/numbers?gateway=half")).words
    assert (await admin.get("/numbers?state=lost")).status == 422
    sure = await admin.get(f"/numbers/{NUMBER}/release")
    assert "telnyx" in sure.words
    assert telnyx.owned != {}
    gone = await admin.post(f"/numbers/{NUMBER}/release")
    assert "is given back" in gone.words
    assert telnyx.owned == {}
    again = await admin.post(f"/numbers/{NUMBER}/release")
    assert "This is not one of your" in again.words
    assert (await events(admin))[-2:] == ["NUMBER_BOUGHT", "NUMBER_RELEASED"]


async def test_an_order_that_takes_its_time(
    admin: Browser, telnyx: FakeTelnyx, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyer = admin.server.services.numbers._buyer
    monkeypatch.setattr(buyer, "_wait", 0.05)
    monkeypatch.setattr(buyer, "_pause", 0.01)
    await admin.get("/numbers/search?area_code=415&quantity=10")  # its price is known then
    telnyx.order_states = ["pending"] * 500
    ordered = await admin.post("/numbers/buy", number=NUMBER, gateway="telnyx", price="1.50")
    assert "is ordered" in ordered.words
    assert "pending" in ordered.words


async def test_what_cannot_be_searched_or_bought(admin: Browser) -> None:
    wrong = await admin.get("/numbers/search?country=USA&quantity=10")
    assert wrong.status == 422
    assert 'id="country-error"' in wrong.text
    nobody = await admin.get("/numbers/search?gateway=half&quantity=10")
    assert "half lacks" in nobody.words
    odd = await admin.post("/numbers/buy", number="abc", gateway="telnyx", price="1")
    assert odd.status == 422
    assert (await admin.get("/numbers/buy")).status == 422


async def test_what_a_number_is(admin: Browser) -> None:
    assert (await admin.get("/numbers/classify")).status == 200
    found = await admin.get("/numbers/classify?number=%2B447700900123")
    assert "Line type" in found.words
    assert "Ask a provider" in found.words
    asked = await admin.post("/numbers/classify", number="+447700900123")
    assert asked.status == 200
    assert (await events(admin))[-1] == "NUMBER_LOOKED_UP"
    wrong = await admin.get("/numbers/classify?number=abc")
    assert wrong.status == 422
    assert 'id="number-error"' in wrong.text


async def test_a_record_with_its_trust_and_problems(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Source: file" in (await admin.get("/enum")).words
    good = await admin.get("/enum?number=%2B14155551234")
    assert '100 10 "u" "E2U+sip" "!^.*$!sip:alice@pbx.example!" .' in good.words
    assert "operator" in good.words
    assert "canary-forward@example.com" in good.words
    bad = await admin.get("/enum?number=%2B14155550102")
    assert "Cannot be read" in bad.words
    assert "$.voice" in bad.words
    none = await admin.get("/enum?number=%2B14155559999")
    assert "There is no record" in none.words
    wrong = await admin.get("/enum?number=abc")
    assert (wrong.status, 'id="number-error"' in wrong.text) == (422, True)

    async def broken(*_: object) -> None:
        raise NvsUnavailable("the node is away")

    monkeypatch.setattr(type(admin.server.services.directory), "record", broken)
    assert "the node is away" in (await admin.get("/enum?number=%2B14155551234")).words


async def test_hostile_values_are_only_shown(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = b"<script>\x1b[31m\xff\nok\xe2\x80\xae"
    entry = Entry("enum:14155550105:0", value)
    reading = Reading("14155550105", (entry,), "memory")

    async def read(*_: object) -> Reading:
        return reading

    monkeypatch.setattr(type(admin.server.services.directory.source), "read", read)
    page = await admin.get("/enum?number=%2B14155550105")
    assert "&lt;script&gt;\\x1b[31m\\xff\nok\\x202e" in page.text
    assert "<script>\x1b" not in page.text


RECORD = {
    "number": "+14155550177",
    "voice": "sip:a@pbx.example\nsip:b@pbx.example",
    "sms_gateway": "telnyx",
    "services": "email:mailto=mailto:info@example.org",
    "ttl": "600",
}


async def test_a_record_is_written_without_scripts(admin: Browser) -> None:
    assert 'value="+14155550177"' in (await admin.get("/enum/build?number=%2B14155550177")).text
    built = await admin.post("/enum/build", **RECORD)
    assert "emercoin-cli name_new" in built.words
    assert "enum:7.7.1.0.5.5.5.5.1.4.1.e164.arpa" in built.words
    assert '"E2U+email:mailto"' in built.words
    assert " 365" in built.words
    fragment = await admin.post("/enum/build/preview", **RECORD)
    assert "<html" not in fragment.text
    assert "emercoin-cli name_new" in fragment.words
    lines = await admin.post("/enum/build/preview", **RECORD, format="enumer", kind="name_update")
    assert "enum:14155550177:0" in lines.words
    assert "name_update" in lines.words
    assert "SMS" in lines.words


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": "abc"}, "number"),
        ({"voice": "", "sms_gateway": "", "services": ""}, "voice"),
        ({"sms_gateway": "", "sms_number": "+14155550178"}, "sms_gateway"),
        ({"sms_gateway": "a b"}, "sms_gateway"),
        ({"sms_number": "abc"}, "sms_number"),
        ({"services": "no/service=x"}, "services"),
        ({"ttl": "-1"}, "ttl"),
        ({"days": "0"}, "days"),
        ({"address": "short"}, "address"),
        ({"format": "enumer", "forward_to": "x@example.org"}, "forward_to"),
    ],
)
async def test_a_wrong_record_names_its_field(
    admin: Browser, changes: dict[str, str], field: str
) -> None:
    await admin.get("/enum/build")
    page = await admin.post("/enum/build", **RECORD | changes)
    assert page.status == 422
    assert f'id="{field}-error"' in page.text
    fragment = await admin.post("/enum/build/preview", **RECORD | changes)
    assert fragment.status == 200
    assert 'class="said warn"' in fragment.text


async def test_gateways(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    page = await admin.get("/gateways")
    assert "Settings lack" in page.words
    assert "Default chain: telnyx" in page.words
    assert "half/test" not in page.text

    async def empty(*_: object) -> None:
        return None

    async def refused(*_: object) -> None:
        raise GatewayError(Reason.AUTH_FAILED, "no such key")

    async def late(*_: object) -> None:
        raise TimeoutError

    for answer, said in (
        (empty, "telnyx takes the credentials."),
        (refused, "telnyx refuses: auth failed: no such key."),
        (late, "telnyx did not answer"),
    ):
        monkeypatch.setattr(TelnyxBalance, "check", answer)
        assert said in (await admin.post("/gateways/telnyx/balance")).words
    assert "url cannot be asked." in (await admin.post("/gateways/http/balance")).words
    assert (await admin.get("/gateways/none/test")).status == 404


async def test_a_test_message(admin: Browser) -> None:
    form = await admin.get("/gateways/telnyx/test")
    assert "A real message is sent" in form.words
    wrong = await admin.post("/gateways/telnyx/test", to="abc")
    assert (wrong.status, 'id="to-error"' in wrong.text) == (422, True)
    assert (await admin.post("/gateways/half/test", to="+14155550134")).status == 503
    sent = await admin.post("/gateways/telnyx/test", to="+14155550134")
    assert "The test message is accepted." in sent.words
    assert sent.url.startswith("/admin/messages/msg_")
    assert (await events(admin))[-1] == "GATEWAY_TEST_SENT"
