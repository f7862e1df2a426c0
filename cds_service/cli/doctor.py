"""cds-service doctor: is everything around the service as it needs it?"""

import argparse
import logging
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.doctor.examination import examine
from cds_service.doctor.finding import State
from cds_service.settings import read_settings

COLOURS = {State.OK: "green", State.LOOK: "yellow", State.FAILED: "bold red"}


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "doctor",
        help="check configuration, database, clients' keys and FHIR servers",
        description="Look at the configuration, the database, the keys of each client and the CapabilityStatement of each FHIR "
        "server, from this machine and by the service's own rules. Nothing is changed, and no patient's data are read. "
        "Exit status 1 if something failed.",
        **with_examples(
            "cds-service doctor",
            "CDS_AUTH=off cds-service doctor --fhir-server http://127.0.0.1:8090/fhir",
        ),
    )
    parser.add_argument("--fhir-server", action="append", default=[], metavar="URL", help="look at this FHIR server too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    logging.getLogger("cds_service").addHandler(logging.NullHandler())  # the report says it all
    findings = list(examine(read_settings(), arguments.fhir_server))
    table = Table()
    for name in ("What", "State", "Found", "To do"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        state = Text(finding.state.value, style=COLOURS[finding.state])
        table.add_row(Text(finding.subject), state, Text(finding.said), Text(finding.fix))
    Console().print(table)
    failed = sum(finding.state is State.FAILED for finding in findings)
    sys.stdout.write(f"{failed} failed, {sum(finding.state is State.LOOK for finding in findings)} to look at\n")
    return 1 if failed else 0
