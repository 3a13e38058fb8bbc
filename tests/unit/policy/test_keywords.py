"""STOP, START and HELP inside the transaction that stores a message."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from enum_backend.messaging.inbound import StoredInbound
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.keywords import MOST_ANSWERS, Keywords
from enum_backend.messaging.policy.word_list import Vocabulary, load_words
from enum_backend.settings.policy import KeywordSettings
from enum_backend.storage import Database
from enum_backend.storage.tables import opt_outs
from tests.unit.policy.policy_kit import ANN, BOB, NOW, OTHER, OURS, put, row

WORDS = load_words()
HOUR = 3_600_000


class Handset:
    """Writes messages and sees the answers."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self._database = database
        chosen = KeywordSettings.model_validate(settings)
        self._keywords = Keywords(chosen, Vocabulary(WORDS, chosen), self._answer)
        self.answers: list[dict[str, Any]] = []

    def _answer(self, connection: Connection, **queued: Any) -> None:
        assert connection.in_transaction()
        self.answers.append(queued)

    async def writes(self, text: str, now: int = NOW, **changes: Any) -> list[str]:
        """The reasons of the answers it gets."""
        before = len(self.answers)
        values = {
            "inbox_id": "in_1",
            "tenant": "default",
            "gateway": "one",
            "provider": "scripted",
            "sender": ANN,
            "to": OURS,
            "text": text,
            **changes,
        }
        stored = StoredInbound(**values)
        await self._database.write(lambda c: self._keywords.handle(c, stored, now))
        return [item["reason"] for item in self.answers[before:]]


async def entries(database: Database) -> set[tuple[str, str, str, str]]:
    found = await database.read(lambda c: c.execute(select(opt_outs)).all())
    return {(r.tenant, r.sender, r.recipient, r.source) for r in found}


async def test_one_answer_to_the_first_stop_and_none_to_the_second(database: Database) -> None:
    handset = Handset(database)
    assert await handset.writes("Stop!") == ["stop"]
    assert await handset.writes("STOP") == []
    assert await handset.writes("UNSUBSCRIBE") == []
    assert await entries(database) == {("default", OURS, ANN, "keyword")}
    assert handset.answers == [
        {
            "tenant": "default",
            "inbox_id": "in_1",
            "sender": OURS,
            "to": ANN,
            "text": WORDS.languages["en"].stop_text,
            "reason": "stop",
            "now": NOW,
        }
    ]


async def test_start_answers_once_and_opens_again(database: Database) -> None:
    handset = Handset(database)
    assert await handset.writes("START") == []
    await handset.writes("STOP")
    assert await handset.writes("START") == ["start"]
    assert await handset.writes("START") == []
    assert await entries(database) == set()
    assert await handset.writes("STOP") == ["stop"]


async def test_start_cannot_open_what_was_closed_by_hand_for_all_senders(
    database: Database,
) -> None:
    await database.write(
        lambda c: optouts.record(c, "default", "*", ANN, optouts.Source.MANUAL, NOW)
    )
    handset = Handset(database)
    assert await handset.writes("START") == []
    assert len(await entries(database)) == 1


@pytest.mark.parametrize("text", ["STOP 12345", "Hello", "please stop", "", "yes"])
async def test_ordinary_messages_do_nothing(database: Database, text: str) -> None:
    handset = Handset(database)
    assert await handset.writes(text) == []
    assert await entries(database) == set()


async def test_help_is_answered_now_and_then(database: Database) -> None:
    handset = Handset(database, help_text="Acme, help@example.com", help_interval="1h")
    assert await handset.writes("HELP") == ["help"]
    assert handset.answers[0]["text"] == "Acme, help@example.com"
    assert await handset.writes("INFO", NOW + HOUR - 1) == []
    assert await handset.writes("help", NOW + 1, sender=BOB) == ["help"]
    assert await handset.writes("help", NOW + 1, to="+15550100009") == ["help"]
    assert await handset.writes("help", NOW + HOUR) == ["help"]
    assert await entries(database) == set()


async def test_help_is_answered_after_a_stop_as_well(database: Database) -> None:
    handset = Handset(database)
    await handset.writes("STOP")
    assert await handset.writes("HELP") == ["help"]


async def test_the_provider_that_acts_by_itself_is_believed_and_not_doubled(
    database: Database,
) -> None:
    handset = Handset(database)
    assert await handset.writes("whatever it was", opt_out="stop") == []
    assert await entries(database) == {("default", OURS, ANN, "provider")}
    assert await handset.writes("STOP") == []
    assert await handset.writes("x", opt_out="help") == []
    assert await handset.writes("x", opt_out="start") == []
    assert await entries(database) == set()


async def test_quiet_gateways_and_no_answers_at_all(database: Database) -> None:
    quiet = Handset(database, quiet_gateways=["one"])
    assert await quiet.writes("STOP") == []
    assert await quiet.writes("STOP", gateway="two", to="+15550100009") == ["stop"]
    silent = Handset(database, answer=False)
    assert await silent.writes("STOP", sender=BOB) == []
    assert len(await entries(database)) == 3


async def test_switched_off(database: Database) -> None:
    handset = Handset(database, enabled=False)
    assert await handset.writes("STOP") == []
    assert await handset.writes("x", opt_out="stop") == []
    assert await entries(database) == set()


async def test_a_number_that_several_tenants_send_from(database: Database) -> None:
    handset = Handset(database)
    waits = await put(database, tenant="acme")
    assert await handset.writes("STOP", is_shared=True) == ["stop"]
    assert await handset.writes("STOP", is_shared=True) == []
    assert (await row(database, waits)).state == "failed"
    wanted = [("default", OURS, ANN), ("acme", OURS, ANN), ("acme", OTHER, ANN)]
    assert await database.read(lambda c: optouts.blocked(c, wanted)) == {0, 1}
    assert await handset.writes("START", is_shared=True) == ["start"]
    assert await entries(database) == set()
    await handset.writes("STOP", is_shared=True)
    assert await database.write(lambda c: optouts.remove(c, "default", OURS, ANN))
    assert await entries(database) == set()


async def test_a_number_that_nobody_owns(database: Database) -> None:
    handset = Handset(database)
    assert await handset.writes("STOP", tenant=None) == []
    assert await entries(database) == {("*", OURS, ANN, "keyword")}
    wanted = [("default", OURS, ANN), ("acme", OURS, ANN), ("acme", "+15550100009", ANN)]
    assert await database.read(lambda c: optouts.blocked(c, wanted)) == {0, 1}
    assert await handset.writes("START", tenant=None) == []
    assert await entries(database) == set()


@pytest.mark.parametrize("sender", ["Shop", "72345", OURS, "+0123"])
async def test_what_is_no_handset(database: Database, sender: str) -> None:
    handset = Handset(database)
    assert await handset.writes("STOP", sender=sender) == []
    assert await handset.writes("HELP", sender=sender) == []
    assert await entries(database) == set()


async def test_the_handsets_country_chooses_the_words(database: Database) -> None:
    handset = Handset(database)
    german = "+4915112345678"
    assert await handset.writes("abmelden") == []
    assert await handset.writes("abmelden", sender=german) == ["stop"]
    assert handset.answers[0]["text"] == WORDS.languages["de"].stop_text


async def test_a_stop_ends_what_waits(database: Database) -> None:
    message_id = await put(database)
    await Handset(database).writes("STOP")
    found = await row(database, message_id)
    assert (found.state, found.reason) == ("failed", "opted_out")


async def test_robots_get_few_answers_a_day(database: Database) -> None:
    handset = Handset(database, help_interval=0)
    stops = []
    for turn in range(8):
        stops += await handset.writes("STOP", NOW + turn)
        await handset.writes("START", NOW + turn)
    assert stops == ["stop"] * MOST_ANSWERS
    assert await handset.writes("HELP", NOW + 9) == ["help"]
    assert await handset.writes("STOP", NOW + 9, sender=BOB) == ["stop"]
    assert await handset.writes("STOP", NOW + 24 * HOUR) == ["stop"]
    assert await handset.writes("STOP", NOW + 24 * HOUR) == []


async def test_without_anybody_to_answer(database: Database) -> None:
    chosen = KeywordSettings()
    silent = Keywords(chosen, Vocabulary(WORDS, chosen))
    stored = StoredInbound("in_1", "default", "one", "scripted", ANN, OURS, "STOP")
    await database.write(lambda c: silent.handle(c, stored, NOW))
    assert len(await entries(database)) == 1
