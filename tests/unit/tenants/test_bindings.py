"""Whose number is whose: one owner in all."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import create_engine, insert

from enum_backend.errors import NotFound, ValidationFailed
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import bindings as bound
from enum_backend.storage.tables import metadata, tenants
from enum_backend.tenants import bindings
from enum_backend.tenants.bindings import Binding, NumberTaken
from enum_backend.tenants.numbers import TenantNumbers
from enum_backend.tenants.store import TenantStore

NUMBER = "+15550100001"
OTHER = "+15550100002"


@pytest.fixture
async def numbers(database: Database) -> TenantNumbers:
    tenant_store = TenantStore(database)
    await tenant_store.create("acme")
    await tenant_store.create("rival")
    return TenantNumbers(database, Sealer(bytes(range(32))))


async def owner(database: Database, number: str = NUMBER) -> str | None:
    return await database.read(lambda c: bindings.tenant_bound_to(c, number))


async def test_an_admin_binds_and_unbinds(database: Database, numbers: TenantNumbers) -> None:
    changes: list[str] = []

    async def changed() -> None:
        changes.append("x")

    numbers = TenantNumbers(database, numbers.sealer, on_change=changed)
    bound = await numbers.bind("acme", NUMBER, "key:k1")
    assert (bound.proof, bound.created_by) == ("admin", "key:k1")
    assert await numbers.bind("acme", NUMBER, "key:k2") == bound
    assert await owner(database) == "acme"
    assert await numbers.of("acme") == [bound]
    assert await numbers.of("rival") == []
    with pytest.raises(NumberTaken) as refused:
        await numbers.bind("rival", NUMBER, "key:k1")
    assert "acme" not in refused.value.message
    assert refused.value.errors[0].field == "number"
    for tenant, number in (("rival", NUMBER), ("acme", OTHER)):
        with pytest.raises(NotFound):
            await numbers.unbind(tenant, number)
    await numbers.unbind("acme", NUMBER)
    assert await owner(database) is None
    assert len(changes) == 3
    with pytest.raises(ValidationFailed, match="there is no tenant 'nobody'"):
        await numbers.bind("nobody", NUMBER, "key:k1")


async def test_numbers_of_the_inventory(database: Database, numbers: TenantNumbers) -> None:
    await database.write(lambda c: bindings.claim(c, NUMBER, "acme", "bought", 1))
    assert await owner(database) == "acme"
    with pytest.raises(NumberTaken):
        await numbers.bind("rival", NUMBER, "key:k")
    with pytest.raises(NumberTaken):
        await database.write(lambda c: bindings.claim(c, NUMBER, "rival", "imported", 1))
    with pytest.raises(ValidationFailed, match="was bought: release it instead"):
        await numbers.unbind("acme", NUMBER)
    await database.write(lambda c: bindings.claim(c, NUMBER, "acme", "imported", 2))
    assert [item.created_by for item in await numbers.of("acme")] == ["bought"]
    await database.write(lambda c: bindings.disclaim(c, NUMBER))
    assert await owner(database) is None


async def test_giving_a_number_back_leaves_what_was_proven_otherwise(
    database: Database, numbers: TenantNumbers
) -> None:
    await numbers.bind("acme", NUMBER, "key:k")
    await database.write(lambda c: bindings.claim(c, NUMBER, "acme", "bought", 1))
    await database.write(lambda c: bindings.disclaim(c, NUMBER))
    assert await owner(database) == "acme"


async def test_numbers_of_the_settings(database: Database, numbers: TenantNumbers) -> None:
    async def start(wanted: dict[str, str]) -> list[str]:
        return await database.write(lambda c: bindings.keep_configured(c, wanted, 5))

    await numbers.bind("acme", OTHER, "key:k")
    assert await start({NUMBER: "rival", OTHER: "rival"}) == [OTHER]
    assert await owner(database) == "rival"
    assert await owner(database, OTHER) == "acme"
    with pytest.raises(ValidationFailed, match="stands in the settings of a gateway"):
        await numbers.unbind("rival", NUMBER)
    await database.write(lambda c: bindings.disclaim(c, NUMBER))
    assert await start({NUMBER: "acme", OTHER: "acme"}) == []
    assert await owner(database) == "acme"
    assert await start({}) == []
    assert await owner(database) is None
    assert await owner(database, OTHER) == "acme"


class OneOwner(RuleBasedStateMachine):
    """Whatever is tried, a number's owner changes only by its owner's leave."""

    names = st.sampled_from(["acme", "rival", "third"])
    numbers = st.sampled_from([NUMBER, OTHER])

    @initialize()
    def start(self) -> None:
        self.engine = create_engine("sqlite://")
        metadata.create_all(self.engine, tables=[tenants, bound])
        self.connection = self.engine.connect()
        for name in ("acme", "rival", "third"):
            row = {"name": name, "title": "", "source": "api", "created_at": 1}
            self.connection.execute(insert(tenants).values(**row))
        self.owners: dict[str, tuple[str, str]] = {}

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
            self.engine.dispose()

    @rule(number=numbers, tenant=names, proof=st.sampled_from(["admin", "code"]))
    def bind(self, number: str, tenant: str, proof: bindings.Proof) -> None:
        binding = Binding(number, tenant, proof, "key:k", 1)
        self._try(number, tenant, proof, lambda c: bindings.bind(c, binding))

    @rule(number=numbers, tenant=names)
    def buy(self, number: str, tenant: str) -> None:
        self._try(
            number, tenant, "inventory", lambda c: bindings.claim(c, number, tenant, "bought", 1)
        )

    def _try(self, number: str, tenant: str, proof: str, act: object) -> None:
        standing = self.owners.get(number)
        try:
            act(self.connection)  # type: ignore[operator]
        except NumberTaken:
            assert standing is not None
            assert standing[0] != tenant
        else:
            assert standing is None or standing[0] == tenant
            self.owners.setdefault(number, (tenant, proof))

    @rule(number=numbers, tenant=names)
    def unbind(self, number: str, tenant: str) -> None:
        standing = self.owners.get(number)
        try:
            bindings.unbind(self.connection, tenant, number)
        except NotFound:
            assert standing is None or standing[0] != tenant
        except ValidationFailed:
            assert standing == (tenant, "inventory")
        else:
            assert self.owners.pop(number)[0] == tenant

    @rule(number=numbers)
    def give_back(self, number: str) -> None:
        bindings.disclaim(self.connection, number)
        if self.owners.get(number, ("", ""))[1] == "inventory":
            del self.owners[number]

    @invariant()
    def owners_are_as_said(self) -> None:
        if hasattr(self, "owners"):
            found = bindings.all_bindings(self.connection)
            assert found == {number: tenant for number, (tenant, _) in self.owners.items()}


TestOneOwner = OneOwner.TestCase
TestOneOwner.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
