"""criteria/trials/NCT….yaml → Trial. Every error names file, line and place; all are found in one go."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from cds_service import strict_yaml
from cds_service.assumptions import Assumptions
from cds_service.criteria import nodes
from cds_service.criteria.fault import FaultError
from cds_service.criteria.predicates.person import Ask, AskList
from cds_service.criteria.predicates.word import Word
from cds_service.criteria.read_course import relapse_definition
from cds_service.criteria.read_words import PART_KEYS, Branch, WordReader
from cds_service.criteria.signature import is_day, is_signature, why_not_signed
from cds_service.criteria.trial import Criterion, CriterionKind, Recruitment, Site, Trial
from cds_service.errors import KnowledgeErrors, KnowledgeFault
from cds_service.facts.sightings import RelapseDefinition
from cds_service.site_directory import files_of_site
from cds_service.strict_yaml import Document, Tree

TRIALS = Path(__file__).with_name("trials")
READINGS = Path(__file__).with_name("readings.yaml")
_KINDS = {kind.value: kind for kind in CriterionKind}
_APART = frozenset({"criteria", "disease_gate", "examples"})
"""What is no part of the header. `examples` are read by `cds-service check` alone: a wrong one stops nothing else."""


@dataclass(frozen=True)
class Source:
    """The file that words were read from, and where each stands in it."""

    document: Document
    places: Mapping[int, str]
    """The path of each word, by its identity."""

    def fault(self, word: Word, problem: str, fix: str, *, within: str = "") -> KnowledgeFault:
        """A fault of a word, or of a part of its node that is no word itself."""
        return self.document.fault(f"{self.places.get(id(word), '')}{within}", problem, fix)


def trial_paths(site: Path | None, shipped: Path = TRIALS) -> tuple[Path, ...]:
    """The trial files that are shipped and those of the site's directory, by number.

    A site signs a shipped trial by a copy of its file that differs in `reviewed` alone; the copy takes its place.

    Raises: KnowledgeErrors for a trial that is there twice otherwise, for a file that is not read, and for a directory of the
    site without a trial: a volume that was not mounted must not silently take away the site's own trials.
    """
    ours = {path.name.casefold(): path for path in shipped.glob("*.yaml")}
    own = () if site is None else files_of_site(site, "CDS_TRIALS", ".yaml", apart=frozenset({"examples"}))
    if site is not None and not own:
        fix = "put the site's trial files there, such as NCT01234567.yaml, or leave the setting empty"
        raise KnowledgeErrors([KnowledgeFault("CDS_TRIALS", None, "", "names a directory without a trial file", fix)])
    faults = [
        fault for path in own if (signed := ours.pop(path.name.casefold(), None)) for fault in why_not_signed(path, signed)
    ]
    if faults:
        raise KnowledgeErrors(faults)
    return tuple(sorted((*ours.values(), *own), key=lambda path: path.name))


def load_trial(path: Path, assumptions: Assumptions) -> Trial:
    """Raises: KnowledgeErrors with every fault of the file."""
    return read_trial(path, assumptions)[0]


def read_trial(path: Path, assumptions: Assumptions) -> tuple[Trial, Source]:
    """A trial, and where its words stand. Raises: KnowledgeErrors."""
    loader = _TrialLoader(strict_yaml.load(path), path.stem, assumptions)
    return loader.load(), Source(loader.document, loader.words.places)


def load_readings(path: Path, assumptions: Assumptions) -> dict[str, Word]:
    """The readings that trials share, by name. Raises: KnowledgeErrors."""
    return read_readings(path, assumptions)[0]


def read_readings(path: Path, assumptions: Assumptions) -> tuple[dict[str, Word], Source]:
    """The shared readings, and where their words stand. Raises: KnowledgeErrors."""
    document = strict_yaml.load(path)
    faults: list[KnowledgeFault] = []
    reader = WordReader(document, assumptions, faults)
    tree = document.tree if isinstance(document.tree, dict) else {}
    readings = {name: reader.read(node, name) for name, node in tree.items()}
    if faults or not readings:
        raise KnowledgeErrors(faults or [document.fault("", "is empty", "restore the file")])
    return readings, Source(document, reader.places)


class _TrialLoader:
    def __init__(self, document: Document, name: str, assumptions: Assumptions) -> None:
        self.document = document
        self.name = name
        self.faults: list[KnowledgeFault] = []
        self.words = WordReader(document, assumptions, self.faults)

    def load(self) -> Trial:
        tree = self.document.tree
        if not isinstance(tree, dict):
            raise KnowledgeErrors([self.document.fault("", "is not a trial", "start with id, title …")])
        header = self._header({key: value for key, value in tree.items() if key not in _APART})
        criteria = tuple(self._criteria(tree.get("criteria")))
        relapse = self._relapse(header)
        gate = self.words.read(tree.get("disease_gate"), "disease_gate")
        self._check_ids(criteria)
        if self.faults or header is None or relapse is None:
            raise KnowledgeErrors(self.faults)
        return Trial(
            id=header.id,
            title=header.title,
            short_title=header.short_title,
            product=header.product,
            phase=header.phase,
            sponsor=header.sponsor,
            site=Site(header.site.name, header.site.city),
            recruitment=Recruitment(
                header.recruitment.status, date.fromisoformat(header.recruitment.as_of), header.recruitment.source
            ),
            complete=header.completeness.complete == "yes",
            completeness=header.completeness.known,
            protocol_source=header.protocol.source,
            protocol_url=header.protocol.url,
            reviewed=header.reviewed,
            relapse=relapse,
            criteria=criteria,
            disease_gate=gate,
        )

    def _header(self, tree: Branch) -> nodes.HeaderNode | None:
        try:
            header = msgspec.convert(tree, nodes.HeaderNode, strict=False)
        except msgspec.ValidationError as error:
            self._fault("", f"has a wrong header: {str(error).replace('`', '')}", "compare it with another trial file")
            return None
        if header.id != self.name:
            self._fault("id", "is not the file's name", f"write {self.name}")
        if header.reviewed is not None and not is_signature(header.reviewed):
            self._fault("reviewed", "does not tell who and when", 'write "A. Haematologist, 2026-11-24", or null until it is')
        if header.completeness.complete not in ("yes", "no"):
            self._fault("completeness.complete", "has no such value", "use yes or no")
        if not is_day(header.recruitment.as_of):
            self._fault("recruitment.as_of", "is not a day", "write YYYY-MM-DD")
        return header

    def _relapse(self, header: nodes.HeaderNode | None) -> RelapseDefinition | None:
        if header is None:
            return None
        try:
            return relapse_definition(header.definitions.relapse, "definitions.relapse")
        except FaultError as fault:
            self._fault(fault.place, fault.problem, fault.fix)
            return None

    def _criteria(self, tree: Tree) -> Iterator[Criterion]:
        if not isinstance(tree, list) or not tree:
            self._fault("criteria", "is empty", "list the protocol's criteria in its order")
            return
        for index, node in enumerate(tree):
            if isinstance(node, dict):
                yield self._criterion(node, f"criteria[{index}]")
            else:
                self._fault(f"criteria[{index}]", "is not a criterion", "write id, kind, text and a word")

    def _criterion(self, node: Branch, place: str) -> Criterion:
        parts: list[Criterion] = []
        beside = self._within(node, "beside", place, None)
        outer, self.words.on_part = self.words.on_part, lambda part, at, word: parts.append(self._row(part, at, word, node))
        word = self.words.read({key: value for key, value in node.items() if key not in PART_KEYS}, place)
        self.words.on_part = outer
        self.words.rows[str(node.get("id"))] = word
        shown = self._within(node, "shown", place, str(node.get("id")))
        return self._row(node, place, word, None, (*parts, *shown), beside)

    def _within(self, node: Branch, key: str, place: str, part_of: str | None) -> tuple[Criterion, ...]:
        """Criteria that the protocol prints inside this sentence: evaluated and shown, no part of its logic."""
        inner = node.get(key)
        if inner is None:
            return ()
        if not isinstance(inner, list):
            self._fault(f"{place}.{key}", "is not a list", "list the criteria")
            return ()
        rows = []
        for index, item in enumerate(inner):
            at = f"{place}.{key}[{index}]"
            if isinstance(item, dict):
                word = self.words.read({k: v for k, v in item.items() if k not in PART_KEYS}, at)
                self.words.rows[str(item.get("id"))] = word
                rows.append(self._row(item, at, word, node if part_of else None))
        return tuple(rows)

    def _row(
        self,
        node: Branch,
        place: str,
        word: Word,
        above: Branch | None,
        parts: tuple[Criterion, ...] = (),
        beside: tuple[Criterion, ...] = (),
    ) -> Criterion:
        texts = {key: node.get(key) for key in ("id", "text", "reading")}
        for key in ("id", "text"):
            if not texts[key]:
                self._fault(f"{place}.{key}", "is missing", "every criterion has an id and the protocol's own words")
        kind = node.get("kind", above.get("kind") if above is not None else None)
        if not isinstance(kind, str) or kind not in _KINDS:
            self._fault(f"{place}.kind", "has no such value", "use inclusion or exclusion")
        reading = texts["reading"]
        return Criterion(
            id=str(texts["id"]),
            kind=_KINDS.get(str(kind), CriterionKind.INCLUSION),
            text=str(texts["text"]),
            word=word,
            reading=reading if isinstance(reading, str) else None,
            part_of=str(above["id"]) if above is not None else None,
            asked=isinstance(word, (Ask, AskList)),
            sensitive=node.get("sensitive", above.get("sensitive") if above is not None else None) == "true",
            parts=parts,
            beside=beside,
        )

    def _check_ids(self, criteria: tuple[Criterion, ...]) -> None:
        seen: set[str] = set()
        for row in (row for criterion in criteria for row in criterion.rows()):
            if row.id in seen:
                self._fault("criteria", f"has the id {row.id} twice", "give each criterion its own id")
            seen.add(row.id)

    def _fault(self, place: str, problem: str, fix: str) -> None:
        self.faults.append(self.document.fault(place, problem, fix))
