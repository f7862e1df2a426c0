"""FHIR R4 ValueSet resources → value sets. They lie in `value_sets/`; its README tells our extensions."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from fhir.resources.R4B.valueset import ValueSet as FhirValueSet

from cds_service.errors import KnowledgeErrors, KnowledgeFault
from cds_service.terminology.codes import CONCEPTS, HIERARCHICAL, LOINC, Code, Coding, comparable
from cds_service.terminology.faults import FaultError, fault_of
from cds_service.terminology.strict_json import refuse_doubled_keys
from cds_service.terminology.text_net import TextNet
from cds_service.terminology.value_set import AskedOf, Terminology, ValueSet

DIRECTORY = Path(__file__).with_name("value_sets")
BASE = "https://cds-service.example"
COMPLETE_FOR = f"{BASE}/StructureDefinition/complete-for"
ASKED_OF = f"{BASE}/StructureDefinition/asked-of"
TEXT_NET = f"{BASE}/StructureDefinition/text-net"
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


def load(directory: Path = DIRECTORY) -> Terminology:
    """Raises: KnowledgeErrors with every fault of every file."""
    faults: list[KnowledgeFault] = []
    sets: dict[str, ValueSet] = {}
    paths = sorted(directory.glob("*.json"))
    for path in paths:
        try:
            sets[path.stem] = _read(path)
        except (FaultError, ArithmeticError, OSError, ValueError) as error:
            faults.append(fault_of(path, error))
    for one in sets.values():
        faults.extend(
            KnowledgeFault(f"{one.name}.json", None, "compose.exclude", f"names {name}", "add it or mend the name")
            for name in sorted(one.excluded - {path.stem for path in paths})
        )
    if faults or not sets:
        raise KnowledgeErrors(faults or [KnowledgeFault("value_sets", None, "", "there is no value set", "restore the folder")])
    return Terminology(sets, b"".join(path.read_bytes() for path in paths))


def _read(path: Path) -> ValueSet:
    raw = path.read_text(encoding="utf-8")
    refuse_doubled_keys(raw)
    resource = FhirValueSet.model_validate_json(raw)
    if resource.name != path.stem:
        raise FaultError(f"is named {resource.name}, not as its file")
    concepts: list[Coding] = []
    prefixes: set[Code] = set()
    ordinals: dict[Code, Decimal] = {}
    first_lab: str | None = None
    for include in resource.compose.include or [] if resource.compose else []:
        system = str(include.system)
        for concept in include.concept or []:
            coding = Coding(system, str(concept.code), str(concept.display) if concept.display else None)
            concepts.append(coding)
            first_lab = first_lab or (f"LOINC {concept.code}" if system == LOINC else None)
            for extension in concept.extension or []:
                if extension.url == ORDINAL:
                    ordinals[coding.key] = Decimal(str(extension.valueDecimal))
        for item in include.filter or []:
            if system not in HIERARCHICAL or item.op != "is-a":
                raise FaultError("has a filter that is no is-a on an ICD system")
            prefixes.add((system, comparable(system, str(item.value))))
    extensions = [(extension.url, extension) for extension in resource.extension or []]
    if unknown := {str(url) for url, _ in extensions} - {COMPLETE_FOR, ASKED_OF, TEXT_NET}:
        raise FaultError(f"has unknown extensions: {', '.join(sorted(unknown))}")
    asked = [extension.valueCode for url, extension in extensions if url == ASKED_OF]
    if len(asked) != 1:
        raise FaultError("does not say of what it is asked")
    net = next((_net(extension.extension or []) for url, extension in extensions if url == TEXT_NET), None)
    if not concepts and not prefixes and net is None:
        raise FaultError("is empty")
    excluded = [url for item in (resource.compose.exclude or [] if resource.compose else []) for url in item.valueSet or []]
    title = str(resource.title)
    if not concepts and not prefixes:
        concepts.append(Coding(CONCEPTS, path.stem, title))
    return ValueSet(
        name=path.stem,
        title=title,
        asked_of=AskedOf(asked[0]),
        concepts=tuple(concepts),
        codes=frozenset(coding.key for coding in concepts),
        prefixes=frozenset(prefixes),
        excluded=frozenset(str(url).rsplit("/", 1)[-1] for url in excluded),
        complete_for=frozenset(str(extension.valueUri) for url, extension in extensions if url == COMPLETE_FOR),
        net=net,
        ordinals=ordinals,
        order=f"{title} [{first_lab}]" if first_lab else title,
    )


def _net(parts: Sequence["object"]) -> TextNet:
    def of(url: str) -> tuple[str, ...]:
        return tuple(str(getattr(part, "valueString", "")) for part in parts if getattr(part, "url", "") == url)

    return TextNet(of("word"), of("but-not"), of("in-doubt"))
