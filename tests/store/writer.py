"""A process that writes to a store until it is killed, and says what was acknowledged: for the tests beside it."""

import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cds_service.store.backend import Patience
from cds_service.store.database import Database
from cds_service.store.records import Outcome
from cds_service.store.store import Store

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
ITEMS = 5


def card(writer: int, number: int) -> str:
    return str(UUID(int=writer * 10**9 + number))


def feedback(store: Store, writer: int, number: int) -> None:
    """One batch of several items."""
    until = AT + timedelta(days=30)
    items = [Outcome(card(writer, number * ITEMS + item), "overridden", AT, "not-now", until=until) for item in range(ITEMS)]
    store.keep_feedback("https://ehr.example", "service", items, AT)


def main(url: str, writer: int, count: int, tokens: int) -> None:
    slow = Patience(60.0, 60.0)  # however slow the machine: what is tested is that nothing is lost, not how soon
    store = Store(Database(url, slow))
    won = sum(store.is_new(f"token-{number}", AT + timedelta(minutes=15), AT) for number in range(tokens))
    for number in range(count):
        feedback(store, writer, number)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    sys.stdout.write(f"won {won}\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
