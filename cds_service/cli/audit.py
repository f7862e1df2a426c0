"""cds-service audit: who looked at this patient?"""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.errors import SettingsError
from cds_service.settings import read_settings
from cds_service.store.database import existing
from cds_service.store.records import Pseudonyms
from cds_service.store.reports import looks

NONE = "no look is on record under this CDS_HASH_KEY; those under another key are found with that one"


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "audit",
        help="who looked at a patient",
        description=(
            "Every call about one patient: when, which client and user, which parts of the record were sent and read, how many "
            "cards. Ids are kept as hashes keyed by CDS_HASH_KEY: the key of the time is needed."
        ),
        **with_examples("cds-service audit -  < file-with-the-patient-id", "cds-service audit PATIENT --user Practitioner/7"),
    )
    parser.add_argument(
        "patient", metavar="PATIENT", help="the FHIR id; - reads it from standard input, off the shell's history"
    )
    parser.add_argument("--user", metavar="TYPE/ID", help="only looks of this user")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    if settings.hash_key is None:
        raise SettingsError("CDS_HASH_KEY must be the key that the service ran with")
    patient = sys.stdin.readline().strip() if arguments.patient == "-" else arguments.patient
    pseudonyms = Pseudonyms(settings.hash_key)
    rows = looks(existing(settings.database_url), pseudonyms.of("patient", patient))
    if arguments.user is not None:
        rows = [row for row in rows if row.user == pseudonyms.of("user", arguments.user)]
    table = Table()
    for name in ("When", "Client", "Service", "User (hash)", "Status", "Sent", "Read", "Cards", "Knowledge", "Request"):
        table.add_column(name, overflow="fold")
    for row in rows:
        knowledge = row.knowledge.removeprefix("sha256:")[:12]
        read = (row.sent, row.read, str(row.cards), knowledge, row.request or "")
        table.add_row(row.at, row.client, row.service, row.user[:16], str(row.status), *read)
    Console().print(table if rows else NONE)
    return 0
