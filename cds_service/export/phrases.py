"""Operands of words as people say them: limits, ages of results, titles of value sets, a protocol's definition of relapse."""

from collections.abc import Iterable
from enum import Enum

from cds_service import printed
from cds_service.assumptions import Length, Limit, LimitBySex, Window
from cds_service.criteria.comparison import Operator
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.predicates.observation import Operand, TimesUpperLimit
from cds_service.facts.model import Amount
from cds_service.facts.sightings import RelapseDefinition

_ALWAYS = Length(days=36525)
"""A window of a century or more: the whole past counts."""


def compared_with(operator: Operator, operand: Operand) -> str:
    """ "below 5 x ULN", "at most 34.2 umol/L", "above 450 ms in men, 460 ms in women"."""
    match operand:
        case TimesUpperLimit():
            return f"{plain(operator.value)} {operand.times} x ULN"
        case LimitBySex():
            by_sex = ((" in men", operand.male), (" in women", operand.female), ("", operand.any))
            limits = ", ".join(f"{_amount(limit)}{who}" for who, limit in by_sex if limit is not None)
            return f"{plain(operator.value)} {limits}"
        case Limit():
            return f"{plain(operator.value)} {_amount(operand)}"


def old_at_most(window: Window) -> str:
    """How old a result may be, and what outdates it."""
    superseded = f", outdated by {plain(' or '.join(sorted(window.superseded_by)))}" if window.superseded_by else ""
    if counted_within(window) is None:
        return f"newest result{superseded}"
    recheck = f" (to be repeated up to {window.recheck})" if window.recheck != window.fresh else ""
    return f"newest result not older than {window.fresh}{recheck}{superseded}"


def counted_within(window: Window) -> Length | None:
    """How long a result counts; None where it always does."""
    return window.recheck if window.recheck.days < _ALWAYS.days else None


def titles(names: Iterable[str], knowledge: Knowledge) -> str:
    return " or ".join(knowledge.terminology[name].title for name in names)


def relapse_after_remission(definition: RelapseDefinition) -> str:
    """What a protocol calls relapse."""
    operator = Operator.AT_LEAST if definition.inclusive else Operator.ABOVE
    limit = _amount(definition.marrow_limit)
    marrow = f"marrow blasts {plain(operator.value)} {limit}"
    marrow += " by morphology" if definition.morphology_only else ""
    marrow += f" (at exactly {limit} a person judges)" if definition.exactly_open else ""
    others = (("blasts in the blood", definition.blood_blasts), ("extramedullary disease", definition.extramedullary))
    return f"{' or '.join([marrow, *(name for name, counts in others if counts)])} after a complete remission"


def plain(name: str) -> str:
    return name.replace("_", " ")


def value_of(operand: object) -> str:
    """Any operand, for a word that has no phrase of its own."""
    if isinstance(operand, tuple):
        return " or ".join(value_of(item) for item in operand)
    return plain(str(operand.value) if isinstance(operand, Enum) else str(operand))


def _amount(limit: Limit) -> str:
    return printed.amount(Amount(limit.value, limit.unit))
