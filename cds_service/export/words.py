"""Each word of the trial files as the standard can say it: one function a word class, in one table.

A word that has no function here, or that the standard cannot say, is exported as text: nothing is lost.
"""

from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from functools import singledispatch

from cds_service.assumptions import Limit
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.predicates.antigen import Antigen
from cds_service.criteria.predicates.combinations import Agree, All, Any, Cases, Count, Named, Not, Settled, SharedReading, Step
from cds_service.criteria.predicates.course import ActiveDisease, Counted, CourseFinding, RelapseWhich, ResponseToLastLine
from cds_service.criteria.predicates.finding import EVER, UNCLEAR, TestFinding
from cds_service.criteria.predicates.medicine import Medicine, TreatedFor
from cds_service.criteria.predicates.observation import Observation
from cds_service.criteria.predicates.oxygen import OxygenSaturation
from cds_service.criteria.predicates.performance import Derivation, Performance
from cds_service.criteria.predicates.person import Age, Ask, AskList, Sex
from cds_service.criteria.predicates.recorded import Condition, OnRecord, ProcedureDone
from cds_service.criteria.predicates.share import Share
from cds_service.criteria.predicates.word import Word
from cds_service.export.forms import Between, Bound, Combination, Combined, Concept, Form, Negated, OfRow, Shared, Typed
from cds_service.export.phrases import compared_with, counted_within, old_at_most, plain, titles, value_of

_GENDER = "http://hl7.org/fhir/administrative-gender"
_WHEN = {"found": "if surely", "possible": "if surely, or as far as the record shows perhaps,", "if": "if"}
"""How a case of a ruling asks."""


@singledispatch
def form(word: Word, knowledge: Knowledge) -> Form:
    """What the word asks. A word class without a function of its own is told in text, by the names of its operands."""
    return _in_text(word)


@form.register
def _age(word: Age, knowledge: Knowledge) -> Form:
    low, high = word.at_least, word.at_most
    ends = [f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else ""]
    lowest, highest = (None if end is None else Decimal(end) for end in (low, high))
    phrase = f"age in completed years {' and '.join(end for end in ends if end)}"
    return Form(phrase, Typed(Concept("age in completed years"), Between(lowest, highest, "a")))


@form.register
def _sex(word: Sex, knowledge: Knowledge) -> Form:
    if word.sex == "any":
        return Form("any sex")
    return Form(f"sex {word.sex}", Typed(Concept("administrative gender"), Concept(word.sex, code=(_GENDER, word.sex))))


@form.register
def _ask(word: Ask, knowledge: Knowledge) -> Form:
    return Form(f"a person is asked: {word.question}")


@form.register
def _ask_list(word: AskList, knowledge: Knowledge) -> Form:
    return Form("the protocol's list is not known: a person is asked")


@form.register
def _condition(word: Condition, knowledge: Knowledge) -> Form:
    kind = "diagnosis" if word.status == "recorded" else f"{word.status} diagnosis"
    return _recorded(word, kind, "", knowledge)


@form.register
def _procedure(word: ProcedureDone, knowledge: Knowledge) -> Form:
    return _recorded(word, "procedure", "", knowledge)


@form.register
def _medicine(word: Medicine, knowledge: Knowledge) -> Form:
    briefly = f", for less than {knowledge.assumptions.spans[word.briefly]}" if word.briefly is not None else ""
    reasons = f", given for {titles(word.reasons, knowledge)}" if word.reasons else ""
    but_not = f", but not what is given for {titles(word.but_not_for, knowledge)}{briefly}" if word.but_not_for else ""
    route = f", {word.route}" if word.route is not None else ""
    limits = " or ".join(str(limit) for limit in word.dose.limits) if word.dose is not None else ""
    dose = f", one dose {plain(word.dose.operator.value)} {limits}" if word.dose is not None else ""
    return _recorded(word, "medicine", f"{reasons}{but_not}{route}{dose}", knowledge)


@form.register
def _treated_for(word: TreatedFor, knowledge: Knowledge) -> Form:
    span = knowledge.assumptions.spans[word.within] if word.within is not None else None
    within = f" within {span}" if span is not None else ""
    return Form(f"medicine or procedure for {titles(word.names, knowledge)}{within}", within=span)


@form.register
def _observation(word: Observation, knowledge: Knowledge) -> Form:
    title, window = titles(word.names[:1], knowledge), knowledge.assumptions.windows[word.window]
    methods = [Concept(f"by {word.by}")] if word.by is not None else []
    if word.preferring is not None:
        named = titles((word.preferring,), knowledge)
        methods.append(Concept(f"as {named} (another method to be confirmed)", (word.preferring,)))
    by = "".join(f", {method.text}" for method in methods)
    since = ", since the last treatment" if word.after_treatment else ""
    end = ", of a range the lower end" if word.lower_end else ""
    compared = compared_with(word.operator, word.operand)
    # A multiple of each laboratory's own limit, and limits by sex, are said in text.
    value = Bound(word.operator, word.operand) if isinstance(word.operand, Limit) else Concept(compared)
    typed = Typed(Concept(title, word.names), value, tuple(methods))
    return Form(f"{title} {compared}{by}{end}{since}, {old_at_most(window)}", typed, counted_within(window))


@form.register
def _share(word: Share, knowledge: Knowledge) -> Form:
    part, whole = (titles((name,), knowledge) for name in (word.part, word.whole))
    title = f"{part} as a part of {whole} on the same day"
    typed = Typed(Concept(title, (word.part, word.whole)), Bound(word.operator, word.limit))
    return Form(f"{title} {compared_with(word.operator, word.limit)}", typed)


@form.register
def _oxygen_saturation(word: OxygenSaturation, knowledge: Knowledge) -> Form:
    title, window = titles(("oxygen_saturation",), knowledge), knowledge.assumptions.windows[word.window]
    bound = Bound(word.operator, word.limit)
    typed = Typed(Concept(title, ("oxygen_saturation",)), bound, (Concept("on room air"),))
    compared = compared_with(word.operator, word.limit)
    return Form(f"{title} {compared} on room air, {old_at_most(window)}", typed, counted_within(window))


@form.register
def _performance(word: Performance, knowledge: Knowledge) -> Form:
    title, limit = titles((word.scale,), knowledge), Limit(word.grade, "")
    window = knowledge.assumptions.windows["performance_status"]
    derived = "".join(f"; else {_derivation(item, knowledge)}" for item in word.derived)
    typed = Typed(Concept(title, (word.scale,)), Bound(word.operator, limit))
    compared = compared_with(word.operator, limit)
    return Form(f"{title} {compared}{derived}, {old_at_most(window)}", typed, counted_within(window))


@form.register
def _finding(word: TestFinding, knowledge: Knowledge) -> Form:
    title, window = titles((word.value_set,), knowledge), knowledge.assumptions.windows[word.window or EVER]
    # "positive" and "negative" are value sets too: the words and codes in which laboratories say so.
    says = Concept(plain(word.says), () if word.says == UNCLEAR else (word.says,))
    typed = Typed(Concept(title, (word.value_set,)), says)
    if word.within is not None:
        span = knowledge.assumptions.spans[word.within]
        return Form(f"{title} {says.text}, any result within {span}", typed, span)
    when = "any result at any time" if word.window == EVER else old_at_most(window)
    return Form(f"{title} {says.text}, {when}", typed, counted_within(window))


@form.register
def _antigen(word: Antigen, knowledge: Knowledge) -> Form:
    title, window = titles((word.antigen,), knowledge), knowledge.assumptions.windows["antigen"]
    methods = (Concept("by flow cytometry"),) if word.flow_only else ()
    detected = ", any detection counts" if word.any_detected else ""
    by = "".join(f" {method.text}" for method in methods)
    typed = Typed(Concept(title, (word.antigen,)), Concept(f"positive{detected}"), methods)
    return Form(f"{title} positive{by}{detected}, {old_at_most(window)}", typed, counted_within(window))


@form.register
def _active_disease(word: ActiveDisease, knowledge: Knowledge) -> Form:
    return Form("active disease now")


@form.register
def _counted(word: Counted, knowledge: Knowledge) -> Form:
    number = f"number of {plain(word.value)}"
    return Form(f"{number} at least {word.at_least}", Typed(Concept(number), Between(Decimal(word.at_least), None, "")))


@form.register
def _course_finding(word: CourseFinding, knowledge: Knowledge) -> Form:
    return Form(plain(word.value))


@form.register
def _response_to_last_line(word: ResponseToLastLine, knowledge: Knowledge) -> Form:
    response, line = word.outcome.value, "response to the last line of therapy"
    return Form(f"{line}: {response}", Typed(Concept(line), Concept(response)))


@form.register
def _relapse_which(word: RelapseWhich, knowledge: Knowledge) -> Form:
    lengths = ((word.within, "at most"), (word.beyond, "more than"))
    after = [f"{how} {length} after the remission" for length, how in lengths if length is not None]
    treatment = "chemotherapy of it" if word.by_chemotherapy else "its treatment"
    then = [f"with {word.then.value} after {treatment}"] if word.then is not None else []
    return Form(f"{'the last' if word.last_only else 'a'} relapse {', '.join([*after, *then])}")


@form.register
def _all(word: All, knowledge: Knowledge) -> Form:
    return _combined(Combination.ALL_OF, " and ", word.words, knowledge)


@form.register
def _any(word: Any, knowledge: Knowledge) -> Form:
    return _combined(Combination.ANY_OF, " or ", word.words, knowledge)


@form.register
def _count(word: Count, knowledge: Knowledge) -> Form:
    parts = _parts(word.words, knowledge)
    phrase = f"at least {word.count} of {_joined(', ', parts)}"
    return Form(phrase, Combined(Combination.AT_LEAST, parts, word.count))


@form.register
def _not(word: Not, knowledge: Knowledge) -> Form:
    part = form(word.word, knowledge)
    return Form(f"not ({part.phrase})", Negated(part))


@form.register
def _agree(word: Agree, knowledge: Knowledge) -> Form:
    because = f" ({word.because})" if word.because is not None else ""
    return Form(f"both, and unknown where they differ{because}: {_joined(' and ', _parts(word.words, knowledge))}")


@form.register
def _cases(word: Cases, knowledge: Knowledge) -> Form:
    steps = [_step(step, knowledge) for step in word.steps]
    otherwise = form(word.otherwise, knowledge).phrase
    return Form(f"the first case that applies decides: {'; '.join([*steps, f'otherwise as {otherwise}'])}")


@form.register
def _settled(word: Settled, knowledge: Knowledge) -> Form:
    return Form(f"{plain(word.answer.value)}: {word.because}")


@form.register
def _named(word: Named, knowledge: Knowledge) -> Form:
    return Form(f"criterion {word.id}", OfRow(word.id))


@form.register
def _shared(word: SharedReading, knowledge: Knowledge) -> Form:
    return Form(f'reading "{plain(word.name)}"', Shared(word.name))


def _in_text(word: Word) -> Form:
    """By the names of its operands; what is not set is passed over."""
    values = [(field.name, getattr(word, field.name)) for field in fields(word)]
    told = [(plain(name), value_of(value)) for name, value in values if not any(value is one for one in (None, False, ()))]
    operands = [f"{name} {value}" for name, value in told] if len(told) > 1 else [value for _, value in told]
    return Form(f"{type(word).__name__.lower()}: {', '.join(operands)}")


def _recorded(word: OnRecord, kind: str, more: str, knowledge: Knowledge) -> Form:
    named = titles(word.names, knowledge)
    span = knowledge.assumptions.spans[word.within] if word.within is not None else None
    within = f" within {span}" if span is not None else ""
    silence = ""
    if word.authority is not None:
        whole = " in a record of the whole history" if word.authority.whole_history else ""
        confirm = ", to be confirmed" if word.authority.to_confirm else ""
        silence = f"; none found{whole} is none{confirm}: {word.authority.because}"
    phrase = f"{kind} {named}{within}{more}{silence}"
    return Form(phrase, Typed(Concept(f"{kind}{more}"), Concept(named, word.names)), span)


def _combined(code: Combination, joiner: str, words: Iterable[Word], knowledge: Knowledge) -> Form:
    parts = _parts(words, knowledge)
    return Form(_joined(joiner, parts), Combined(code, parts))


def _parts(words: Iterable[Word], knowledge: Knowledge) -> tuple[Form, ...]:
    return tuple(form(word, knowledge) for word in words)


def _joined(joiner: str, parts: Iterable[Form]) -> str:
    return joiner.join(f"({part.phrase})" for part in parts)


def _step(step: Step, knowledge: Knowledge) -> str:
    condition = f"{_WHEN[step.when]} {form(step.word, knowledge).phrase}"
    confirm = ", to be confirmed" if step.confirm else ""
    because = f" ({step.because})" if step.because is not None else ""
    return f"{condition}: {plain(step.answer.value)}{confirm}{because}"


def _derivation(item: Derivation, knowledge: Knowledge) -> str:
    ends = ", ".join(
        f"{name} where {plain(op.value)} {grade}" for name, (op, grade) in (("met", item.met), ("not met", item.not_met))
    )
    child = " of a child" if item.child else ""
    return f"{titles((item.scale,), knowledge)}{child}: {ends}, to be confirmed"
