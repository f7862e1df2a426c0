"""All that `cds-service check` looks for in knowledge that loads."""

from dataclasses import dataclass
from pathlib import Path

from cds_service import assumptions as assumptions_module
from cds_service import strict_yaml
from cds_service.checking import examples, reach, unused, value_sets
from cds_service.checking.limits import Limits
from cds_service.checking.roots import trial_files, words_of_readings, words_of_trials
from cds_service.checking.sense import Sense
from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import KnowledgeErrors, KnowledgeFault
from cds_service.site_directory import files_of_site


@dataclass(frozen=True, slots=True)
class Checked:
    """Every fault found, and how many examples were run."""

    faults: tuple[KnowledgeFault, ...]
    examples: int


def check(knowledge: Knowledge, assumptions_file: Path | None = None, site_trials: Path | None = None) -> Checked:
    """Parts that can never decide, limits out of reach, what nothing uses, and examples that come out otherwise."""
    files = trial_files(knowledge, site_trials)
    words = (*words_of_trials(files), *words_of_readings(knowledge))
    sense = Sense(knowledge.readings, knowledge.assumptions)
    limits = Limits(knowledge.assumptions)
    assumed = strict_yaml.load(assumptions_file or assumptions_module.DEFAULT_FILE)
    faults = [
        *reach.unreachable(words, sense),
        *limits.impossible(words),
        *limits.relapses(files),
        *limits.assumed(assumed),
        *value_sets.overlapping(words, sense, knowledge.terminology),
        *unused.unused_value_sets(words, knowledge.terminology),
        *unused.unused_assumptions(words, knowledge.assumptions, assumed),
    ]
    faults.extend(_unread_examples(site_trials))
    run = 0
    for file in files:
        found = examples.read(file.trial, file.source.document, file.path.with_name("examples"), faults)
        faults.extend(examples.run(file.trial, found, file.source.document, knowledge))
        run += len(found)
    return Checked(tuple(faults), run)


def _unread_examples(site_trials: Path | None) -> tuple[KnowledgeFault, ...]:
    """Files among the examples of a site's trials that a slip of their name hides."""
    directory = site_trials / "examples" if site_trials is not None else None
    if directory is None or not directory.is_dir():
        return ()
    try:
        files_of_site(directory, "CDS_TRIALS/examples", ".json")
    except KnowledgeErrors as error:
        return error.faults
    return ()
