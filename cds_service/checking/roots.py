"""All words of the knowledge, each once, with the file that it stands in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cds_service.criteria import load
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.load import Source
from cds_service.criteria.predicates.combinations import Named
from cds_service.criteria.predicates.word import Word
from cds_service.criteria.trial import Trial
from cds_service.errors import KnowledgeFault


@dataclass(frozen=True)
class Placed:
    """A word and the file that says it."""

    word: Word
    source: Source

    def fault(self, problem: str, fix: str, *, within: str = "") -> KnowledgeFault:
        return self.source.fault(self.word, problem, fix, within=within)

    def at(self, word: Word) -> "Placed":
        """Another word of the same file."""
        return Placed(word, self.source)

    def place(self) -> str:
        return self.source.places.get(id(self.word), "")


@dataclass(frozen=True)
class TrialFile:
    """A trial, read again with the places of its words."""

    path: Path
    trial: Trial
    source: Source


def trial_files(knowledge: Knowledge, site: Path | None = None) -> tuple[TrialFile, ...]:
    """Those shipped, and those of the site. Raises: KnowledgeErrors; but what loads once loads again."""
    paths = load.trial_paths(site)
    return tuple(TrialFile(path, *load.read_trial(path, knowledge.assumptions)) for path in paths)


def words_of_trials(files: tuple[TrialFile, ...]) -> tuple[Placed, ...]:
    """Every word of all trials. A row is told where it stands, not where it is referred to."""
    roots = [
        Placed(word, file.source)
        for file in files
        for word in (*(row.word for row in file.trial.rows()), file.trial.disease_gate)
    ]
    return tuple(placed for root in roots for placed in _within(root))


def words_of_readings(knowledge: Knowledge) -> tuple[Placed, ...]:
    """Every word of the shared readings."""
    readings, source = load.read_readings(load.READINGS, knowledge.assumptions)
    return tuple(placed for word in readings.values() for placed in _within(Placed(word, source)))


def _within(placed: Placed) -> Iterator[Placed]:
    yield placed
    if not isinstance(placed.word, Named):
        for part in placed.word.parts():
            yield from _within(placed.at(part))
