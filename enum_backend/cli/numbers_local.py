"""What `numbers search` and `numbers classify` do, with the configured gateways and no server."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.numbers.actor import Actor
from enum_backend.numbers.inventory import search as search_gateways
from enum_backend.numbers.views import classification_json, search_json
from enum_backend.phone import normalize
from enum_backend.settings import LoadedSettings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.numbers import build_classifier, build_desks, build_offers, build_prices
from enum_backend.web.endpoints import validation_failed
from enum_backend.web.routes.numbers_models import AvailableQuery

OPERATOR = Actor("default", is_admin=True)
"""Who may read the settings may use every gateway in them."""


async def search_document(loaded: LoadedSettings, query: dict[str, str]) -> dict[str, Any]:
    """`AvailableAnswer` of a query as `GET /numbers/available` takes it.

    Raises:
        ValidationFailed, GatewayNotConfigured, CredentialsMissing, ProviderError
    """
    try:
        asked = AvailableQuery.model_validate(query, strict=False)
    except ValidationError as error:
        raise validation_failed(error) from None
    settings = loaded.settings
    wanted = NumberQuery(
        country=asked.country.upper() or settings.default_region,
        area_code=asked.area_code,
        features=asked.features,
        quantity=asked.quantity,
    )
    pool = build_pool(loaded)
    offers = build_offers(settings, build_prices(settings))
    try:
        found = await search_gateways(
            build_desks(pool), offers, OPERATOR, wanted, asked.gateway or None
        )
    finally:
        await pool.registry.close()
    return search_json(found)


async def classify_document(loaded: LoadedSettings, number: str, *, live: bool) -> dict[str, Any]:
    """`ClassifyAnswer` of a number.

    Raises:
        InvalidPhoneFormat
    """
    normalized = normalize(number, loaded.settings.default_region)
    pool = build_pool(loaded)
    try:
        found = await build_classifier(pool).classify(normalized, live=live, tenant=OPERATOR.tenant)
    finally:
        await pool.registry.close()
    return classification_json(found)
