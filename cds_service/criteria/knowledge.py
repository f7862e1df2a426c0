"""Knowledge: trials, shared readings, value sets, a site's concept maps and assumptions; immutable.

All are loaded and cross-checked once, at start.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TypeVar

from cds_service import assumptions as assumptions_module
from cds_service.assumptions import Assumptions
from cds_service.criteria import cross_check, load
from cds_service.criteria.beforehand import Beforehand, answered_beforehand, touched
from cds_service.criteria.predicates.combinations import SharedReading
from cds_service.criteria.predicates.search import Search, look_through
from cds_service.criteria.predicates.window import INSULTS
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.trial import Trial
from cds_service.criteria.verdict import Verdict
from cds_service.errors import KnowledgeErrors, KnowledgeFault, SettingsError
from cds_service.facts import disease_sign, timeline
from cds_service.facts.model import Kind, PatientFacts, Person
from cds_service.settings import Settings
from cds_service.terminology import concept_map, units, value_set_files
from cds_service.terminology.concept_map import ConceptMaps
from cds_service.terminology.value_set import Terminology

Loaded = TypeVar("Loaded")
DISEASES = ("aml", "bpdcn")
"""The shared readings that tell whether the patient has a disease of these trials."""


@dataclass(frozen=True)
class Knowledge:
    """Everything by which patients are judged. `digest` names this very content, so that an answer can be reproduced."""

    trials: tuple[Trial, ...]
    readings: Mapping[str, Word]
    terminology: Terminology
    assumptions: Assumptions
    maps: ConceptMaps
    digest: str
    sensitive: frozenset[str]
    """The value sets that sensitive criteria ask for: what they name is not for a shared screen, whichever row cites it."""
    not_reviewed: tuple[str, ...] = ()
    """The trials that are left out because nobody has reviewed their reading."""

    def warm_up(self) -> None:
        """Work out at start, not in the first call, what is known beforehand."""
        self._beforehand(frozenset(Kind))

    def case(self, facts: PatientFacts) -> Case:
        """A patient's facts with their disease course, ready to be asked."""
        searches = look_through(facts, self.terminology)
        return self._case(facts, searches, self._beforehand(facts.searched).where_none_is_of(touched(facts, searches)))

    def _case(self, facts: PatientFacts, searches: Mapping[Kind, Search], beforehand: Mapping[int, Verdict]) -> Case:
        definitions = {trial.id: trial.relapse for trial in self.trials}
        courses = timeline.disease_courses(facts, definitions, self.assumptions)
        return Case(
            facts=facts,
            courses=courses,
            course=next(iter(courses.values())),
            terminology=self.terminology,
            assumptions=self.assumptions,
            readings=self.readings,
            numbers=self._numbers,
            searches=searches,
            beforehand=beforehand,
        )

    @cached_property
    def _beforehand(self) -> Callable[[frozenset[Kind]], Beforehand]:
        """What is answered where nothing is on record, by the kinds of which everything was had."""

        def of_nobody(searched: frozenset[Kind]) -> Beforehand:
            facts = PatientFacts(Person("Patient", birth=None, sex=None), date.min, searched=searched)
            return answered_beforehand(self._numbers, self._case(facts, look_through(facts, self.terminology), {}))

        return lru_cache(None)(of_nobody)

    @cached_property
    def _numbers(self) -> Mapping[int, tuple[Word, int]]:
        """The words in its files by identity, each with a number that equal ones share, so that each is asked once."""
        outer = [row.word for trial in self.trials for row in trial.rows()]
        outer += [*(trial.disease_gate for trial in self.trials), *self.readings.values()]
        numbers: dict[Word, int] = {}
        words = (word for one in outer for word in cross_check.words_in(one))
        return {id(word): (word, numbers.setdefault(word, len(numbers))) for word in words}


def knowledge_of_site(settings: Settings, *, for_review: bool = False) -> Knowledge:
    """The knowledge as a site has set it up: with its own trials, assumptions and concept maps.

    Under CDS_REQUIRE_REVIEWED, trials that nobody has reviewed are left out, but for the commands that a reviewer works with.
    The digest is that of all files either way: an answer is reproduced by the same files, whatever is left out.

    Raises: KnowledgeErrors; SettingsError where no trial is left: a service without one would answer "nothing found" for all.
    """
    knowledge = load_knowledge(settings.assumptions, concept_maps_directory=settings.concept_maps, site_trials=settings.trials)
    return _reviewed_only(knowledge) if settings.require_reviewed and not for_review else knowledge


def _reviewed_only(knowledge: Knowledge) -> Knowledge:
    """Raises: SettingsError."""
    reviewed = tuple(trial for trial in knowledge.trials if trial.reviewed is not None)
    if not reviewed:
        names = ", ".join(trial.id for trial in knowledge.trials)
        raise SettingsError(
            f"CDS_REQUIRE_REVIEWED leaves no trial to evaluate: nobody has reviewed {names}; have a haematologist sign the "
            "file of a trial (`reviewed:`) in the directory of CDS_TRIALS, or set it to false"
        )
    left_out = tuple(trial.id for trial in knowledge.trials if trial.reviewed is None)
    return replace(knowledge, trials=reviewed, not_reviewed=left_out)


def load_knowledge(
    assumptions_file: Path | None = None,
    trials_directory: Path = load.TRIALS,
    value_sets_directory: Path = value_set_files.DIRECTORY,
    concept_maps_directory: Path | None = None,
    site_trials: Path | None = None,
) -> Knowledge:
    """Raises: KnowledgeErrors with every fault of every file."""
    faults: list[KnowledgeFault] = []
    terminology = _attempt(lambda: value_set_files.load(value_sets_directory), faults)
    assumptions = _attempt(lambda: assumptions_module.load(assumptions_file), faults)
    if assumptions is None:  # everything else speaks of its names
        raise KnowledgeErrors(faults)
    readings = _attempt(lambda: load.load_readings(load.READINGS, assumptions), faults)
    paths = _attempt(lambda: load.trial_paths(site_trials, trials_directory), faults) or ()
    loaded = [_attempt(partial(load.load_trial, path, assumptions), faults) for path in paths]
    trials = [trial for trial in loaded if trial is not None]
    if terminology is None or readings is None:
        raise KnowledgeErrors(faults)
    maps = _attempt(lambda: concept_map.load(terminology, concept_maps_directory), faults)
    faults.extend(_dangling(trials, readings, terminology))
    faults.extend(_unknown_insults(assumptions))
    faults.extend(_ranges_of_no_test(assumptions, terminology))
    if not trials and not faults:
        faults.append(KnowledgeFault("trials", None, "", "there is no trial file", "restore the folder"))
    if faults or maps is None:
        raise KnowledgeErrors(faults)
    files = (path.read_bytes() for path in (*paths, load.READINGS))
    digest = hashlib.sha256()
    for content in (*files, assumptions.content, terminology.digest_bytes(), maps.content):
        digest.update(hashlib.sha256(content).digest())
    understood = terminology.with_translations(maps.translations)
    sensitive = frozenset(_sensitive(trials, readings))
    return Knowledge(tuple(trials), readings, understood, assumptions, maps, f"sha256:{digest.hexdigest()}", sensitive)


def _attempt(read: Callable[[], Loaded], faults: list[KnowledgeFault]) -> Loaded | None:
    """What was read; after a fault None, so that the other files are read too."""
    try:
        return read()
    except KnowledgeErrors as error:
        faults.extend(error.faults)
        return None


def _sensitive(trials: list[Trial], readings: Mapping[str, Word]) -> Iterator[str]:
    words = [row.word for trial in trials for row in trial.rows() if row.sensitive]
    while words:
        for word in cross_check.words_in(words.pop()):
            yield from word.value_sets()
            if isinstance(word, SharedReading):
                words.append(readings[word.name])


def _dangling(trials: list[Trial], readings: Mapping[str, Word], terminology: Terminology) -> Iterator[KnowledgeFault]:
    """Names of value sets and readings that do not exist, or do not fit."""
    roots = [(f"{trial.id}.yaml", row.id, row.word) for trial in trials for row in trial.rows()]
    roots += [(f"{trial.id}.yaml", "disease_gate", trial.disease_gate) for trial in trials]
    roots += [(load.READINGS.name, name, word) for name, word in readings.items()]
    for root in roots:
        yield from cross_check.dangling(root, readings, terminology)
    yield from cross_check.circular(load.READINGS.name, readings)
    for name in DISEASES:
        if name not in readings:
            yield KnowledgeFault(load.READINGS.name, None, name, "tells who has the disease, and is not there", "restore it")
    for name in (*disease_sign.DIAGNOSES, *disease_sign.DRUGS, *disease_sign.RESULTS):
        if name not in terminology:
            yield KnowledgeFault("value_sets", None, name, "is asked for as a sign of the disease", "add the value set")


def _unknown_insults(assumptions: Assumptions) -> Iterator[KnowledgeFault]:
    for name, window in assumptions.windows.items():
        for insult in sorted({*window.superseded_by} - INSULTS):
            fix = f"use some of: {', '.join(sorted(INSULTS))}"
            yield KnowledgeFault("assumptions.yaml", None, f"windows.{name}.superseded_by", f"{insult} is not known", fix)


def _ranges_of_no_test(assumptions: Assumptions, terminology: Terminology) -> Iterator[KnowledgeFault]:
    """Plausible ranges of what is no test, or in a unit that does not fit it."""
    for name, plausible in assumptions.plausible.items():
        if name == "age":
            continue
        place = f"plausible.{name}"
        if name not in terminology:
            yield KnowledgeFault("assumptions.yaml", None, place, "is no value set", "mend the name")
        elif not units.fits(plausible.unit, name):
            yield KnowledgeFault("assumptions.yaml", None, place, "has a unit that does not fit the test", "mend the unit")
