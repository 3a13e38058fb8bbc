"""Routes and stored messages as tests of the policy need them."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from sqlalchemy import Row, insert, select

from enum_backend.messaging.route import Route
from enum_backend.storage import Database
from enum_backend.storage.tables import outbox

ANN, BOB = "+14155550134", "+14155550135"
OURS, OTHER = "+15550100001", "+15550100002"
NOW = 1_767_225_600_000

_ids = count(1)


def route(**changes: Any) -> Route:
    """By `one`, then `two`, each from a number of its own."""
    chain = changes.pop("chain", ("one", "two"))
    values: dict[str, Any] = {
        "destination": ANN,
        "chain": chain,
        "planned": chain,
        "steps": (),
        "senders": {"one": (OURS,), "two": (OTHER,)},
        **changes,
    }
    return Route(**values)


async def put(database: Database, **changes: Any) -> str:
    """Store a message as accepting does; returns its id."""
    made: Route = changes.pop("route", route())
    message_id = f"msg_{next(_ids):024}"
    values: dict[str, Any] = {
        "message_id": message_id,
        "tenant": "default",
        "client": "key:k1",
        "kind": "message",
        "state": "queued",
        "requested_to": made.destination,
        "destination": made.destination,
        "body": b"sealed",
        "encoding": "GSM-7",
        "segments": 1,
        "chain": json.dumps(made.chain),
        "chain_position": 0,
        "route": json.dumps({"steps": [], "senders": made.sender_names()}),
        "is_test": False,
        "limited": True,
        "erase_body": False,
        "request_hash": b"",
        "gateway": made.chain[0],
        "attempts_at_gateway": 0,
        "created_at": NOW,
        "next_attempt_at": NOW,
        "valid_until": NOW + 3_600_000,
        "updated_at": NOW,
        **changes,
    }
    await database.write(lambda c: c.execute(insert(outbox), [values]).rowcount)
    return message_id


async def row(database: Database, message_id: str) -> Row[Any]:
    """A stored message."""
    query = select(outbox).where(outbox.c.message_id == message_id)
    found: Row[Any] = await database.read(lambda c: c.execute(query).one())
    return found
