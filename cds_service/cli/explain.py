"""cds-service explain: every row of every trial for patients' records in files."""

import argparse
import sys
from collections.abc import Iterator
from datetime import date

import msgspec
from rich.console import Console

from cds_service.cli.record_files import HELP, add_as_of, read_records
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.criteria.knowledge import Knowledge, knowledge_of_site
from cds_service.errors import UnreadableRecord, place_of
from cds_service.evaluation import evaluate
from cds_service.explanation import Explanation, as_json, explain, print_tables
from cds_service.settings import Settings, now, read_settings


class FileError(msgspec.Struct, frozen=True):
    code: str
    message: str


class FileRefused(msgspec.Struct, frozen=True):
    """The line of a file that is not one patient's record."""

    file: str
    error: FileError


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "explain",
        help="answer every criterion for records in files",
        description="Answer every criterion of every trial for FHIR R4 Bundles, each one patient's whole record.",
        **with_examples(
            "cds-service explain patient.json",
            "cds-service explain --trial NCT07144020 --as-of 2026-11-22 patient.json",
            "cds-service explain --format json records/*.json > answers.ndjson",
            "curl … | cds-service explain -",
        ),
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help=HELP)
    parser.add_argument("--trial", type=str.upper, metavar="NCT…", help="only this trial")
    add_as_of(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="tables for people, or a document a line")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    knowledge = knowledge_of_site(settings, for_review=True)
    known = [trial.id for trial in knowledge.trials]
    if arguments.trial is not None and arguments.trial not in known:
        arguments.parser.error(f"no such trial; there are {', '.join(known)}")
    as_of: date = arguments.as_of or now().astimezone(settings.timezone).date()
    console = Console()
    status = 0
    for answer in _answers(arguments.files, knowledge, settings, as_of, arguments.trial):
        if isinstance(answer, FileRefused):
            status = 1
        if arguments.format == "json":
            line = as_json(answer) if isinstance(answer, Explanation) else msgspec.json.encode(answer)
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
        elif isinstance(answer, Explanation):
            print_tables(answer, console)
        else:
            sys.stderr.write(f"{answer.file}: {answer.error.message}\n")
    return status


def _answers(
    files: list[str], knowledge: Knowledge, settings: Settings, as_of: date, trial: str | None
) -> Iterator[Explanation | FileRefused]:
    """One answer a file, in the order given; a file that cannot be answered never costs the others theirs."""
    for file, record in read_records(files, "Explaining"):
        if isinstance(record, UnreadableRecord):
            yield FileRefused(file, FileError(record.reason, str(record)))
            continue
        try:
            answer = explain(evaluate(record, knowledge, as_of, settings.timezone), as_of, trial)
        except Exception as error:  # noqa: BLE001  # the other files are still answered
            problem = f"unforeseen {type(error).__name__} in {place_of(error)}; please report it"
            yield FileRefused(file, FileError("unforeseen", problem))
        else:
            yield answer
