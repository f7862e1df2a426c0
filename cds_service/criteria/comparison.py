"""The comparisons of the trial files, and whether one holds for all that a printed value may mean."""

from decimal import Decimal

from cds_service.facts.model import Amount
from cds_service.value import OneOf


class Operator(OneOf):
    """The comparisons of the trial files."""

    BELOW = "below"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    ABOVE = "above"

    def holds(self, value: Decimal, limit: Decimal) -> bool:
        match self:
            case Operator.BELOW:
                return value < limit
            case Operator.AT_MOST:
                return value <= limit
            case Operator.AT_LEAST:
                return value >= limit
            case Operator.ABOVE:
                return value > limit


def holds_for(operator: Operator, limit: Decimal, amount: Amount, low: Decimal, high: Decimal) -> bool | None:
    """Whether it holds for every value from `low` to `high`, for none (False), or only for some (None).

    A bound (`<5`) stands for all values on its side. Both ends are in the limit's unit.
    """
    match amount.comparator:
        case None:
            holds = operator.holds(low, limit)
            return holds if high is low or holds is operator.holds(high, limit) else None
        case "<" | "<=":
            return _holds_below(operator, limit, low, inclusive=amount.comparator == "<=")
        case ">" | ">=":
            return _holds_above(operator, limit, low, inclusive=amount.comparator == ">=")
        case _:
            return None


def _holds_below(operator: Operator, limit: Decimal, bound: Decimal, *, inclusive: bool) -> bool | None:
    """For every value below `bound`: true, false, or neither."""
    match operator:
        case Operator.BELOW:
            return True if (bound < limit or (bound == limit and not inclusive)) else None
        case Operator.AT_MOST:
            return True if bound <= limit else None
        case Operator.AT_LEAST:
            return False if (bound < limit or (bound == limit and not inclusive)) else None
        case Operator.ABOVE:
            return False if bound <= limit else None


def _holds_above(operator: Operator, limit: Decimal, bound: Decimal, *, inclusive: bool) -> bool | None:
    """For every value above `bound`: true, false, or neither."""
    match operator:
        case Operator.BELOW:
            return False if bound >= limit else None
        case Operator.AT_MOST:
            return False if (bound > limit or (bound == limit and not inclusive)) else None
        case Operator.AT_LEAST:
            return True if bound >= limit else None
        case Operator.ABOVE:
            return True if (bound > limit or (bound == limit and not inclusive)) else None
