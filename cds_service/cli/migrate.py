"""cds-service migrate: create or update the tables, as a job of its own before a new version starts."""

import argparse
import sys

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.settings import read_settings
from cds_service.store.backend import OF_AN_OPERATOR
from cds_service.store.database import Database


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "migrate",
        help="create or update the tables of the database",
        description="Bring the tables of CDS_DATABASE_URL up to this version. The service does it at its start too; as a job "
        "it may take its time, and the service's user needs no right to change tables.",
        **with_examples("cds-service migrate", "CDS_DATABASE_URL=postgresql://owner@database.example/cds cds-service migrate"),
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    database = Database(read_settings().database_url, OF_AN_OPERATOR)
    before = database.revision()
    database.migrate()
    after = database.revision()
    database.close()
    sys.stdout.write(f"the tables are at {after}" + ("" if before == after else f"; they were at {before or 'nothing'}") + "\n")
    return 0
