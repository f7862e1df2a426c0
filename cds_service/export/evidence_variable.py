"""A trial's criteria, and the readings that trials share, as R5 EvidenceVariables: the tree, with the protocol's words.

Each sentence of the protocol is a characteristic: its id is the `linkId`, its words the `description`, our reading a
`note`; `exclude` is its polarity, which only sentences of their own have. What decides it is a combination, a type with its
value, or another EvidenceVariable; what none of them can say stands as text.
"""

from collections.abc import Sequence
from decimal import Decimal

from fhir.resources.annotation import Annotation
from fhir.resources.attachment import Attachment
from fhir.resources.codeableconcept import CodeableConcept
from fhir.resources.coding import Coding
from fhir.resources.contactdetail import ContactDetail
from fhir.resources.evidencevariable import (
    EvidenceVariable,
    EvidenceVariableCharacteristic,
    EvidenceVariableCharacteristicDefinitionByCombination,
    EvidenceVariableCharacteristicDefinitionByTypeAndValue,
    EvidenceVariableCharacteristicTimeFromEvent,
)
from fhir.resources.extension import Extension
from fhir.resources.identifier import Identifier
from fhir.resources.narrative import Narrative
from fhir.resources.quantity import Quantity
from fhir.resources.range import Range
from fhir.resources.relatedartifact import RelatedArtifact

from cds_service.assumptions import Length
from cds_service.criteria.comparison import Operator
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.trial import Criterion, CriterionKind, Trial
from cds_service.export import identifiers
from cds_service.export.extras import extensions
from cds_service.export.forms import Between, Bound, Combination, Combined, Concept, Form, Negated, OfRow, Shared, Typed
from cds_service.export.narrative import criteria_lines, narrative
from cds_service.export.sentences import about_criteria, decided_by, parts_told
from cds_service.export.words import form

_STRICT = {Operator.BELOW: "<", Operator.ABOVE: ">"}


def criteria(trial: Trial, knowledge: Knowledge) -> EvidenceVariable:
    """All criteria of a trial, in the protocol's order."""
    rows = _Rows(trial, knowledge)
    return EvidenceVariable(
        id=trial.id,
        text=narrative(Narrative, trial.title, criteria_lines(trial)),
        extension=extensions(Extension, about_criteria(trial, knowledge)),
        url=identifiers.criteria_url(trial.id),
        version=knowledge.digest,
        identifier=[Identifier(system=identifiers.REGISTRY, value=trial.id)],
        name=f"Criteria{trial.id}",
        title=f"Criteria of {trial.id}, {trial.short_title}",
        status="active" if trial.reviewed else "draft",
        description=trial.title,
        reviewer=[ContactDetail(name=trial.reviewed)] if trial.reviewed else None,
        relatedArtifact=[
            RelatedArtifact(type="documentation", label=trial.protocol_source, document=Attachment(url=trial.protocol_url))
        ],
        actual=False,
        characteristic=[
            rows.sentence(criterion) for criterion in trial.criteria for criterion in (criterion, *criterion.beside)
        ],
    )


def shared_reading(name: str, knowledge: Knowledge) -> EvidenceVariable:
    """A reading that trials share; trials name it by its canonical."""
    told = form(knowledge.readings[name], knowledge)
    return EvidenceVariable(
        id=identifiers.reading_id(name),
        text=narrative(Narrative, f"{name.replace('_', ' ')}: {told.phrase}"),
        url=identifiers.url_of("EvidenceVariable", identifiers.reading_id(name)),
        version=knowledge.digest,
        name="Reading" + "".join(part.capitalize() for part in name.split("_")),
        title=name.replace("_", " "),
        status="draft",
        actual=False,
        characteristic=[_Rows(None, knowledge).question(told)],
    )


class _Rows:
    """The characteristics of one EvidenceVariable. A row is told once; afterwards it is referred to."""

    def __init__(self, trial: Trial | None, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.rows = {row.id: row for row in trial.rows()} if trial is not None else {}
        self.told: set[str] = set()

    def sentence(self, criterion: Criterion) -> EvidenceVariableCharacteristic:
        """A sentence of the protocol with its parts."""
        self.told.add(criterion.id)
        told = _single(self.question(form(criterion.word, self.knowledge)))
        left = [part for part in criterion.parts if part.id not in self.told]
        extras = [decided_by(criterion, self.knowledge), *parts_told(left, criterion, self.knowledge)]
        own = criterion.part_of is None
        return told.model_copy(
            update={
                "id": criterion.id,
                "extension": extensions(Extension, extras),
                "linkId": identifiers.as_id(criterion.id),
                "description": criterion.text,
                "note": [Annotation(text=criterion.reading)] if criterion.reading else None,
                "exclude": criterion.kind is CriterionKind.EXCLUSION if own else None,
            }
        )

    def question(self, told: Form) -> EvidenceVariableCharacteristic:
        """One word, within a sentence or a reading."""
        characteristic = self._defined(told)
        timing = _timing(told.within)
        return characteristic.model_copy(update={"timeFromEvent": [timing]}) if timing is not None else characteristic

    def _defined(self, told: Form) -> EvidenceVariableCharacteristic:
        match told.definition:
            case Typed():
                return EvidenceVariableCharacteristic(description=told.phrase, definitionByTypeAndValue=_typed(told.definition))
            case Combined():
                parts = [self.question(part) for part in told.definition.parts]
                return _combination(told.definition.code, parts, told.definition.threshold)
            case Negated():
                return _single(self.question(told.definition.part)).model_copy(update={"exclude": True})
            case Shared():
                url = identifiers.url_of("EvidenceVariable", identifiers.reading_id(told.definition.reading))
                return EvidenceVariableCharacteristic(description=told.phrase, definitionCanonical=url)
            case OfRow():
                return self._row(told, told.definition.id)
            case None:
                return _in_text(told)

    def _row(self, told: Form, row_id: str) -> EvidenceVariableCharacteristic:
        if row_id in self.told:
            return EvidenceVariableCharacteristic(description=told.phrase, definitionId=identifiers.as_id(row_id))
        criterion = self.rows.get(row_id)
        return self.sentence(criterion) if criterion is not None else _in_text(told)


def _in_text(told: Form) -> EvidenceVariableCharacteristic:
    return EvidenceVariableCharacteristic(definitionCodeableConcept=CodeableConcept(text=told.phrase))


def _single(told: EvidenceVariableCharacteristic) -> EvidenceVariableCharacteristic:
    """The same, ready to be given a polarity: wrapped where it has one already, or is a sentence that must keep its own."""
    return _combination(Combination.ALL_OF, [told]) if told.exclude or told.linkId else told


def _combination(
    code: Combination, parts: Sequence[EvidenceVariableCharacteristic], threshold: int | None = None
) -> EvidenceVariableCharacteristic:
    combined = EvidenceVariableCharacteristicDefinitionByCombination(
        code=code.value, threshold=threshold, characteristic=list(parts)
    )
    return EvidenceVariableCharacteristic(definitionByCombination=combined)


def _typed(typed: Typed) -> EvidenceVariableCharacteristicDefinitionByTypeAndValue:
    kind, methods = _concept(typed.type), [_concept(method) for method in typed.methods] or None
    make = EvidenceVariableCharacteristicDefinitionByTypeAndValue
    match typed.value:
        case Concept():
            return make(type=kind, method=methods, valueCodeableConcept=_concept(typed.value))
        case Between(low, high, unit):
            lowest, highest = (_quantity(end, unit) if end is not None else None for end in (low, high))
            return make(type=kind, method=methods, valueRange=Range(low=lowest, high=highest))
        case Bound(operator, limit):
            quantity = _quantity(limit.value, limit.unit)
            if operator in _STRICT:
                strict = quantity.model_copy(update={"comparator": _STRICT[operator]})
                return make(type=kind, method=methods, valueQuantity=strict)
            upwards = operator is Operator.AT_LEAST
            inside = Range(low=quantity) if upwards else Range(high=quantity)
            return make(type=kind, method=methods, valueRange=inside)


def _concept(concept: Concept) -> CodeableConcept:
    codings = [_constrained(name) for name in concept.value_sets]
    if concept.code is not None:
        codings.append(Coding(system=concept.code[0], code=concept.code[1]))
    return CodeableConcept(text=concept.text, coding=codings or None)


def _constrained(value_set: str) -> Coding:
    """Any code of a value set."""
    url = identifiers.value_set_url(value_set)
    return Coding(extension=[Extension(url=identifiers.FROM_VALUE_SET, valueUri=url)])


def _quantity(value: Decimal, unit: str) -> Quantity:
    return Quantity(value=value, unit=unit, system=identifiers.UCUM, code=unit) if unit else Quantity(value=value)


def _timing(within: Length | None) -> EvidenceVariableCharacteristicTimeFromEvent | None:
    """How long before the day of judging a fact counts."""
    if within is None:
        return None
    span, unit = (within.months, "mo") if within.months else (within.days, "d")
    ends = Range(low=_quantity(Decimal(-span), unit), high=_quantity(Decimal(0), unit))
    return EvidenceVariableCharacteristicTimeFromEvent(eventCodeableConcept=CodeableConcept(text="day of judging"), range=ends)
