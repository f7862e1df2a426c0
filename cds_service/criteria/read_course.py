"""The nodes that speak of the disease course → words; and a protocol's definition of relapse."""

from cds_service.assumptions import Length
from cds_service.criteria import nodes
from cds_service.criteria.fault import FaultError, length, one_of, percentage, whole_number
from cds_service.criteria.predicates import course as words
from cds_service.criteria.predicates.word import Word
from cds_service.facts.outcomes import Outcome
from cds_service.facts.sightings import RelapseDefinition

VALUES = frozenset({"active", "response_to_last_line", *words.COUNTS, *words.FINDINGS, *words.RELAPSES})


def read_course(node: nodes.CourseNode, place: str) -> Word:
    """The word of a course node, with just the operands that its value takes. Raises: FaultError."""
    value = one_of(node.course, VALUES, f"{place}.course")
    if value in words.RELAPSES:
        return _relapse(node, place)
    if value in words.COUNTS:
        _only(node, {"at_least"}, place)
        if node.at_least is None:
            raise FaultError(place, "counts without a number", "add at_least")
        number = whole_number(node.at_least, f"{place}.at_least")
        if number == 0:
            raise FaultError(f"{place}.at_least", "can never fail", "ask for one at least")
        return words.Counted(value, number)
    if value == "response_to_last_line":
        _only(node, {"is"}, place)
        return words.ResponseToLastLine(_outcome(node.says, f"{place}.is"))
    _only(node, set(), place)
    return words.ActiveDisease() if value == "active" else words.CourseFinding(value)


def _relapse(node: nodes.CourseNode, place: str) -> Word:
    _only(node, {"after_remission_of", "then", "treated_with"}, place)
    within, beyond = _lengths(node.after_remission_of, f"{place}.after_remission_of")
    then = None if node.then is None else _outcome(node.then, f"{place}.then")
    if node.treated_with is not None:
        one_of(node.treated_with, {"chemotherapy"}, f"{place}.treated_with")
        if then is None:
            raise FaultError(f"{place}.treated_with", "stands without then", "say how the treatment ended")
    if within is None and beyond is None and then is None:
        raise FaultError(place, "asks nothing of the relapse", "write {course: relapses, at_least: 1}")
    return words.RelapseWhich(node.course == "last_relapse", within, beyond, then, node.treated_with is not None)


def _lengths(operand: dict[str, str] | None, place: str) -> tuple[Length | None, Length | None]:
    if operand is None:
        return None, None
    if len(operand) != 1:
        raise FaultError(place, "is not one length", "write {at_most: 6 months} or {above: 6 months}")
    operator, text = next(iter(operand.items()))
    one_of(operator, {"at_most", "above"}, place)
    parsed = length(text, f"{place}.{operator}")
    return (parsed, None) if operator == "at_most" else (None, parsed)


def _outcome(text: str | None, place: str) -> Outcome:
    return words.OUTCOMES[one_of(text, words.OUTCOMES, place)]


def _only(node: nodes.CourseNode, allowed: set[str], place: str) -> None:
    given = {
        "at_least": node.at_least,
        "is": node.says,
        "after_remission_of": node.after_remission_of,
        "then": node.then,
        "treated_with": node.treated_with,
    }
    for key, value in given.items():
        if value is not None and key not in allowed:
            raise FaultError(f"{place}.{key}", f"does not go with {node.course}", "drop it")


def relapse_definition(node: nodes.RelapseNode, place: str) -> RelapseDefinition:
    """Raises: FaultError."""
    marrow = node.marrow_blasts
    if (marrow.above is None) is (marrow.at_least is None):
        raise FaultError(f"{place}.marrow_blasts", "needs one limit", "give one of above, at_least")
    if marrow.exactly is not None:
        one_of(marrow.exactly, {"a person judges"}, f"{place}.marrow_blasts.exactly")
    if marrow.by is not None:
        one_of(marrow.by, {"morphology"}, f"{place}.marrow_blasts.by")
    return RelapseDefinition(
        marrow_limit=percentage(marrow.above or marrow.at_least or "", f"{place}.marrow_blasts"),
        inclusive=marrow.at_least is not None,
        exactly_open=marrow.exactly is not None,
        morphology_only=marrow.by is not None,
        blood_blasts=one_of(node.blood_blasts, {"any", "none"}, f"{place}.blood_blasts") == "any",
        extramedullary=one_of(node.extramedullary, {"any", "none"}, f"{place}.extramedullary") == "any",
    )
