"""Who may give a name to a listed address, and what it is believed for, over both live sources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from nvs.alerts import Alert, AlertKind
from nvs.directory import Directory
from nvs.mirror import Mirror
from nvs.number_record import AssessedEntry, NumberRecord, TrustLevel
from nvs.rpc import RpcClient
from nvs.sources import RpcSource
from nvs.testing import FakeChain, FakeNode, Operation
from nvs.testing.chain_addresses import read_address
from nvs.tollfree_source import TollFreeName
from nvs.trust import Owner, TrustPolicy
from tests.unit.nvs.mirror_kit import ALSO, DirectClient

NUMBER = "14155551234"
E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
FIRST = f"enum:{NUMBER}:0"
SECOND = f"enum:{NUMBER}:1"
OWN = '{"voice":"sip:own@pbx.example","sms":"office:+14155551234"}'
FOREIGN = '{"voice":"sip:evil@pbx.example","sms":"evil:+15555550199"}'
NOT_SIGNED = "registered to a listed address but not signed by it"

LookUp = Callable[[], Awaitable[NumberRecord]]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=40)


@pytest.fixture(params=["p2wpkh", "p2pkh", "p2sh"])
def form(request: pytest.FixtureRequest) -> dict[str, bool]:
    return {"p2wpkh": {}, "p2pkh": {"legacy": True}, "p2sh": {"script": True}}[request.param]


@pytest.fixture
def owner(chain: FakeChain, form: dict[str, bool]) -> str:
    return chain.new_address(**form)


@pytest.fixture
def thief(chain: FakeChain, form: dict[str, bool]) -> str:
    return chain.stranger(**form)


@pytest.fixture
def policy(owner: str) -> TrustPolicy:
    return TrustPolicy((Owner(owner, "office", ("+1415",)),))


@pytest.fixture
def alerts() -> list[Alert]:
    return []


@pytest.fixture(params=["rpc", "mirror"])
async def look_up(
    request: pytest.FixtureRequest,
    chain: FakeChain,
    owner: str,
    policy: TrustPolicy,
    alerts: list[Alert],
    tmp_path: Path,
) -> AsyncIterator[LookUp]:
    """Look the number up as it is now; the source is the same each time."""
    client = DirectClient(chain)
    rules = TollFreeName("enum:tollfree")
    if request.param == "rpc":
        source = RpcSource(client, ttl=0.0, negative_ttl=0.0)
        directory = Directory(source, policy, rules, on_alert=alerts.append)
        yield lambda: record_of(directory)
        await source.close()
        return
    async with Mirror(tmp_path / "m", client, also=ALSO, signers=[owner]) as mirror:
        directory = Directory(mirror.reader(), policy, rules, on_alert=alerts.append)

        async def synced() -> NumberRecord:
            await mirror.sync()
            return await record_of(directory)

        yield synced


async def record_of(directory: Directory) -> NumberRecord:
    record = await directory.record(NUMBER)
    assert record is not None
    return record


def entry(record: NumberRecord, name: str) -> AssessedEntry:
    return next(item for item in record.entries if item.entry.name == name)


def gateway(record: NumberRecord) -> str:
    assert record.sms is not None
    return record.sms.gateway


# The owner's own ---------------------------------------------------------------------------


async def test_the_owner_registers_and_updates(
    chain: FakeChain, owner: str, look_up: LookUp, alerts: list[Alert]
) -> None:
    chain.name_new(E164, OWN, address=owner)
    chain.mine()
    record = await look_up()
    assert (record.trust.level, record.trust.tenant) == (TrustLevel.OPERATOR, "office")
    assert record.trust.reason.endswith("; it signed this value")
    chain.name_update(E164, OWN, 10, address=owner)
    chain.mine()
    record = await look_up()
    assert record.trust.level is TrustLevel.OPERATOR
    assert gateway(record) == "office"
    assert alerts == []


async def test_another_coin_of_the_wallet_pays(
    chain: FakeChain, owner: str, look_up: LookUp, alerts: list[Alert]
) -> None:
    """A registration is signed by whose coins pay; an update by the owner in any case."""
    elsewhere = chain.new_address()
    chain.name_new(E164, OWN, address=owner, paid_by=elsewhere)
    chain.mine()
    record = await look_up()
    assert record.trust.level is TrustLevel.UNTRUSTED
    assert f"{NOT_SIGNED}: anybody may have written this, until {owner}" in record.trust.reason
    assert [(alert.kind, alert.name) for alert in alerts] == [(AlertKind.OPERATOR_LOST, E164)]
    assert "is no operator's entry: registered to a listed address" in alerts[0].detail
    await look_up()
    assert len(alerts) == 1
    chain.name_update(E164, OWN, 1, address=owner, paid_by=elsewhere)
    chain.mine()
    assert (await look_up()).trust.level is TrustLevel.OPERATOR


async def test_any_input_of_several_counts(
    chain: FakeChain, owner: str, thief: str, look_up: LookUp
) -> None:
    operation = chain.op(Operation.NEW, E164, OWN, 5, owner)
    chain.send(operation, paid_by=(thief, chain.new_address(legacy=True), owner))
    chain.mine()
    assert (await look_up()).trust.level is TrustLevel.OPERATOR


# Somebody else's ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [E164, FIRST])
async def test_somebody_registers_to_the_owner(
    chain: FakeChain, owner: str, thief: str, look_up: LookUp, name: str
) -> None:
    chain.name_new(name, FOREIGN, address=owner, paid_by=thief)
    chain.mine()
    record = await look_up()
    assert (record.trust.level, record.trust.tenant) == (TrustLevel.UNTRUSTED, None)
    assert record.trust.unsigned
    assert NOT_SIGNED in record.trust.reason


@pytest.mark.parametrize(("own", "foreign"), [(FIRST, SECOND), (FIRST, E164), (E164, FIRST)])
async def test_a_further_name_of_the_number_does_not_speak(
    chain: FakeChain, owner: str, thief: str, look_up: LookUp, own: str, foreign: str
) -> None:
    chain.name_new(own, OWN, address=owner)
    chain.mine()
    chain.name_new(foreign, FOREIGN, address=owner, paid_by=thief)
    chain.mine()
    record = await look_up()
    assert record.trust.level is TrustLevel.OPERATOR
    assert gateway(record) == "office"
    assert [service.uri for service in record.services if service.uri] == [
        "sip:own@pbx.example",
        "tel:+14155551234",
    ]
    assert entry(record, foreign).trust.unsigned


async def test_somebody_gives_his_name_to_the_owner(
    chain: FakeChain, owner: str, thief: str, look_up: LookUp
) -> None:
    chain.name_new(E164, "x", address=thief)
    chain.mine()
    chain.name_update(E164, FOREIGN, address=owner, paid_by=thief)
    chain.mine()
    record = await look_up()
    assert entry(record, E164).entry.address == owner
    assert record.trust.unsigned
    chain.name_update(E164, OWN, address=owner, paid_by=thief)
    chain.mine()
    record = await look_up()
    assert (record.trust.level, gateway(record)) == (TrustLevel.OPERATOR, "office")


async def test_a_lapsed_name_comes_back_with_another_value(
    chain: FakeChain, owner: str, thief: str, look_up: LookUp, alerts: list[Alert]
) -> None:
    chain.name_new(E164, OWN, 1, address=owner)
    chain.mine()
    assert (await look_up()).trust.level is TrustLevel.OPERATOR
    chain.mine(176)
    chain.name_new(E164, FOREIGN, address=owner, paid_by=thief)
    chain.mine()
    record = await look_up()
    assert record.trust.unsigned
    (alert,) = alerts
    assert "was an operator's entry of tenant office, now: registered to a listed" in alert.detail


async def test_a_reorganisation_brings_another_signer(
    chain: FakeChain, owner: str, thief: str, look_up: LookUp
) -> None:
    chain.name_new(E164, OWN, address=owner)
    chain.mine()
    assert (await look_up()).trust.level is TrustLevel.OPERATOR
    chain.reorg(1, change=lambda c: c.name_new(E164, FOREIGN, address=owner, paid_by=thief))
    assert (await look_up()).trust.unsigned
    chain.reconsider()
    chain.mine(3)
    assert (await look_up()).trust.level is TrustLevel.OPERATOR


async def test_tollfree_rules_that_somebody_gave_to_the_owner(
    chain: FakeChain, owner: str, thief: str, look_up: LookUp
) -> None:
    rules = "=1415[0-9]+\nE2U+sip=100|10|!^.*$!sip:evil@pbx.example!"
    chain.name_new("enum:tollfree", rules, address=owner, paid_by=thief)
    chain.mine()
    record = await look_up()
    assert (record.source, record.trust.level) == ("tollfree", TrustLevel.UNTRUSTED)
    chain.name_update("enum:tollfree", rules.replace("evil", "own"), address=owner)
    chain.mine()
    assert (await look_up()).trust.level is TrustLevel.OPERATOR


async def test_the_owners_public_key_alone_proves_nothing(
    chain: FakeChain,
    owner: str,
    thief: str,
    look_up: LookUp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A coin whose script takes anything can be spent with anybody's key in sight."""
    shown = chain.wallet.unlock(read_address(chain.network, owner))
    monkeypatch.setattr(chain.wallet, "unlock", lambda _: shown)
    chain.name_new(E164, FOREIGN, address=owner, paid_by=thief)
    chain.mine()
    assert (await look_up()).trust.unsigned


async def test_names_of_others_are_not_asked_about(
    chain: FakeChain, thief: str, look_up: LookUp
) -> None:
    asked: list[None] = []
    chain.before_call("getrawtransaction", lambda: asked.append(None), times=None)
    chain.name_new(E164, FOREIGN, address=thief)
    chain.mine()
    record = await look_up()
    assert "is not listed in trust.owners" in record.trust.reason
    assert asked == []


# Nodes that cannot tell --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "level"),
    [
        ("when_known", TrustLevel.OPERATOR),
        ("always", TrustLevel.UNTRUSTED),
        ("never", TrustLevel.OPERATOR),
    ],
)
async def test_a_node_without_transactions(rule: str, level: TrustLevel) -> None:
    with FakeNode() as node:
        node.add(E164, OWN, address="EOwner")
        source = RpcSource(RpcClient.from_url(node.url))
        owners = (Owner("EOwner", "office", ("+1415",)),)
        directory = Directory(source, TrustPolicy(owners, require_signer=rule))
        record = await record_of(directory)
        await source.close()
        assert record.trust.level is level
        assert not record.trust.unsigned
        assert bool(node.calls("getrawtransaction")) is (rule != "never")


async def test_a_node_that_knows_the_names_transaction_no_more(
    chain: FakeChain, owner: str, look_up: LookUp
) -> None:
    """The fake cannot make up what a key that it does not have would sign."""
    unknown = "emrt1q6nh6cv5aec6v2klx7vkjdnwchxs0gvf3jzzgvv"
    chain.name_new(E164, "x", address=unknown)
    chain.mine()
    chain.name_update(E164, OWN, address=owner)
    chain.mine()
    record = await look_up()
    assert record.trust.level is TrustLevel.OPERATOR
    assert record.trust.reason.endswith("; signer not checked, as the node cannot tell")
