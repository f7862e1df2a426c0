"""cds-service check: is all knowledge in order, and does it answer its own examples as expected?"""

import argparse
import sys
from collections.abc import Sequence

from cds_service.checking.check import check
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.criteria.knowledge import knowledge_of_site
from cds_service.errors import KnowledgeErrors, KnowledgeFault
from cds_service.settings import read_settings
from cds_service.terminology.concept_map import SiteMap


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "check",
        help="check trials, readings, value sets, concept maps and assumptions",
        description="Load all knowledge, look for parts that can never decide, run the examples of every trial, and report "
        "each fault with its file, place and fix.",
        **with_examples(
            "cds-service check",
            "CDS_ASSUMPTIONS=site.yaml cds-service check",
            "CDS_TRIALS=/etc/cds-service/trials cds-service check",
            "CDS_CONCEPT_MAPS=/etc/cds-service/concept-maps cds-service check",
        ),
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    try:
        knowledge = knowledge_of_site(settings, for_review=True)
    except KnowledgeErrors as error:
        return _report(error.faults)
    checked = check(knowledge, settings.assumptions, settings.trials)
    if checked.faults:
        return _report(checked.faults)
    rows = [row for trial in knowledge.trials for row in trial.rows()]
    asked = sum(row.asked for row in rows)
    codes = sum(len(value_set.codes) + len(value_set.prefixes) for value_set in knowledge.terminology)
    sys.stdout.write(
        f"{len(knowledge.trials)} trials, {len(rows)} criteria ({len(rows) - asked} computed, {asked} asked), "
        f"{len(knowledge.readings)} shared readings, {len(knowledge.terminology)} value sets with {codes} codes, "
        f"{len(knowledge.assumptions.sources)} assumptions, {checked.examples} examples: in order\n{knowledge.digest}\n"
    )
    for site_map in knowledge.maps.files:
        sys.stdout.write(f"{_map_line(site_map)}\n")
    not_reviewed = [trial.id for trial in knowledge.trials if trial.reviewed is None]
    if settings.require_reviewed and not_reviewed:
        sys.stdout.write(f"CDS_REQUIRE_REVIEWED leaves out {', '.join(not_reviewed)}: not reviewed\n")
    return 0


def _report(faults: Sequence[KnowledgeFault]) -> int:
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    sys.stderr.write(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}\n")
    return 1


def _map_line(site_map: SiteMap) -> str:
    left = ", ".join(f"{count} {why}" for why, count in sorted(site_map.not_applied.items()))
    return f"{site_map.file}: {site_map.translated} local codes translated" + (f"; not applied: {left}" if left else "")
