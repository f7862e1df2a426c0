"""Concept maps: what a hospital's own codes mean, in the codes that our value sets hold.

They are FHIR R4 ConceptMap resources, one a site. Only what a person marked as equal or equivalent is applied; candidates,
and codes that are merely wider or narrower, are kept and counted, and change no answer.
"""

import codecs
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fhir.resources.R4B.conceptmap import ConceptMap as FhirConceptMap
from fhir.resources.R4B.conceptmap import ConceptMapGroup, ConceptMapGroupElement, ConceptMapGroupElementTarget
from pydantic import ValidationError

from cds_service.errors import KnowledgeErrors, KnowledgeFault
from cds_service.site_directory import files_of_site
from cds_service.terminology.codes import Code, Coding, canonical_system
from cds_service.terminology.strict_json import DoubledKeyError, refuse_doubled_keys
from cds_service.terminology.value_set import Terminology, Translations
from cds_service.value import Value

DIRECTORY = Path(__file__).with_name("concept_maps")
APPLIED = frozenset({"equal", "equivalent"})
LOOKED_AT = frozenset({"unmatched", "disjoint"})
"""A person looked at the code: it is none of ours."""
CANDIDATE = "relatedto"
_EQUIVALENCES = APPLIED | LOOKED_AT | {CANDIDATE, "wider", "subsumes", "narrower", "specializes", "inexact"}
_STATUSES = frozenset({"draft", "active", "retired", "unknown"})
_HOW = "see concept_maps/README.md"


class SiteMap(Value, frozen=True):
    """What one file holds: how many codes it translates, and what in it is not applied, by the file's own word for it."""

    file: str
    translated: int
    not_applied: Mapping[str, int]


class ConceptMaps(Value, frozen=True):
    """All maps of a site, cross-checked against the value sets."""

    translations: Translations
    looked_at: frozenset[Code]
    """Local codes that a person found to be none of ours."""
    files: tuple[SiteMap, ...]
    content: bytes
    """The content of all maps, for the knowledge's digest."""


class _Translation(Value, frozen=True):
    """One local code, what it is equivalent to, and where that stands."""

    file: str
    place: str
    source: Coding
    target: Coding

    def fault(self, problem: str, fix: str) -> KnowledgeFault:
        return KnowledgeFault(self.file, None, self.place, problem, fix)


@dataclass
class _MapReader:
    """Reads one file; every fault is kept, so that all are reported together."""

    file: str
    terminology: Terminology
    faults: list[KnowledgeFault] = field(default_factory=list)
    translations: list[_Translation] = field(default_factory=list)
    looked_at: set[Code] = field(default_factory=set)
    not_applied: Counter[str] = field(default_factory=Counter)

    def read(self, path: Path) -> bytes:
        """The file's content, for the knowledge's digest."""
        try:
            content = path.read_bytes()
        except OSError as error:
            self._fault("", f"cannot be read ({error.strerror})", "let the service read it")
            return b""
        self._read(content.removeprefix(codecs.BOM_UTF8))
        return content

    def _read(self, content: bytes) -> None:
        try:
            refuse_doubled_keys(content)
            resource = FhirConceptMap.model_validate_json(content)
        except DoubledKeyError as error:
            self._fault("", str(error), "keep the one that is right")
            return
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            self._fault(_place(first["loc"]), f"is not a FHIR R4 ConceptMap ({first['type']})", _HOW)
            return
        except (ValueError, RecursionError):
            self._fault("", "is not JSON", "mend it, or draft a new one with `cds-service codes --write-map`")
            return
        if resource.status not in _STATUSES:
            self._fault("status", "has no such value", "use draft, active or retired")
        for number, group in enumerate(resource.group or []):
            self._group(group, f"group[{number}]")
        if resource.status == "retired":
            self.not_applied = Counter(retired=len(self.translations))
            self.translations.clear()
        elif resource.status != "active" and self.translations:
            problem = f"is {resource.status}, but {len(self.translations)} codes in it are marked as equivalent"
            self._fault("status", problem, "write active when they have been reviewed")

    def _group(self, group: ConceptMapGroup, place: str) -> None:
        source, target = canonical_system(group.source), canonical_system(group.target)
        if source is None:
            self._fault(f"{place}.source", "is missing", "name the code system of the hospital's codes as its records do")
            return
        if group.unmapped is not None and group.unmapped.mode != "provided":
            self._fault(f"{place}.unmapped", "would give a meaning to codes that nobody has looked at", "leave it out")
        for number, element in enumerate(group.element or []):
            self._element(element, source, target, f"{place}.element[{number}]")

    def _element(self, element: ConceptMapGroupElement, source: str, target: str | None, place: str) -> None:
        if not element.code:
            self._fault(f"{place}.code", "is missing", "write the hospital's code")
            return
        local = Coding(source, element.code, element.display)
        if not element.target:
            self.not_applied["without a target"] += 1
        for number, one in enumerate(element.target or []):
            self._target(one, local, target, f"{place}.target[{number}]")

    def _target(self, target: ConceptMapGroupElementTarget, local: Coding, system: str | None, place: str) -> None:
        equivalence = str(target.equivalence)
        if equivalence not in _EQUIVALENCES:
            self._fault(f"{place}.equivalence", "has no such value", "use equivalent or equal, or relatedto for a candidate")
        elif equivalence not in APPLIED:
            self.not_applied[equivalence] += 1
            self.looked_at |= {local.key} if equivalence in LOOKED_AT else set()
        elif target.dependsOn or target.product:
            self._fault(place, "holds on a condition only", "leave dependsOn and product out: a map holds for every record")
        elif (fault := self._wrong(target.code, local, system)) is not None:
            self._fault(place, *fault)
        else:
            self.translations.append(_Translation(self.file, place, local, Coding(system, target.code, target.display)))

    def _wrong(self, code: str | None, local: Coding, system: str | None) -> tuple[str, str] | None:
        """The fault of a translation that would not do what it seems to, and how to mend it."""
        if self.terminology.sets_holding(local):
            return f"translates {local.code}, which the value sets hold already", "leave it out"
        if system not in self.terminology.systems():
            known = ", ".join(sorted(self.terminology.systems()))
            return "has a target in a code system in which no value set holds codes", f"use one of {known}"
        if not code:
            return "is equivalent to nothing", "write the target's code, or unmatched"
        if not self.terminology.sets_holding(Coding(system, code)):
            return f"is equivalent to {code}, which no value set holds", "use a code of a file in value_sets/, or unmatched"
        return None

    def _fault(self, place: str, problem: str, fix: str) -> None:
        self.faults.append(KnowledgeFault(self.file, None, place, problem, fix))


def load(terminology: Terminology, site: Path | None = None, shipped: Path = DIRECTORY) -> ConceptMaps:
    """The maps that are shipped and those of the site's directory.

    Raises: KnowledgeErrors with every fault of every file. A directory of the site without a map is one: a volume that was
    not mounted must not silently take away what the local codes mean; and a file there that is not read.
    """
    own = () if site is None else files_of_site(site, "CDS_CONCEPT_MAPS", ".json")
    paths = [*sorted(shipped.glob("*.json")), *own]
    if site is not None and not own:
        fix = "put the site's maps there as .json files, or leave the setting empty"
        raise KnowledgeErrors([KnowledgeFault("CDS_CONCEPT_MAPS", None, "", "names a directory without a concept map", fix)])
    readers = [_MapReader(path.name, terminology) for path in paths]
    contents = [reader.read(path) for reader, path in zip(readers, paths, strict=True)]
    translations = [one for reader in readers for one in reader.translations]
    faults = [fault for reader in readers for fault in reader.faults]
    faults += [*_doubled(translations), *_contradictory(translations, terminology)]
    if faults:
        raise KnowledgeErrors(faults)
    targets: dict[Code, tuple[Coding, ...]] = {}
    for one in translations:
        targets[one.source.key] = (*targets.get(one.source.key, ()), one.target)
    return ConceptMaps(
        translations=targets,
        looked_at=frozenset(code for reader in readers for code in reader.looked_at) - targets.keys(),
        files=tuple(
            SiteMap(reader.file, len({t.source.key for t in reader.translations}), reader.not_applied) for reader in readers
        ),
        content=b"".join(contents),
    )


def _doubled(translations: Sequence[_Translation]) -> Iterator[KnowledgeFault]:
    """Local codes with two translations into one code system."""
    first: dict[tuple[Code, str | None], _Translation] = {}
    for one in translations:
        known = first.setdefault((one.source.key, one.target.system), one)
        if known is not one:
            problem = f"translates {one.source.code} a second time, after {known.file} {known.place}"
            yield one.fault(problem, "keep the one that is right")


def _contradictory(translations: Sequence[_Translation], terminology: Terminology) -> Iterator[KnowledgeFault]:
    """Local codes whose translations into different code systems mean different things."""
    first: dict[Code, _Translation] = {}
    for one in translations:
        known = first.setdefault(one.source.key, one)
        elsewhere = one.target.system != known.target.system
        if elsewhere and not terminology.sets_holding(known.target) & terminology.sets_holding(one.target):
            problem = f"means something else than {known.file} {known.place}: no value set holds both"
            yield one.fault(problem, "keep the one that is right")


def _place(location: Sequence[int | str]) -> str:
    """A place in the file as the other faults write it: group[0].element[2].code."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")
