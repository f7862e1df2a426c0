"""A comparison and its limit as a set of values: which follows from which, and which leave no value to another."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Limit, LimitBySex
from cds_service.criteria.comparison import Operator
from cds_service.criteria.predicates.observation import Observation, Operand, TimesUpperLimit
from cds_service.criteria.predicates.oxygen import OxygenSaturation
from cds_service.criteria.predicates.performance import Performance
from cds_service.criteria.predicates.share import Share
from cds_service.criteria.predicates.word import Word
from cds_service.errors import UnitError
from cds_service.terminology import units

UPWARDS = frozenset({Operator.AT_LEAST, Operator.ABOVE})
_SEXES = ("male", "female", None)


@dataclass(frozen=True, slots=True)
class Bound:
    """An operator with what it compares to; `analyte` is the test, for conversions between mass and moles."""

    operator: Operator
    operand: Operand | Decimal
    analyte: str

    @property
    def is_upwards(self) -> bool:
        return self.operator in UPWARDS

    def implies(self, other: "Bound") -> bool:
        """Whether every value that fits this bound fits the other."""
        if self.is_upwards is not other.is_upwards:
            return False
        pairs = list(_comparable(self, other))
        return bool(pairs) and all(self._is_within(mine, theirs, other) for mine, theirs in pairs)

    def excludes(self, other: "Bound") -> bool:
        """Whether no value fits both."""
        if self.is_upwards is other.is_upwards:
            return False
        lower, upper = (self, other) if self.is_upwards else (other, self)
        pairs = list(_comparable(lower, upper))
        both_touch = lower.operator is Operator.AT_LEAST and upper.operator is Operator.AT_MOST
        return bool(pairs) and all(low > high or (low == high and not both_touch) for low, high in pairs)

    def _is_within(self, mine: Decimal, theirs: Decimal, other: "Bound") -> bool:
        inclusive = {Operator.AT_LEAST, Operator.AT_MOST}
        if mine == theirs:
            return self.operator not in inclusive or other.operator in inclusive
        return mine > theirs if self.is_upwards else mine < theirs


def bound_of(word: Word) -> Bound | None:
    """The comparison that a word makes, if it makes one."""
    match word:
        case Observation():
            return Bound(word.operator, word.operand, word.value_set)
        case OxygenSaturation():
            return Bound(word.operator, word.limit, "oxygen_saturation")
        case Share():
            return Bound(word.operator, word.limit, "")
        case Performance():
            return Bound(word.operator, word.grade, word.scale)
        case _:
            return None


def limits_of(operand: Operand | Decimal) -> Iterator[Limit]:
    """The limits with a unit that an operand may stand for."""
    match operand:
        case Limit():
            yield operand
        case LimitBySex():
            yield from dict.fromkeys(limit for sex in _SEXES if (limit := operand.for_sex(sex)) is not None)
        case TimesUpperLimit() | Decimal():
            return


def _comparable(one: Bound, other: Bound) -> Iterator[tuple[Decimal, Decimal]]:
    """The two limits as numbers of one unit, for each sex; nothing where they cannot be compared."""
    match one.operand, other.operand:
        case TimesUpperLimit(times), TimesUpperLimit(others):
            yield times, others
        case Decimal() as grade, Decimal() as other_grade:
            yield grade, other_grade
        case (Limit() | LimitBySex()) as mine, (Limit() | LimitBySex()) as theirs:
            for sex in _SEXES:
                pair = _in_one_unit(_for_sex(mine, sex), _for_sex(theirs, sex), one.analyte)
                if pair is None:
                    return
                yield pair


def _for_sex(operand: Limit | LimitBySex, sex: str | None) -> Limit | None:
    return operand if isinstance(operand, Limit) else operand.for_sex(sex)


def _in_one_unit(one: Limit | None, other: Limit | None, analyte: str) -> tuple[Decimal, Decimal] | None:
    if one is None or other is None:
        return None
    try:
        return units.convert(one.value, one.unit, other.unit, analyte or None), other.value
    except UnitError:
        return None
