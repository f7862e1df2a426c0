"""Drugs → courses of chemotherapy, by the gaps between them, and stretches of targeted drugs. What only prepares a graft or a
cell product is no course.

Source: rulings 12, 15 and 16; assumptions for a haematologist to sign off.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from cds_service.assumptions import Assumptions
from cds_service.dates import DateRange
from cds_service.facts.model import Giving, PatientFacts, Procedure, Route, Therapy
from cds_service.facts.regimen import TARGETED, Regimen, classify, drug_classes
from cds_service.value import Value


class Treatment(Value, frozen=True):
    """A course of chemotherapy with what was given beside it, or a stretch of targeted drugs.

    `start` and `end` are the days of its own drugs; `confirm`: its giving or its borders are not certain; `cycles_open`: one
    entry covers so long a time, or its dates are so coarse, that it may be several courses.
    """

    drugs: tuple[Therapy, ...]
    beside: tuple[Therapy, ...]
    start: DateRange
    end: DateRange
    regimen: Regimen
    confirm: bool = False
    cycles_open: bool = False
    ongoing: bool = False

    @property
    def is_course(self) -> bool:
        return self.regimen is not Regimen.TARGETED

    @property
    def all_drugs(self) -> tuple[Therapy, ...]:
        return (*self.drugs, *self.beside)

    @property
    def cited(self) -> tuple[Therapy, ...]:
        """Each drug once: the first entry of it stands for all its doses."""
        first: dict[str, Therapy] = {}
        for drug in self.drugs or self.beside:
            first.setdefault(drug.label, drug)
        return tuple(first.values())

    @property
    def classes(self) -> frozenset[str]:
        return drug_classes(self.all_drugs)


def is_course_drug(drug: Therapy) -> bool:
    """Ruling 12: what opens or lengthens a course. Intrathecal and local drugs, and oral azacitidine, do not."""
    return (
        drug.is_in("course_cytotoxic") and drug.route not in (Route.INTRATHECAL, Route.LOCAL) and not _is_oral_azacitidine(drug)
    )


def _is_oral_azacitidine(drug: Therapy) -> bool:
    by_route = drug.route is Route.ORAL and drug.is_in("hypomethylating_agent") and not drug.is_in("decitabine")
    return drug.is_in("oral_azacitidine") or by_route


def is_antileukaemic(drug: Therapy) -> bool:
    return is_course_drug(drug) or _is_oral_azacitidine(drug) or drug.is_in_any(TARGETED)


def is_placed(drug: Therapy, as_of: date) -> bool:
    return drug.started is not None and drug.started.first <= as_of


def _start(drug: Therapy) -> DateRange:
    if drug.started is None:
        raise ValueError("a drug without a start is not placed")
    return drug.started


def preparations(
    given: Sequence[Therapy], grafts: Sequence[Procedure], facts: PatientFacts, assumptions: Assumptions
) -> Iterator[Therapy]:
    """Cytotoxics just before a graft with a conditioning agent, and fludarabine with cyclophosphamide alone (ruling 15)."""
    span = assumptions.spans["conditioning"]
    agents = _starts(facts, "conditioning_agent", "cyclophosphamide")
    agents += [one.when for one in facts.procedures_in("total_body_irradiation") if one.when is not None]
    conditioned = [graft.when for graft in grafts if any(_just_before(agent, graft.when, span.days) for agent in agents)]
    cyclophosphamide = _starts(facts, "cyclophosphamide")
    partners = [_start(drug) for drug in given if is_course_drug(drug) and not drug.is_in("fludarabine")]
    gap = assumptions.spans["course_gap"].days
    for drug in given:
        before_graft = any(_just_before(_start(drug), graft, span.days) for graft in conditioned)
        depletes = drug.is_in("fludarabine") and _beside(drug, cyclophosphamide, gap) and not _beside(drug, partners, gap)
        if is_course_drug(drug) and (before_graft or depletes):
            yield drug


def _starts(facts: PatientFacts, *value_sets: str) -> list[DateRange]:
    drugs = [drug for name in value_sets for drug in facts.therapies_in(name) if drug.giving is not Giving.ORDERED]
    return [drug.started for drug in drugs if drug.started is not None]


def _beside(drug: Therapy, starts: Sequence[DateRange], days: int) -> bool:
    return any(abs((start.first - _start(drug).first).days) <= days for start in starts)


def _just_before(start: DateRange, event: DateRange | None, days: int) -> bool:
    return event is not None and 0 <= (event.first - start.first).days <= days


def growth_factors(facts: PatientFacts) -> list[Therapy]:
    factors = facts.therapies_in("granulocyte_growth_factor")
    return [factor for factor in factors if factor.giving is not Giving.ORDERED and is_placed(factor, facts.as_of)]


def group(
    drugs: Sequence[Therapy], growth_factors: Sequence[Therapy], as_of: date, assumptions: Assumptions
) -> tuple[Treatment, ...]:
    """Courses by the gaps between their drugs; targeted drugs go beside a course or stand alone."""
    course_drugs = sorted((drug for drug in drugs if is_course_drug(drug)), key=lambda drug: _start(drug).first)
    groups: list[list[Therapy]] = []
    for drug in course_drugs:
        if groups and not _opens_course(drug, groups[-1], assumptions):
            groups[-1].append(drug)
        else:
            groups.append([drug])
    targeted = [drug for drug in drugs if not is_course_drug(drug)]
    courses = [_course(group, [*targeted, *growth_factors], as_of, assumptions) for group in groups]
    taken = {id(drug) for course in courses for drug in course.beside}
    alone = _stretches([drug for drug in targeted if id(drug) not in taken], as_of, assumptions)
    return tuple(sorted([*courses, *alone], key=lambda treatment: treatment.start.first))


def _opens_course(drug: Therapy, course: Sequence[Therapy], assumptions: Assumptions) -> bool:
    """After some days without any of them; where only starts are known, after some days between starts (ruling 12)."""
    starts, ends = _days_of(course)
    if ends and ends[-1].last >= starts[-1].first:
        return (_start(drug).first - ends[-1].last).days > assumptions.spans["course_gap"].days
    return (_start(drug).first - starts[-1].first).days >= assumptions.spans["course_start_gap"].days


def _days_of(course: Sequence[Therapy]) -> tuple[list[DateRange], list[DateRange]]:
    starts = sorted((_start(drug) for drug in course), key=lambda start: start.first)
    ends = sorted((drug.ended for drug in course if drug.ended is not None), key=lambda end: end.last)
    return starts, ends


def _course(drugs: Sequence[Therapy], others: Sequence[Therapy], as_of: date, assumptions: Assumptions) -> Treatment:
    starts, ends = _days_of(drugs)
    start = min(starts, key=lambda day: (day.last, day.first))
    start = start if start.is_day() else DateRange(min(day.first for day in starts), start.last)
    today = [DateRange(as_of, as_of)] if any(_goes_on(drug, as_of) for drug in drugs) else []
    end = max([*starts, *(end for end in ends if end.first <= as_of), *today], key=lambda day: day.last).until(as_of)
    beside = tuple(drug for drug in others if _is_beside(drug, start, end, assumptions))
    longest = assumptions.spans["one_cycle"]
    last_days = [as_of for drug in drugs if _goes_on(drug, as_of)] + [end.last for end in ends]
    return Treatment(
        drugs=tuple(drugs),
        beside=beside,
        start=start,
        end=end,
        regimen=classify(drugs, beside, assumptions),
        confirm=not ends
        or any(drug.giving is Giving.ORDER_COMPLETED or drug.rests_on_text("course_cytotoxic") for drug in drugs),
        cycles_open=any((last - start.first).days > longest.days for last in last_days)
        or not all(day.is_day() for day in (*starts, *ends)),
        ongoing=any(_goes_on(drug, as_of) for drug in drugs),
    )


def _is_beside(drug: Therapy, start: DateRange, end: DateRange, assumptions: Assumptions) -> bool:
    """Given together with a course: begun shortly before, during or shortly after it, or going on all through it."""
    margin = timedelta(days=assumptions.spans["beside_course"].days)
    began = _start(drug).first
    goes_on = drug.ongoing or (drug.ended is not None and drug.ended.last >= start.first)
    return start.first - margin <= began <= end.last + margin or (began < start.first and goes_on)


def _goes_on(drug: Therapy, as_of: date) -> bool:
    """Taken today: without an end, or with one that is planned."""
    return drug.ongoing or (drug.ended is not None and drug.ended.first > as_of)


def _stretches(drugs: Sequence[Therapy], as_of: date, assumptions: Assumptions) -> list[Treatment]:
    """Targeted drugs that belong to no course; the same drug, given again within a cycle, is one stretch."""
    again = assumptions.spans["one_cycle"]
    found: list[Treatment] = []
    for drug in sorted(drugs, key=lambda drug: _start(drug).first):
        one = _targeted((drug,), as_of)
        same = [e for e in found if e.classes == one.classes and one.start.first <= again.after(e.end.last)]
        if same:
            found.remove(same[-1])
            one = _targeted((*same[-1].beside, drug), as_of)
        found.append(one)
    return found


def _targeted(drugs: Sequence[Therapy], as_of: date) -> Treatment:
    ongoing = any(_goes_on(drug, as_of) for drug in drugs)
    ends = [drug.ended or _start(drug) for drug in drugs]
    end = DateRange(as_of, as_of) if ongoing else max(ends, key=lambda end: end.last).until(as_of)
    order_only = any(drug.giving is Giving.ORDER_COMPLETED for drug in drugs)
    return Treatment((), tuple(drugs), _start(drugs[0]), end, Regimen.TARGETED, confirm=order_only, ongoing=ongoing)
