"""cds-service export: the trials, and patients' answers, as FHIR for other programs.

What makes the resources is imported when it is used: the models of two FHIR releases cost half a second that no other
subcommand should pay.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from cds_service.cli.record_files import HELP, add_as_of, read_records
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.criteria.knowledge import Knowledge, knowledge_of_site
from cds_service.errors import UnreadableRecord, UnwritableOutput
from cds_service.evaluation import evaluate
from cds_service.export.release import Release
from cds_service.settings import now, read_settings

STANDARD_OUTPUT = "-"


class Resource(Protocol):
    """What is written: a FHIR resource of any release."""

    def model_dump_json(self, *, indent: int | None = None) -> str: ...


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "export",
        help="write trials or answers as FHIR",
        description="Write the trials, or patients' answers, as FHIR Bundles. docs/standards.md tells what stands where.",
        **with_examples(
            "cds-service export trials --fhir r5 --output trials/",
            "cds-service export answers patient.json > answers.ndjson",
        ),
    )
    kinds: Subcommands = parser.add_subparsers(required=True, metavar="WHAT")
    _add_trials(kinds)
    _add_answers(kinds)


def _add_trials(kinds: Subcommands) -> None:
    parser = kinds.add_parser(
        "trials",
        help="each trial with its criteria",
        description="Each trial as a Bundle: ResearchStudy with Group (R4) or with EvidenceVariables (R5).",
        **with_examples(
            "cds-service export trials",
            "cds-service export trials --fhir r5 --trial NCT07144020 --with-value-sets --output trials/",
        ),
    )
    parser.add_argument("--fhir", choices=[release.value for release in Release], default="r4", help="the release of FHIR")
    parser.add_argument("--with-value-sets", action="store_true", help="with the ValueSets that the criteria name")
    _add_common(parser)
    parser.set_defaults(run=_run_trials, parser=parser)


def _add_answers(kinds: Subcommands) -> None:
    parser = kinds.add_parser(
        "answers",
        help="every answer for records in files",
        description="For each FHIR R4 Bundle, one patient's whole record, the answers as a Bundle: "
        "for each trial a ResearchSubject with its status and a GuidanceResponse with every answer.",
        **with_examples(
            "cds-service export answers patient.json",
            "cds-service export answers --as-of 2026-11-22 --trial NCT07144020 --output answers/ records/*.json",
            "curl … | cds-service export answers -",
        ),
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help=HELP)
    add_as_of(parser)
    _add_common(parser)
    parser.set_defaults(run=_run_answers, parser=parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trial", action="append", metavar="NCT…", help="only this trial; may be given several times")
    parser.add_argument(
        "--output",
        default=STANDARD_OUTPUT,
        metavar="DIR",
        help="a file a Bundle; by default a line a Bundle on standard output",
    )


def _run_trials(arguments: argparse.Namespace) -> int:
    from cds_service.export.trials import trial_bundle

    knowledge = knowledge_of_site(read_settings())
    wanted = _trials(arguments, knowledge)
    release = Release(arguments.fhir)
    bundles = (
        (trial.id, trial_bundle(trial, knowledge, release, with_value_sets=arguments.with_value_sets))
        for trial in knowledge.trials
        if trial.id in wanted
    )
    _write(bundles, arguments.output)
    return 0


def _run_answers(arguments: argparse.Namespace) -> int:
    from cds_service.export.answers import answers_bundle

    settings = read_settings()
    knowledge = knowledge_of_site(settings)
    wanted = _trials(arguments, knowledge)
    names = [_name(file) for file in arguments.files]
    if arguments.output != STANDARD_OUTPUT and (twice := {name for name in names if names.count(name) > 1}):
        arguments.parser.error(f"several files would become {sorted(twice)[0]}.json; export them apart")
    as_of = arguments.as_of or now().astimezone(settings.timezone).date()
    refused: list[str] = []

    def bundles() -> Iterator[tuple[str, Resource]]:
        for name, (file, record) in zip(names, read_records(arguments.files, "Exporting"), strict=True):
            if isinstance(record, UnreadableRecord):
                refused.append(file)
                sys.stderr.write(f"{file}: {record}\n")
            else:
                findings = evaluate(record, knowledge, as_of, settings.timezone)
                yield name, answers_bundle(findings, as_of, knowledge.terminology, wanted)

    _write(bundles(), arguments.output)
    return 1 if refused else 0


def _trials(arguments: argparse.Namespace, knowledge: Knowledge) -> frozenset[str]:
    known = [trial.id for trial in knowledge.trials]
    wanted = frozenset(arguments.trial or known)
    if unknown := sorted(wanted - set(known)):
        arguments.parser.error(f"no trial {unknown[0]}; there are {', '.join(known)}")
    return wanted


def _name(file: str) -> str:
    return "standard-input" if file == "-" else Path(file).stem


def _write(bundles: Iterable[tuple[str, Resource]], output: str) -> None:
    """A line each on standard output, or a file each. Raises: UnwritableOutput."""
    if output == STANDARD_OUTPUT:
        for _, bundle in bundles:
            sys.stdout.write(bundle.model_dump_json() + "\n")
        return
    directory = Path(output)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, bundle in bundles:
            (directory / f"{name}.json").write_text(bundle.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UnwritableOutput(f"{output} cannot be written ({error.strerror}); name a directory of yours") from error
