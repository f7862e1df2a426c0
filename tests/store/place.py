"""An empty database of either kind, and what the tests write into it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg

from cds_service.store.database import Database, existing
from cds_service.store.records import Look, ShownCard
from tests.store.writer import AT, card

CLIENT = "https://ehr.example"
LATER = AT + timedelta(minutes=15)


@dataclass(frozen=True)
class Place:
    """A database, and a look into it past the store."""

    address: str
    opened: list[Database] = field(default_factory=list)

    def database(self) -> Database:
        """The store as another process would open it; closed when the test ends."""
        self.opened.append(Database(self.address))
        return self.opened[-1]

    def existing(self) -> Database:
        self.opened.append(existing(self.address))
        return self.opened[-1]

    def rows(self, query: str) -> Sequence[tuple[object, ...]]:
        if self.address.startswith("sqlite"):
            connection = sqlite3.connect(self.address.removeprefix("sqlite:///"))
            try:
                return connection.execute(query).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self.address) as server:
            return server.execute(query.encode()).fetchall()

    def change(self, statement: str) -> None:
        if self.address.startswith("sqlite"):
            connection = sqlite3.connect(self.address.removeprefix("sqlite:///"))
            connection.execute(statement)
            connection.commit()
            connection.close()
        else:
            with psycopg.connect(self.address) as server:
                server.execute(statement.encode())


def look(**change: object) -> Look:
    fields = {
        "at": AT,
        "client": CLIENT,
        "service": "s",
        "user": "u",
        "patient": "p",
        "status": 200,
        "sent": ("patient", "conditions"),
        "read": ("Observation",),
        "cards": (ShownCard(card(1, 1), "NCT07144020"), ShownCard(card(1, 2), "othertrials")),
        "suppressed": 0,
        "silent": False,
        "knowledge": "sha256:x",
    }
    return Look(**{**fields, **change})  # type: ignore[arg-type]
