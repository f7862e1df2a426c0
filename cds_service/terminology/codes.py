"""Code systems by the URLs that FHIR gives them, and a code in one of them."""

from cds_service.value import Value

LOINC = "http://loinc.org"
SNOMED_CT = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
UCUM = "http://unitsofmeasure.org"
CONCEPTS = "https://cds-service.example/CodeSystem/concepts"
"""Our own names of the concepts for which no standard code is known, so that a site's map can say what it means."""

Code = tuple[str, str]
"""A code system and a code in it, as they are compared."""

SYSTEM_NAMES = {
    LOINC: "LOINC",
    SNOMED_CT: "SNOMED CT",
    ICD_10_CM: "ICD-10-CM",
    ICD_10: "ICD-10",
    RXNORM: "RxNorm",
    ATC: "ATC",
    CONCEPTS: "concept",
}
"""What people call the systems."""

HIERARCHICAL = frozenset({ICD_10_CM, ICD_10})
"""Systems in which a longer code is a narrower one, so that a prefix stands for all below it."""

_ALIASES = {
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED_CT,
    "urn:oid:2.16.840.1.113883.6.90": ICD_10_CM,
    "urn:oid:2.16.840.1.113883.6.3": ICD_10,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    CONCEPTS: CONCEPTS,
}
_CANONICAL = frozenset(_ALIASES.values())


class Coding(Value, frozen=True):
    """A code in a system, with the sender's name for it."""

    system: str | None
    code: str | None
    display: str | None = None

    @property
    def key(self) -> Code:
        return self.system or "", comparable(self.system, self.code or "")


def canonical_system(url: str | None) -> str | None:
    """The system's FHIR URL; old OIDs, https and a trailing slash are put right."""
    if url is None or url in _CANONICAL:
        return url
    trimmed = url.strip().rstrip("/")
    if trimmed in _ALIASES:
        return _ALIASES[trimmed]
    return "http://" + trimmed.removeprefix("https://") if trimmed.startswith("https://") else trimmed


def bare(code: str) -> str:
    """The code without its system: two that are comparable in any system have the same."""
    return code.strip().upper().replace(".", "")


def comparable(system: str | None, code: str) -> str:
    """The code as it is compared: ICD codes without the dot and in capitals, since EHRs drop both."""
    return bare(code) if system in HIERARCHICAL else code.strip()
