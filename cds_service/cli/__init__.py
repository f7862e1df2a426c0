"""The command `cds-service`: one module a subcommand."""

import argparse
import io
import sys
from collections.abc import Sequence
from importlib import import_module

from cds_service import __version__
from cds_service.errors import CdsError, place_of

COMMANDS = (
    "serve",
    "demo",
    "check",
    "sign",
    "explain",
    "export",
    "codes",
    "settings",
    "doctor",
    "feedback",
    "audit",
    "purge",
    "migrate",
)
"""In the order of the help; each is a module here."""


def command_line(asked: str | None = None) -> argparse.ArgumentParser:
    """All commands with their options; where one is asked for, that one alone, and nothing else is loaded."""
    parser = argparse.ArgumentParser(
        prog="cds-service",
        description="Which cell-therapy trials in acute myeloid leukaemia a patient may fit, and why.",
        epilog="Try: cds-service demo",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subcommands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in [asked] if asked in COMMANDS else COMMANDS:
        import_module(f"{__name__}.{command}").add_parser(subcommands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done; 1 it could not be done, with one line that says why; 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    parsed = command_line(given[0] if given else None).parse_args(given)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows "?" and goes on
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
    except OSError as error:
        sys.stderr.write(f"cds-service: {error.strerror}\n")
        return 1
    except Exception as error:  # noqa: BLE001  # a traceback may print values of a record
        sys.stderr.write(f"cds-service: unforeseen {type(error).__name__} in {place_of(error)}; please report it\n")
        return 1
    return status
