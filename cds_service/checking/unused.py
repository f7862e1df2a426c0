"""Value sets and assumptions that nothing asks for."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path

from cds_service import facts
from cds_service.assumptions import Assumptions
from cds_service.checking.bounds import bound_of
from cds_service.checking.roots import Placed
from cds_service.criteria import load
from cds_service.criteria.predicates.medicine import Medicine
from cds_service.criteria.predicates.observation import TimesUpperLimit
from cds_service.errors import KnowledgeFault
from cds_service.strict_yaml import Document
from cds_service.terminology.value_set import AskedOf, Terminology

_PROGRAM = (Path(next(iter(facts.__path__))), load.READINGS.parent)


def named_in_program() -> frozenset[str]:
    """Every text in the code that reads facts and decides: what it asks for by name."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for folder in _PROGRAM for path in folder.rglob("*.py"))
    return frozenset(
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def unused_value_sets(words: Iterable[Placed], terminology: Terminology) -> Iterator[KnowledgeFault]:
    """Asked for neither by a criterion, nor by the program, nor to narrow another set.

    A set of answers is used as soon as there is a question: that an answer is another one is an answer, too.
    """
    used = named_in_program() | {name for one in terminology for name in one.excluded}
    for placed in words:
        used |= {*placed.word.value_sets(), *placed.word.further_sets()}
    for one in terminology:
        if one.name not in used and one.asked_of is not AskedOf.ANSWER:
            yield KnowledgeFault(f"{one.name}.json", None, "", "is asked for by nothing", "ask for it, or drop the file")


def unused_assumptions(words: Iterable[Placed], assumptions: Assumptions, document: Document) -> Iterator[KnowledgeFault]:
    """Windows, spans, limits and default upper limits that nothing uses."""
    placed = list(words)
    bounds = [bound for one in placed if (bound := bound_of(one.word)) is not None]
    doses = [one.word.dose.limits for one in placed if isinstance(one.word, Medicine) and one.word.dose is not None]
    asked = {*(id(bound.operand) for bound in bounds), *(id(limit) for limits in doses for limit in limits)}
    told = named_in_program() | {text for one in placed for text in _operands(one)}
    multiples = {bound.analyte for bound in bounds if isinstance(bound.operand, TimesUpperLimit)}
    used = {
        "windows": {name for name in assumptions.windows if name in told},
        "spans": {name for name in assumptions.spans if name in told},
        "limits": {n for n, limit in assumptions.limits.items() if n in told or {id(limit), id(limit.any)} & asked},
        "default_upper_limits": multiples,
    }
    for group, names in used.items():
        for name in getattr(assumptions, group):
            if name not in names:
                yield document.fault(f"{group}.{name}", "is used by nothing", "use it, or drop it")


def _operands(placed: Placed) -> Iterator[str]:
    """The operands of a word that are texts."""
    for field in fields(placed.word):
        value = getattr(placed.word, field.name)
        if isinstance(value, str):
            yield value
