"""All checks, in the order in which one would put things right."""

from __future__ import annotations

import asyncio

from enum_backend.api_client import ApiClient
from enum_backend.doctor import accounts, ground, outside, phones, sharing
from enum_backend.doctor.model import Finding, Level, Report, problem
from enum_backend.errors import SettingsError
from enum_backend.settings import LoadedSettings
from enum_backend.setup.gateways import build_pool


def unreadable(error: SettingsError) -> Report:
    """The report of settings that cannot be read: nothing else can be looked at."""
    return Report((_unreadable(error),))


async def examine(
    loaded: LoadedSettings, client: ApiClient, *, live_send_to: str | None = None
) -> Report:
    """Look everything over; changes nothing, and sends only to `live_send_to`.

    Args:
        client: the running server, with a key only if something is to be sent.
        live_send_to: `+E.164` that gets one real message.
    """
    settings = loaded.settings
    found: list[Finding] = [
        *ground.settings(loaded),
        *ground.data_directory(settings),
        *ground.server_key(settings),
        *ground.database(settings),
        *sharing.postgres(settings),
        *await sharing.redis(settings),
        *ground.price_list(settings),
    ]
    try:
        pool = build_pool(loaded)
    except SettingsError as error:
        found.append(_unreadable(error))
        return Report(tuple(found))
    found += [
        *accounts.mode(pool, settings),
        *accounts.gateways(pool),
        *accounts.chain(pool),
        *accounts.webhook_address(pool, settings),
        *await accounts.webhook_keys(pool),
        *accounts.currencies(pool, settings),
    ]
    try:
        asked = await asyncio.gather(
            outside.authentication(pool),
            phones.registrations(pool, settings),
            outside.records(settings),
            outside.server(client),
        )
    finally:
        await pool.registry.close()
    accepted = {finding.check for finding in asked[0] if finding.level is Level.OK}
    found += accounts.formats(pool, accepted)
    for findings in asked:
        found += findings
    if live_send_to is not None:
        found += await outside.live_send(client, live_send_to)
    return Report(tuple(found))


def _unreadable(error: SettingsError) -> Finding:
    return problem("settings", str(error), "correct it; enum-backend config show lists them")
