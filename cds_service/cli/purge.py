"""cds-service purge: forget what is older than the retention time."""

import argparse
import sys
from datetime import timedelta

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.settings import now, read_settings
from cds_service.store.database import existing
from cds_service.store.reports import purge


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "purge",
        help="delete old audit rows and feedback",
        description="Delete audit rows and feedback older than CDS_KEEP_DAYS, and what has expired; for a daily timer.",
        **with_examples("cds-service purge", "CDS_KEEP_DAYS=365 cds-service purge"),
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    at = now()
    count = purge(existing(settings.database_url), at - timedelta(days=settings.keep_days), at)
    sys.stdout.write(f"{count} rows deleted\n")
    return 0
