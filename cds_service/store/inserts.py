"""Rows that may be there already, also written by another process at the same moment: `on conflict`, in each dialect."""

from functools import cache

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import sqlite


@cache
def insert_of_new(table: Table, dialect: str) -> Insert:
    """A row that is there already stays as it is; `rowcount` tells whether this one is new."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # which takes long to load, and is not of every store

        new: Insert = postgresql.insert(table).on_conflict_do_nothing()
    else:
        new = sqlite.insert(table).on_conflict_do_nothing()
    return new.inline().execution_options(preserve_rowcount=True)


@cache
def upsert(table: Table, dialect: str) -> Insert:
    """A row whose key is there already replaces the rest of it."""
    key = list(table.primary_key)
    rest = [column.name for column in table.columns if not column.primary_key]
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        row = postgresql.insert(table)
        return row.on_conflict_do_update(index_elements=key, set_={name: row.excluded[name] for name in rest})
    in_file = sqlite.insert(table)
    return in_file.on_conflict_do_update(index_elements=key, set_={name: in_file.excluded[name] for name in rest})
