"""Rows that may be there already, also written by another process at the same moment: `on conflict`, in each dialect."""

from collections.abc import Mapping

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

ByDialect = Mapping[str, Insert]


def inserts_of_new(table: Table) -> ByDialect:
    """A row that is there already stays as it is; `rowcount` tells whether this one is new."""
    return {
        "sqlite": sqlite.insert(table).on_conflict_do_nothing().inline().execution_options(preserve_rowcount=True),
        "postgresql": postgresql.insert(table).on_conflict_do_nothing().inline().execution_options(preserve_rowcount=True),
    }


def upserts(table: Table) -> ByDialect:
    """A row whose key is there already replaces the rest of it."""
    key = list(table.primary_key)
    rest = [column.name for column in table.columns if not column.primary_key]
    in_sqlite, in_postgresql = sqlite.insert(table), postgresql.insert(table)
    return {
        "sqlite": in_sqlite.on_conflict_do_update(index_elements=key, set_={name: in_sqlite.excluded[name] for name in rest}),
        "postgresql": in_postgresql.on_conflict_do_update(
            index_elements=key, set_={name: in_postgresql.excluded[name] for name in rest}
        ),
    }
