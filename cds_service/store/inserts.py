"""Rows that may be there already, also written by another process at the same moment: `on conflict`, in each dialect."""

from functools import cache

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert


@cache
def insert_of_new(table: Table, dialect: str) -> Insert:
    """A row that is there already stays as it is; `rowcount` tells whether this one is new."""
    return _insert(table, dialect).on_conflict_do_nothing().inline().execution_options(preserve_rowcount=True)


@cache
def upsert(table: Table, dialect: str) -> Insert:
    """A row whose key is there already replaces the rest of it."""
    row = _insert(table, dialect)
    rest = {column.name: row.excluded[column.name] for column in table.columns if not column.primary_key}
    return row.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)


def _insert(table: Table, dialect: str) -> Insert:
    """In PostgreSQL's dialect it is another class, with the same methods."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # which takes long to load, and is not of every store

        return postgresql.insert(table)  # type: ignore[return-value]
    return sqlite.insert(table)
