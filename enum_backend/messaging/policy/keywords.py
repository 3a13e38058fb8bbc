"""STOP, START and HELP from handsets: acted on once, answered once.

`Keywords.handle` runs inside the transaction that stores an inbound message, so a
STOP is neither lost nor acted on before the message is ours.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from sqlalchemy import Connection, text

from enum_backend.messaging.inbound import StoredInbound
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.policy.stopping import stop
from enum_backend.messaging.policy.word_list import KEYWORDS, Keyword, Meaning, Vocabulary
from enum_backend.numbers.offline import number_plan
from enum_backend.settings.policy import KeywordSettings

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{3,14}", re.ASCII)

MOST_ANSWERS: Final = 5
"""To one handset for one keyword in a day; whoever writes more is no person."""

DAY_MS: Final = 86_400_000

_TAKE = text(
    "INSERT INTO keyword_answers (recipient, sender, keyword, answered_at, day, answers) "
    "VALUES (:recipient, :sender, :keyword, :now, :day, 1) "
    "ON CONFLICT (recipient, sender, keyword) DO UPDATE SET "
    "answered_at = excluded.answered_at, day = excluded.day, answers = "
    "CASE WHEN keyword_answers.day = excluded.day THEN keyword_answers.answers + 1 ELSE 1 END "
    "WHERE keyword_answers.answered_at <= :since "
    "AND (keyword_answers.day <> excluded.day OR keyword_answers.answers < :most)"
)


class Answer(Protocol):
    """Queues an SMS durably, in the same transaction."""

    def __call__(
        self,
        connection: Connection,
        *,
        tenant: str,
        inbox_id: str,
        sender: str,
        to: str,
        text: str,
        reason: str,
        now: int,
    ) -> None: ...


class Keywords:
    """Acts on keywords.

    Args:
        answer: see there; None = nothing is answered.
    """

    def __init__(
        self, settings: KeywordSettings, vocabulary: Vocabulary, answer: Answer | None = None
    ) -> None:
        self._settings = settings
        self._vocabulary = vocabulary
        self._answer = answer

    def handle(self, connection: Connection, stored: StoredInbound, now: int) -> None:
        """Record, take back or answer what the message asks for; most ask for nothing.

        What it asks for counts for whoever sends from that number: its owner, and all others
        where it is bound to nobody. A message to a number that nobody owns gets no answer.
        """
        meaning = self._meaning(stored)
        if meaning is None:
            return
        changed = True
        if meaning.keyword == "stop":
            changed = self._stop(connection, stored, now)
        elif meaning.keyword == "start":
            changed = self._start(connection, stored)
        if changed and stored.tenant and not self._is_quiet(stored):
            self._reply(connection, stored.tenant, stored, meaning, now)

    def _meaning(self, stored: StoredInbound) -> Meaning | None:
        """What it asks for; the provider's word counts before our reading."""
        from_handset = _NUMBER.fullmatch(stored.sender) and stored.sender != stored.to
        if not self._settings.enabled or not from_handset:
            return None
        if stored.opt_out is None and not self._vocabulary.may_mean(stored.text):
            return None
        country = number_plan(stored.sender).region
        for keyword in KEYWORDS:
            if stored.opt_out == keyword:
                return self._vocabulary.answer(keyword, country)
        return self._vocabulary.meaning(stored.text, country)

    def _is_quiet(self, stored: StoredInbound) -> bool:
        """Whether the person gets an answer from elsewhere, or none at all."""
        quiet = stored.gateway in self._settings.quiet_gateways
        return quiet or not self._settings.answer or stored.opt_out is not None

    def _stop(self, connection: Connection, stored: StoredInbound, now: int) -> bool:
        source = Source.KEYWORD if stored.opt_out is None else Source.PROVIDER
        to, handset, gateway = stored.to, stored.sender, stored.gateway
        tenants = [stored.tenant] if stored.tenant else [EVERY]
        if stored.is_shared:
            tenants.append(EVERY)
        new = [
            stop(connection, tenant, to, handset, source, now, gateway=gateway)
            for tenant in tenants
        ]
        return any(new)

    def _start(self, connection: Connection, stored: StoredInbound) -> bool:
        tenant = stored.tenant or EVERY
        return optouts.reopen(connection, tenant, stored.to, stored.sender, stored.gateway)

    def _reply(
        self,
        connection: Connection,
        tenant: str,
        stored: StoredInbound,
        meaning: Meaning,
        now: int,
    ) -> None:
        if self._answer is None or not self._may_answer(connection, stored, meaning.keyword, now):
            return
        self._answer(
            connection,
            tenant=tenant,
            inbox_id=stored.inbox_id,
            sender=stored.to,
            to=stored.sender,
            text=meaning.answer,
            reason=meaning.keyword,
            now=now,
        )

    def _may_answer(
        self, connection: Connection, stored: StoredInbound, keyword: Keyword, now: int
    ) -> bool:
        """Whether an answer is due, and count it if so."""
        pause = self._settings.help_interval if keyword == "help" else 0
        values = {
            "recipient": stored.sender,
            "sender": stored.to,
            "keyword": keyword,
            "now": now,
            "day": now // DAY_MS,
            "since": now - int(pause * 1000),
            "most": MOST_ANSWERS,
        }
        return bool(connection.execute(_TAKE, values).rowcount)
