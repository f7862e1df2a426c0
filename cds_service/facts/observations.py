"""Observations and reports → results.

A panel's components become results of their own. Only final, amended and corrected results are facts: preliminary,
cancelled and entered-in-error ones are passed over (ruling on values), and so are tests that nobody asks for.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from cds_service.dates import DateRange, parse_fhir_date
from cds_service.facts import immunophenotype
from cds_service.facts.amounts import amount_of, normal_range, range_amount, ratio_amount, text_amount
from cds_service.facts.concepts import Recogniser, codes_of, label, many, period, texts, words_of
from cds_service.facts.model import Amount, Result
from cds_service.fhir import resources as fhir
from cds_service.fhir.choice import NamedObservation
from cds_service.terminology.value_set import NOTHING, AskedOf, Recognition

USABLE = frozenset({"final", "amended", "corrected"})


def results(reference: str, resource: fhir.Observation, recogniser: Recogniser, zone: ZoneInfo) -> Iterable[Result]:
    """The Observation's own value and each component's, where our value sets know one of the tests."""
    if resource.status in USABLE and _may_be_asked_for(resource, recogniser):
        return _read(reference, resource, recogniser, zone)
    return ()


def may_be_asked_for(recogniser: Recogniser) -> Callable[[NamedObservation], bool]:
    """Whether `results` may make anything of an Observation, as far as its name tells; a no is sure.

    One that does not say what it is, in words or in a code of a system that we know, may be anything.
    """
    known_systems = recogniser.terminology.systems()

    def may_be(named: NamedObservation) -> bool:
        test = recogniser.test(named.code)
        says_what = test.has_text or not test.systems.isdisjoint(known_systems)
        return named.may_tell_more() or bool(test.named) or not says_what

    return may_be


def _read(reference: str, resource: fhir.Observation, recogniser: Recogniser, zone: ZoneInfo) -> list[Result]:
    when = _when(resource, zone)
    specimen = (resource.specimen.display or "").lower() if resource.specimen else ""
    method = f"{words_of(resource.method, resource.body_site, resource.code)} {specimen}"
    notes = " ".join([(note.text or "").lower() for note in many(resource.note)])
    components = [
        _result(reference, component, component.code, when, (f"{method} {words_of(component.code)}", notes), recogniser)
        for component in many(resource.component)
    ]
    whole = _result(reference, resource, resource.code, when, (method, notes), recogniser, panel=tuple(components))
    is_mere_panel = (components or resource.has_member) and not _has_value(resource, whole)  # which says nothing itself
    found = components if is_mere_panel else [whole, *components]
    return [one for result in found for one in immunophenotype.told(result, recogniser.terminology)]


def _may_be_asked_for(resource: fhir.Observation, recogniser: Recogniser) -> bool:
    """Most of a chart is not: sodium, weight. A value in words is read whatever the test, since it may speak of antigens."""
    if _is_asked_for(resource, recogniser):
        return True
    return resource.component is not None and any(_is_asked_for(one, recogniser) for one in many(resource.component))


def _is_asked_for(value: fhir.ObservationValue, recogniser: Recogniser) -> bool:
    if value.value_string is not None or value.value_codeable_concept is not None:
        return True
    return bool(recogniser.test(value.code).named)


def _result(
    reference: str,
    value: fhir.ObservationValue,
    code: fhir.CodeableConcept | None,
    when: DateRange | None,
    told: tuple[str, str],
    recogniser: Recogniser,
    panel: tuple[Result, ...] = (),
) -> Result:
    amount, words = _amount_and_words(value)
    return Result(
        reference=reference,
        label=label(code),
        recognition=recogniser.test(code),
        when=when,
        amount=amount,
        words=words,
        value=_answer(value, words, recogniser),
        interpretation=frozenset([c.upper() for item in many(value.interpretation) for c in (*codes_of(item), *_bare(item))]),
        absent=value.data_absent_reason is not None,
        ranges=tuple([normal_range(item) for item in many(value.reference_range)]),
        method=told[0],
        notes=told[1],
        panel=panel,
    )


def _bare(concept: fhir.CodeableConcept) -> Iterator[str]:
    """An interpretation given in words alone: "Positive"."""
    names = {
        "positive": "POS",
        "negative": "NEG",
        "reactive": "RR",
        "non-reactive": "NR",
        "detected": "DET",
        "not detected": "ND",
    }
    if not codes_of(concept):
        yield from (names[text.strip().lower()] for text in texts(concept) if text.strip().lower() in names)


def _has_value(value: fhir.ObservationValue, read: Result) -> bool:
    return read.amount is not None or read.words is not None or read.absent or bool(value.interpretation)


def _when(resource: fhir.Observation, zone: ZoneInfo) -> DateRange | None:
    """When it was taken; when it was issued, only where nothing else is said."""
    return (
        parse_fhir_date(resource.effective_date_time, zone)
        or parse_fhir_date(resource.effective_instant, zone)
        or period(resource.effective_period, zone)
        or parse_fhir_date(resource.issued, zone)
    )


def _amount_and_words(value: fhir.ObservationValue) -> tuple[Amount | None, str | None]:
    if value.value_quantity is not None:
        return amount_of(value.value_quantity), None
    if value.value_integer is not None:
        return amount_of(fhir.Quantity(Decimal(value.value_integer))), None
    if value.value_range is not None:
        return range_amount(value.value_range), None
    if value.value_ratio is not None:
        return ratio_amount(value.value_ratio), None
    if value.value_boolean is not None:
        return None, "positive" if value.value_boolean else "negative"
    if value.value_string is not None:
        return text_amount(value.value_string), value.value_string
    words = texts(value.value_codeable_concept)
    return None, words[0] if words else None


def _answer(value: fhir.ObservationValue, words: str | None, recogniser: Recogniser) -> Recognition | None:
    if value.value_codeable_concept is None and words is None:
        return None
    more = [words] if words and value.value_codeable_concept is None else []
    return recogniser.recognise(AskedOf.ANSWER, (value.value_codeable_concept,), more)


_SENTENCES = re.compile(r"(?<=[;\n。；])|(?<=\.)\s")


def report_results(reference: str, resource: fhir.DiagnosticReport, recogniser: Recogniser, zone: ZoneInfo) -> Iterator[Result]:
    """A report's conclusion: what it says of each antigen, and extramedullary leukaemia that it finds.

    A conclusion is free text: what is read from it is always a text match, to be confirmed.
    """
    if resource.status not in USABLE:
        return
    when = (
        parse_fhir_date(resource.effective_date_time, zone)
        or period(resource.effective_period, zone)
        or parse_fhir_date(resource.issued, zone)
    )
    conclusion = resource.conclusion or ""
    method = f"{words_of(resource.code)} {conclusion.lower()}"
    whole = Result(reference, label(resource.code), NOTHING, when, words=conclusion, method=method)
    said = [recogniser.recognise(AskedOf.CONDITION, (), [one]) for one in _SENTENCES.split(conclusion)]
    for found in (recogniser.recognise(AskedOf.CONDITION, [*many(resource.conclusion_code)]), *said):
        if found.is_in("extramedullary_leukemia"):
            yield replace(whole, recognition=found)
            break
    yield from immunophenotype.in_words(whole, immunophenotype.read(conclusion, recogniser.terminology))
