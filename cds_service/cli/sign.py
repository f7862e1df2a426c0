"""cds-service sign: a trial file with the signature of who has reviewed its reading."""

import argparse
import sys

from cds_service.cli.record_files import day
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.criteria import load
from cds_service.criteria.signature import signed
from cds_service.settings import now, read_settings


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "sign",
        help="write a shipped trial file that a haematologist has signed",
        description="Write the file of a shipped trial with the name of the haematologist who has reviewed its reading. In the "
        "directory of CDS_TRIALS it takes the place of the one shipped; CDS_REQUIRE_REVIEWED asks for it. A trial of the "
        "site's own is signed in its file (`reviewed:`).",
        **with_examples(
            'cds-service sign NCT07144020 --by "A. Haematologist" > /etc/cds-service/trials/NCT07144020.yaml',
        ),
    )
    parser.add_argument("trial", type=str.upper, metavar="NCT…", help="the trial")
    parser.add_argument("--by", required=True, metavar="NAME", help="who has reviewed the reading")
    parser.add_argument("--on", type=day, metavar="YYYY-MM-DD", help="when; by default today")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    files = {path.stem: path for path in load.trial_paths(None)}
    if arguments.trial not in files:
        arguments.parser.error(f"no such trial is shipped; there are {', '.join(files)}")
    on = arguments.on or now().astimezone(read_settings().timezone).date()
    try:
        sys.stdout.write(signed(files[arguments.trial].read_text(encoding="utf-8"), arguments.by, on))
    except ValueError as error:
        arguments.parser.error(f"--by: {error}")
    sys.stderr.write(f"{arguments.trial} is signed: keep it as {arguments.trial}.yaml in the directory of CDS_TRIALS\n")
    return 0
