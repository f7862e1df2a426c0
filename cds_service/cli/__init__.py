"""The command `cds-service`: one module a subcommand."""

import argparse
import sys
from collections.abc import Sequence

from cds_service import __version__
from cds_service.cli import audit, check, codes, demo, explain, export, feedback, purge, serve, settings
from cds_service.errors import CdsError

COMMANDS = (serve, demo, check, explain, export, codes, settings, feedback, audit, purge)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done; 1 it could not be done, with one line that says why; 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="cds-service",
        description="Which cell-therapy trials in acute myeloid leukaemia a patient may fit, and why.",
        epilog="Try: cds-service demo",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subcommands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subcommands)
    parsed = parser.parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except CdsError as error:
        sys.stderr.write(f"cds-service: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return status
