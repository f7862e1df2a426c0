"""What subcommands about patients' files share: reading one, and the day to judge on."""

import argparse
import sys
from datetime import date
from pathlib import Path

from cds_service.errors import UnreadableRecord


def read_file(file: str) -> bytes:
    """The file's content; - is standard input. Raises: UnreadableRecord."""
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
