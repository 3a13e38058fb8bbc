"""What `numbers search` and `numbers classify` do, with the configured gateways and no server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from pydantic import ValidationError

from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.numbers.actor import Actor
from enum_backend.numbers.inventory import search as search_gateways
from enum_backend.numbers.views import classification_json, search_json
from enum_backend.phone import normalize
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.setup.gateways import build_pool
from enum_backend.setup.numbers import build_classifier, build_desks, build_offers, build_prices
from enum_backend.setup.places import database_url, prepare_data_dir
from enum_backend.storage import Database, open_database
from enum_backend.storage.schema import upgrade
from enum_backend.web.json_bodies import validation_failed
from enum_backend.web.routes.numbers_models import AvailableQuery

OPERATOR = Actor("default", is_admin=True)
"""Who may read the settings may use every gateway in them."""


async def opened_database(settings: Settings) -> Database:
    """The server's database, made if there is none yet.

    Raises:
        SettingsError: it cannot be opened.
    """
    prepare_data_dir(settings)
    url = database_url(settings)
    await asyncio.to_thread(upgrade, url)
    return open_database(url)


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
    """`ClassifyAnswer` of a number; a live one counts against the daily spend.

    Raises:
        InvalidPhoneFormat
        SettingsError: the database cannot be opened (only if `live`).
    """
    settings = loaded.settings
    normalized = normalize(number, settings.default_region)
    async with AsyncExitStack() as stack:
        pool = build_pool(loaded)
        stack.push_async_callback(pool.registry.close)
        database = None
        if live and pool.mode != "simulation":
            database = await opened_database(settings)
            stack.push_async_callback(database.close)
        classifier = build_classifier(settings, pool, build_prices(settings), database)
        found = await classifier.classify(normalized, live=live, tenant=OPERATOR.tenant)
    return classification_json(found)
