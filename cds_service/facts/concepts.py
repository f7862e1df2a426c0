"""Reading FHIR's coded elements: lone objects for lists, codes with their texts, what our value sets recognise in them."""

from collections.abc import Iterable, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

from cds_service.dates import DateRange, parse_fhir_date, span
from cds_service.fhir import resources as fhir
from cds_service.terminology.codes import Coding, canonical_system
from cds_service.terminology.value_set import AskedOf, Recognition, Terminology

T = TypeVar("T")


def many(value: "list[T] | tuple[T, ...] | T | None") -> Sequence[T]:
    """A repeating element as a list; EHRs send lone objects."""
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def codings(*concepts: fhir.CodeableConcept | None) -> list[Coding]:
    return [
        Coding(canonical_system(coding.system), coding.code, coding.display)
        for concept in concepts
        if concept is not None
        for coding in many(concept.coding)
    ]


def texts(*concepts: fhir.CodeableConcept | None) -> list[str]:
    """What the record calls it in words: its text, then the displays."""
    found: list[str] = []
    for concept in concepts:
        if concept is None:
            continue
        if concept.text:
            found.append(concept.text)
        found += [coding.display for coding in many(concept.coding) if coding.display]
    return found


def label(concept: fhir.CodeableConcept | None) -> str:
    """The resource's own name for it; a bare code where it has no words."""
    if concept is not None and concept.text:
        return concept.text
    words = texts(concept)
    if words:
        return words[0]
    codes = [coding.code for coding in codings(concept) if coding.code]
    return f"code {codes[0]}" if codes else "an entry without a code"


class Recogniser:
    """Recognises the concepts of one record. Charts repeat them: each is looked at once."""

    def __init__(self, terminology: Terminology) -> None:
        self.terminology = terminology
        self._known: dict[tuple[AskedOf, tuple[fhir.CodeableConcept | None, ...], tuple[str, ...]], Recognition] = {}
        self._tests: dict[fhir.CodeableConcept | None, Recognition] = {}

    def recognise(
        self, asked_of: AskedOf, concepts: Iterable[fhir.CodeableConcept | None], more_texts: Iterable[str] = ()
    ) -> Recognition:
        key = (asked_of, tuple(concepts), tuple(more_texts))
        known = self._known.get(key)
        if known is None:
            known = self.terminology.recognise(asked_of, codings(*key[1]), [*texts(*key[1]), *key[2]])
            self._known[key] = known
        return known

    def test(self, code: fhir.CodeableConcept | None) -> Recognition:
        """What a result is of. A chart holds hundreds of results of a few tests: a known one is found by its concept alone."""
        known = self._tests.get(code)
        if known is None:
            known = self._tests[code] = self.terminology.recognise(AskedOf.OBSERVATION, codings(code), texts(code))
        return known


def codes_of(concept: "fhir.CodeableConcept | str | None") -> frozenset[str]:
    """The bare codes of a status-like element; some EHRs send it as a plain string."""
    if concept is None:
        return frozenset()
    if isinstance(concept, str):
        return frozenset({concept})
    return frozenset(coding.code for coding in many(concept.coding) if coding.code)


def statuses_of(concept: "fhir.CodeableConcept | str | None") -> frozenset[str]:
    """The codes of a status; where it has none, its text: "Resolved"."""
    codes = codes_of(concept)
    text = concept.text if isinstance(concept, fhir.CodeableConcept) else None
    return codes or (frozenset({text.strip().lower()}) if text else frozenset())


def words_of(*concepts: fhir.CodeableConcept | None) -> str:
    """All words of an element in one lower-case text, to be searched."""
    return " ".join(texts(*concepts)).lower()


def period(value: fhir.Period | None, zone: ZoneInfo) -> DateRange | None:
    """From the first to the last possible day of a Period."""
    if value is None:
        return None
    return span(parse_fhir_date(value.start, zone), parse_fhir_date(value.end, zone))
