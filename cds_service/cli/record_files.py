"""What subcommands about patients' files share: reading the records, and the day to judge on."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from rich.console import Console

from cds_service.cli.progress import with_progress
from cds_service.errors import UnreadableRecord
from cds_service.fhir.bundle import read_bundle
from cds_service.fhir.record import PatientRecord

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
HELP = "a FHIR Bundle in JSON; - is standard input"


def read_records(files: Sequence[str], doing: str) -> Iterator[tuple[str, PatientRecord | UnreadableRecord]]:
    """Each file with its record, or with why it is not one patient's record: the others are read all the same.

    A name that is no text is told in escapes.
    """
    for file in with_progress(files, doing, Console(stderr=True)):
        name = file.encode("utf-8", "backslashreplace").decode()
        try:
            record: PatientRecord | UnreadableRecord = read_bundle(_read(file))
        except UnreadableRecord as error:
            record = error
        yield name, record


def _read(file: str) -> bytes:
    """Raises: UnreadableRecord."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else "its name holds a null character"
        raise UnreadableRecord("not-readable", f"the file cannot be read ({problem})") from error


def add_as_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as-of", type=day, metavar="YYYY-MM-DD", help="the day to judge on; today by default")


def day(text: str) -> date:
    try:
        if not _DAY.fullmatch(text):  # other forms of ISO 8601 are no dates of FHIR
            raise ValueError("not this form")
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("write the day as YYYY-MM-DD") from error
