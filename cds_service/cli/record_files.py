"""What subcommands about patients' files share: reading the records, and the day to judge on."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import track

from cds_service.errors import UnreadableRecord
from cds_service.fhir.bundle import read_bundle
from cds_service.fhir.record import PatientRecord

MANY = 20
"""From so many files on, a terminal shows how far the work is."""
HELP = "a FHIR Bundle in JSON; - is standard input"


def read_records(files: Sequence[str], doing: str) -> Iterator[tuple[str, PatientRecord | UnreadableRecord]]:
    """Each file with its record, or with why it is not one patient's record: the others are read all the same."""
    errors = Console(stderr=True)
    shown = len(files) >= MANY and errors.is_terminal
    for file in track(files, doing, console=errors, transient=True, disable=not shown):
        try:
            yield file, read_bundle(_read(file))
        except UnreadableRecord as error:
            yield file, error


def _read(file: str) -> bytes:
    """Raises: UnreadableRecord."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UnreadableRecord("not-readable", f"the file cannot be read ({error.strerror})") from error


def add_as_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD", help="the day to judge on; today by default")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("write the day as YYYY-MM-DD") from error
