"""The store as the service uses it. The answer to an EHR never depends on it: while it is down, tokens are remembered by this
process alone, no card is suppressed that could not be looked up, and audit rows go to the log. Feedback alone is refused then:
nobody shall think it kept.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cache
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cds_service import logs
from cds_service.errors import StoreDown
from cds_service.store.database import Database
from cds_service.store.in_process import TokensOfThisProcess
from cds_service.store.inserts import insert_of_new, upsert
from cds_service.store.records import Look, Outcome
from cds_service.store.statements import Result, Statement, Values
from cds_service.store.tables import AUDIT, AUDIT_CARD, FEEDBACK, OVERRIDE, SEEN_TOKEN, stamp

EXPIRED_AT_A_TIME = 50
MORE_THAN_A_PAGE = 200
"""Rows of a token each: 10 kB and more; a page has 4 or 8."""
LONG_AGO = stamp(datetime(2000, 1, 1, tzinfo=UTC))

_NOTE_LOOK, _NOTE_CARD = Statement(sa.insert(AUDIT)), Statement(sa.insert(AUDIT_CARD))
_EXPIRED = (
    sa.select(SEEN_TOKEN.c.digest)
    .where(SEEN_TOKEN.c.expires_at < sa.bindparam("at"))
    .limit(EXPIRED_AT_A_TIME)
    .with_for_update(skip_locked=True)  # processes that tidy up at once do not wait for each other
)
_FORGET_EXPIRED = Statement(sa.delete(SEEN_TOKEN).where(SEEN_TOKEN.c.digest.in_(_EXPIRED)))


@cache
def _overrides_of(cards: int) -> Statement:
    """Which of so many cards, `card_0` and so on, are overridden."""
    return Statement(
        sa.select(OVERRIDE.c.card).where(
            OVERRIDE.c.client == sa.bindparam("client"),
            OVERRIDE.c.card.in_([sa.bindparam(f"card_{number}", type_=OVERRIDE.c.card.type) for number in range(cards)]),
            OVERRIDE.c.until > sa.bindparam("at"),
        )
    )


@cache
def _note_token_in(dialect: str) -> Statement:
    return Statement(insert_of_new(SEEN_TOKEN, dialect))


class Store:
    """Feedback, overridden cards, seen tokens and the audit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tokens = TokensOfThisProcess()

    def is_up(self) -> bool:
        """Whether it can be read, and written if the last write failed: without a call nothing else tells that it is back."""
        return self._database.is_up() and (not self._database.last_write_failed or self._can_be_written())

    def _can_be_written(self) -> bool:
        """Write some rows, more than a page may have room for, and take them back before any other process sees them."""
        digests = [f"{uuid4()}" for _ in range(MORE_THAN_A_PAGE)]
        try:
            with self._database.writing(durable=True) as connection:
                connection.execute(sa.insert(SEEN_TOKEN), [{"digest": one, "expires_at": LONG_AGO} for one in digests])
                connection.execute(sa.delete(SEEN_TOKEN).where(SEEN_TOKEN.c.digest.in_(digests)))
        except StoreDown:
            return False
        return True

    def is_new(self, digest: str, expires: datetime, at: datetime) -> bool:
        """Whether no process has seen this token; while the store is down, whether this one has not."""
        if not self._tokens.is_new(digest, expires, at):
            return False
        try:
            with self._database.writing() as connection:
                return _note_token(connection, digest, expires, at)
        except StoreDown:
            return True

    def keep_feedback(self, client: str, service: str, outcomes: Sequence[Outcome], at: datetime) -> None:
        """All of it, durably, or none of it; what is known already changes nothing. Raises: StoreDown."""
        with self._database.writing(durable=True) as connection:
            # In one order everywhere, so that two processes told the same do not wait for each other in a circle.
            for outcome in sorted(outcomes, key=lambda outcome: outcome.card):
                if _is_kept(connection, client, service, outcome, at) and outcome.until is not None:
                    _suppress(connection, client, outcome.card, outcome.until)

    def audit(self, look: Look, overridable: Collection[str] = ()) -> frozenset[str]:
        """A row in the store, or while it is down in the log.

        Returns: the cards among the overridable that are not to be shown now. The row has them as suppressed.
        """
        away: frozenset[str] = frozenset()
        try:
            with self._database.writing() as connection:  # one transaction for both, since each costs more than its rows
                away = _overridden(connection, look.client, overridable, look.at)
                look = look.without(away)
                _insert_look(connection, look)
        except StoreDown:
            logs.event(
                "audit",
                level=30,
                client=look.client,
                service=look.service,
                user=look.user,
                patient=look.patient,
                status=look.status,
                sent=",".join(look.sent),
                read=",".join(look.read),
                shown=",".join(f"{card.topic}:{card.uuid}" for card in look.cards),
                suppressed=look.suppressed,
                digest=look.knowledge,
            )
        return away


def _overridden(connection: Connection, client: str, cards: Collection[str], at: datetime) -> frozenset[str]:
    if not cards:
        return frozenset()
    named = {f"card_{number}": card for number, card in enumerate(cards)}
    found = _overrides_of(len(cards)).execute(connection, {"client": client, "at": stamp(at), **named})
    return frozenset(str(card) for (card,) in found.fetchall())


def _note_token(connection: Connection, digest: str, expires: datetime, at: datetime) -> bool:
    _FORGET_EXPIRED.execute(connection, {"at": stamp(at)})
    row = {"digest": digest, "expires_at": stamp(expires)}
    return _note_token_in(connection.dialect.name).execute(connection, row).rowcount == 1


def _is_kept(connection: Connection, client: str, service: str, outcome: Outcome, at: datetime) -> bool:
    """Whether this feedback is new and kept now; EHRs repeat themselves."""
    row = {
        "received_at": stamp(at),
        "client": client,
        "service": service,
        "card": outcome.card,
        "outcome": outcome.outcome,
        "outcome_at": stamp(outcome.at),
        "reason": outcome.reason,
        "suggestions": outcome.suggestions,
        "commented": outcome.commented,
    }
    return connection.execute(insert_of_new(FEEDBACK, connection.dialect.name), row).rowcount == 1


def _suppress(connection: Connection, client: str, card: str, until: datetime) -> None:
    """The last override counts."""
    row = {"client": client, "card": card, "until": stamp(until)}
    connection.execute(upsert(OVERRIDE, connection.dialect.name), row)


def _insert_look(connection: Connection, look: Look) -> None:
    row: Values = {
        "at": stamp(look.at),
        "client": look.client,
        "service": look.service,
        "user": look.user,
        "patient": look.patient,
        "status": look.status,
        "sent": ",".join(look.sent),
        "read": ",".join(look.read),
        "suppressed": look.suppressed,
        "silent": look.silent,
        "knowledge": look.knowledge,
        "request": look.request,
    }
    noted = _NOTE_LOOK.execute(connection, row)
    if look.cards:
        key = _key_of(noted)
        _NOTE_CARD.execute_many(connection, [{"audit": key, "card": card.uuid, "topic": card.topic} for card in look.cards])


def _key_of(noted: Result) -> str | int:
    """The key that a new row was given: PostgreSQL returns it, SQLite's driver remembers it."""
    returned = noted.fetchall()
    return returned[0][0] if returned else noted.lastrowid
