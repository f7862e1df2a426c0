"""cds-service codes: which codes of a hospital nothing recognises, and what they might mean."""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cds_service.cli.record_files import HELP, read_records
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.criteria.knowledge import knowledge_of_site
from cds_service.errors import CdsError, UnreadableRecord
from cds_service.facts.unrecognised import CodeSurvey, Unrecognised
from cds_service.settings import read_settings
from cds_service.terminology.codes import SYSTEM_NAMES, Coding
from cds_service.terminology.draft_map import draft, mappable
from cds_service.terminology.near_match import NearMatches, Proposal


class ProposalItem(msgspec.Struct, frozen=True, rename="camel"):
    value_set: str
    title: str
    system: str | None
    code: str | None
    display: str | None
    score: int
    by_words: bool


class CodeItem(msgspec.Struct, frozen=True, rename="camel"):
    """A code that nothing recognises. Of the patients it holds nothing."""

    asked_of: str
    resource_types: list[str]
    system: str | None
    code: str
    display: str | None
    count: int
    records: int
    proposal: ProposalItem | None


class CodeList(msgspec.Struct, frozen=True, rename="camel"):
    records: int
    without_a_code: int
    """Coded elements without any code: only their words are read."""
    codes: list[CodeItem]


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "codes",
        help="list local codes that nothing recognises",
        description=(
            "List the codes in FHIR R4 Bundles that no value set holds and no concept map translates, most frequent first, "
            "each with the code that it might mean. Of the records only codes, their displays and how often they occur are "
            "printed or written: no names, dates, values or free text."
        ),
        **with_examples(
            "cds-service codes patient.json",
            "cds-service codes --format csv records/*.json > codes.csv",
            "cds-service codes --write-map our-hospital.json records/*.json",
            "CDS_CONCEPT_MAPS=concept-maps cds-service codes records/*.json",
        ),
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help=HELP)
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text", help="a table for people, or data")
    parser.add_argument(
        "--standard", action="store_true", help="also codes of LOINC, SNOMED CT, ICD-10 and the like that no value set holds"
    )
    parser.add_argument(
        "--write-map",
        type=Path,
        metavar="FILE",
        help="write a draft ConceptMap there; nothing in it is applied until you say so",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.write_map is not None and arguments.write_map.exists():
        raise CdsError(f"{arguments.write_map} exists and is not overwritten; name a new file")
    knowledge = knowledge_of_site(read_settings(), for_review=True)
    survey = CodeSurvey(knowledge.terminology, knowledge.maps.looked_at, standard=arguments.standard)
    status, records = 0, 0
    for file, record in read_records(arguments.files, "Reading"):
        if isinstance(record, UnreadableRecord):
            sys.stderr.write(f"{file}: {record}\n")
            status = 1
        else:
            survey.add(record)
            records += 1
    near = NearMatches(knowledge.terminology)
    found = [(one, near.propose(one.asked_of, one.words) if one.words else None) for one in survey.found()]
    _print(found, records, survey.uncoded, arguments.format)
    if arguments.write_map is not None:
        _write_map(arguments.write_map, [(one.coding, proposal) for one, proposal in found])
    return status


Found = Sequence[tuple[Unrecognised, Proposal | None]]


def _print(found: Found, records: int, uncoded: int, form: str) -> None:
    items = [_item(one, proposal) for one, proposal in found]
    match form:
        case "json":
            sys.stdout.write(msgspec.json.encode(CodeList(records, uncoded, items)).decode() + "\n")
        case "csv":
            _print_csv(items)
        case _:
            _print_table(items, records, uncoded, Console())


def _item(one: Unrecognised, proposal: Proposal | None) -> CodeItem:
    return CodeItem(
        asked_of=one.asked_of.value,
        resource_types=list(one.resource_types),
        system=one.coding.system,
        code=one.coding.code or "",
        display=one.coding.display,
        count=one.count,
        records=one.records,
        proposal=_proposal(proposal) if proposal is not None else None,
    )


def _proposal(proposal: Proposal) -> ProposalItem:
    target = proposal.target or Coding(None, None)
    return ProposalItem(
        proposal.value_set, proposal.title, target.system, target.code, target.display, proposal.score, proposal.by_words
    )


_COLUMNS = ("count", "records", "askedOf", "resourceTypes", "system", "code", "display")
_PROPOSED = ("proposal", "proposedSystem", "proposedCode", "proposedDisplay", "score", "byWords")


def _print_csv(items: Sequence[CodeItem]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*_COLUMNS, *_PROPOSED))
    for item in items:
        resource_types = " ".join(item.resource_types)
        known = (item.count, item.records, item.asked_of, resource_types, item.system, item.code, item.display)
        near = item.proposal
        proposed = (near.title, near.system, near.code, near.display, near.score, near.by_words) if near else ("",) * 6
        writer.writerow((*known, *proposed))


def _print_table(items: Sequence[CodeItem], records: int, uncoded: int, console: Console) -> None:
    table = Table(title=Text(f"Codes that nothing recognises, in {records} records"), title_justify="left", show_lines=True)
    for name in ("Count", "Records"):
        table.add_column(name, justify="right")
    table.add_column("Resource", no_wrap=True)
    for name in ("Code and system", "Display", "It might mean"):
        table.add_column(name, overflow="fold")
    for item in items:
        code = f"{item.code}\n{item.system or 'no system'}"
        cells = ("\n".join(item.resource_types), code, item.display or "", _might_mean(item.proposal))
        table.add_row(str(item.count), str(item.records), *(Text(cell) for cell in cells))
    console.print(table)
    if uncoded:
        console.print(f"{uncoded} elements have no code at all: only their words are read, and no map can help.")


def _might_mean(proposal: ProposalItem | None) -> str:
    if proposal is None:
        return ""
    how = "by its words" if proposal.by_words else f"names alike, {proposal.score} of 100"
    if proposal.code is None:
        return f"{proposal.title}: which code?\n{how}"
    system = SYSTEM_NAMES.get(proposal.system or "", proposal.system)
    return f"{proposal.display or proposal.title}\n{system} {proposal.code}\n{how}"


def _write_map(path: Path, candidates: Sequence[tuple[Coding, Proposal | None]]) -> None:
    """Raises: CdsError."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(draft(candidates))
    except OSError as error:
        raise CdsError(f"{path} cannot be written ({error.strerror}); name a new file") from error
    kept = mappable(candidates)
    left = (
        f"; {len(candidates) - len(kept)} without a code system, or no FHIR codes, are left out"
        if len(kept) < len(candidates)
        else ""
    )
    sys.stderr.write(f"{path}: {len(kept)} codes to be looked at{left}\n")
