"""How sure is what follows from a record: counts with a lower and an upper end, findings that may stay open, and why."""

from enum import Enum

from cds_service.facts.model import Fact
from cds_service.value import Value


class Unclear(Enum):
    """Why a question about the disease course stays open."""

    NOT_SEARCHED = "a part of the record could not be had"
    HISTORY = "the treatment before is not known in full"
    NO_RESPONSE = "the response to a treatment is not recorded"
    COUNTS_MISSING = "blasts are below 5 %, and the blood counts for a remission are not recorded"
    LEUKEMIA_FREE = "a morphologic leukaemia-free state, neither remission nor resistance"
    REGENERATION = "the marrow may be regenerating"
    EXACTLY_AT_LIMIT = "the blasts are exactly at the limit"
    NOT_ABOVE_LIMIT = "the blasts are exactly at the limit, not above it, and no remission either"
    NOT_BY_MORPHOLOGY = "the blasts were counted by flow cytometry, and the protocol asks for morphology"
    MARROWS_DIFFER = "marrows of one day differ"
    SINGLE_BLOOD_SAMPLE = "blood blasts in one sample only"
    CONFLICT = "what was stated and what the marrow shows contradict each other"
    NO_REMISSION_DATE = "the remission before the relapse is not recorded"
    CLOCKS_DIFFER = "counted from the remission and from the last consolidation, the answers differ"
    DATES_TOO_COARSE = "the dates are too coarse"
    TREATED_SINCE = "the disease was treated since, and the response is not recorded"
    MARROW_STALE = "the last marrow is too old"
    STATEMENT_STALE = "what was stated last is too old"
    NO_EVIDENCE = "not recorded"
    NONE_SHOWN = "none is on record, which does not exclude it"
    NOT_STANDARD = "the courses given are no standard induction"
    BLASTS_HALVED = "the blasts fell by half under treatment"
    CYCLES = "one entry may stand for several courses"
    NEVER_CLOSED = "a diagnosis of extramedullary disease was never closed, and nothing shows it after treatment"
    CHANGE_WITHOUT_MARROW = "the treatment was changed without a marrow that tells why"
    TOO_EARLY = "it is too early to judge the response"
    NO_RELAPSE = "no relapse is on record"
    OVER = "the diagnosis that states it has ended"


class Finding(Value, frozen=True):
    """Something that is so, is not so, or stays open; the facts that it rests on and why it is open."""

    holds: bool | None
    rests_on: tuple[Fact, ...] = ()
    confirm: bool = False
    unclear: tuple[Unclear, ...] = ()


class Count(Value, frozen=True):
    """So many at least and, where it is known, at most. `sure`: how many need no confirming."""

    low: int
    high: int | None
    sure: int
    rests_on: tuple[Fact, ...] = ()
    unclear: tuple[Unclear, ...] = ()
    confirm_at_most: bool = False
    """Whether that there are no more is to be confirmed."""

    def is_at_least(self, number: int) -> Finding:
        if self.low >= number:
            return Finding(True, self.rests_on, confirm=number > self.sure)
        if self.high is not None and self.high < number:
            return Finding(False, self.rests_on, self.confirm_at_most)
        return Finding(None, self.rests_on, unclear=self.unclear or (Unclear.NO_EVIDENCE,))
