"""A node of a trial file → the word that it says. Every fault is reported with its place; reading goes on after it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from cds_service.assumptions import Assumptions, parse_limit
from cds_service.criteria import nodes
from cds_service.criteria.comparison import Operator
from cds_service.criteria.fault import FaultError, number, one_of, whole_number
from cds_service.criteria.predicates import combinations as joined
from cds_service.criteria.predicates.antigen import Antigen
from cds_service.criteria.predicates.finding import TestFinding
from cds_service.criteria.predicates.medicine import ROUTES, Medicine, SingleDose, TreatedFor
from cds_service.criteria.predicates.observation import Observation, Operand, TimesUpperLimit
from cds_service.criteria.predicates.oxygen import OxygenSaturation
from cds_service.criteria.predicates.performance import Derivation, Performance
from cds_service.criteria.predicates.person import Age, Ask, AskList, Sex
from cds_service.criteria.predicates.recorded import STATUSES, Condition, ProcedureDone
from cds_service.criteria.predicates.share import Share
from cds_service.criteria.predicates.silence import Authority
from cds_service.criteria.predicates.word import Word
from cds_service.criteria.read_course import read_course
from cds_service.criteria.verdict import Answer
from cds_service.errors import KnowledgeFault
from cds_service.strict_yaml import Document, Tree

NodeType = TypeVar("NodeType", bound=nodes.Node)
Branch = dict[str, Tree]

_STEP_KEYS = joined.WHEN | {"answer", "because", "missing", "confirm"}
JOINS = frozenset({"all", "any", "not", "count", "agree", "cases"})


class WordReader:
    """Reads the nodes of one file. `on_part` gets each node with an id of its own; `places` keeps where each word stands."""

    def __init__(self, document: Document, assumptions: Assumptions, faults: list[KnowledgeFault]) -> None:
        self.document = document
        self.assumptions = assumptions
        self.faults = faults
        self.rows: dict[str, Word] = {}
        self.places: dict[int, str] = {}
        self.on_part: Callable[[Branch, str, Word], None] | None = None

    def read(self, node: Tree, place: str) -> Word:
        """The word of a node; after a fault, a word that asks, so that the rest is read too."""
        try:
            word = self._read(node, place)
        except FaultError as fault:
            self.faults.append(self.document.fault(fault.place, fault.problem, fault.fix))
            word = Ask("")
        self.places[id(word)] = place
        return word

    def _read(self, node: Tree, place: str) -> Word:
        if not isinstance(node, dict):
            raise FaultError(place, "is not a node", "write a word with its operands")
        if "id" in node and self.on_part is not None:
            return self._part(node, place)
        if joins := JOINS & node.keys():
            return self._join(node, joins, place)
        words = self._table().keys() & node.keys()
        if len(words) != 1:
            known = ", ".join(sorted({*self._table(), *JOINS}))
            raise FaultError(place, f"has {len(words)} words of the vocabulary", f"use exactly one of: {known}")
        return self._table()[words.pop()](node, place)

    def _part(self, node: Branch, place: str) -> Word:
        inner = {key: value for key, value in node.items() if key not in PART_KEYS}
        word = self.read(inner, place)
        name = str(node["id"])
        self.rows[name] = word
        if self.on_part is not None:
            self.on_part(node, place, word)
        return joined.Named(name, word)

    def _join(self, node: Branch, joins: frozenset[str] | set[str], place: str) -> Word:
        if len(node) != 1 and node.keys() != {"agree", "because"}:
            raise FaultError(place, "joins and holds other keys", f"leave only one of: {', '.join(sorted(node))}")
        join, because = next(iter(joins)), node.get("because")
        operand, inner = node[join], f"{place}.{join}"
        if join == "not":
            return joined.Not(self.read(operand, inner))
        if join == "count":
            return self._count(operand, inner)
        if not isinstance(operand, list) or not operand:
            raise FaultError(inner, "is empty", "list at least one node")
        if join == "cases":
            return self._cases(operand, inner)
        words = tuple(self.read(item, f"{inner}[{index}]") for index, item in enumerate(operand))
        if join == "agree":
            return joined.Agree(words, because if isinstance(because, str) else None)
        return joined.All(words) if join == "all" else joined.Any(words)

    def _count(self, operand: Tree, place: str) -> Word:
        if not isinstance(operand, dict) or operand.keys() != {"at_least", "of"} or not isinstance(operand["of"], list):
            raise FaultError(place, "is not a count", "write count: {at_least: 2, of: [...]}")
        words = tuple(self.read(item, f"{place}.of[{index}]") for index, item in enumerate(operand["of"]))
        return joined.Count(whole_number(operand["at_least"], f"{place}.at_least"), words)

    def _cases(self, operand: list[Tree], place: str) -> Word:
        steps = []
        for index, item in enumerate(operand[:-1]):
            steps.append(self._step(item, f"{place}[{index}]"))
        last, last_place = operand[-1], f"{place}[{len(operand) - 1}]"
        if not isinstance(last, dict) or last.keys() != {"otherwise"}:
            raise FaultError(last_place, "is the last case but no `otherwise`", "say what holds when no case applies")
        return joined.Cases(tuple(steps), self.read(last["otherwise"], f"{last_place}.otherwise"))

    def _step(self, item: Tree, place: str) -> joined.Step:
        keys = item.keys() if isinstance(item, dict) else set()
        if not isinstance(item, dict) or not keys <= _STEP_KEYS or "answer" not in keys:
            raise FaultError(place, "is not a case", "write found, possible or if, answer, because, missing and confirm")
        condition = joined.WHEN & keys
        if len(condition) != 1:
            raise FaultError(place, "needs one of found, possible and if", "keep one of them")
        key = next(iter(condition))
        because, missing = item.get("because"), item.get("missing")
        return joined.Step(
            self.read(item[key], f"{place}.{key}"),
            self._answer(item["answer"], f"{place}.answer"),
            when=key,
            because=because if isinstance(because, str) else None,
            confirm=self._flag(item.get("confirm"), f"{place}.confirm"),
            missing=missing if isinstance(missing, str) else None,
        )

    def _table(self) -> Mapping[str, Callable[[Branch, str], Word]]:
        return {
            "age": self._age,
            "sex": self._sex,
            "condition": self._condition,
            "procedure": self._procedure,
            "therapy": self._therapy,
            "treated_for": self._treated_for,
            "observation": self._observation,
            "share": self._share,
            "oxygen_saturation": self._oxygen,
            "performance": self._performance,
            "finding": self._finding,
            "antigen": self._antigen,
            "course": self._course,
            "ask": lambda node, place: Ask(self._convert(node, nodes.AskNode, place).ask),
            "ask_list": lambda node, place: AskList(),
            "shared_reading": lambda node, place: joined.SharedReading(
                self._convert(node, nodes.SharedReadingNode, place).shared_reading
            ),
            "criterion": self._criterion,
            "answer": self._settled,
        }

    def _convert(self, node: Branch, shape: type[NodeType], place: str) -> NodeType:
        try:
            return msgspec.convert(node, shape, strict=False)
        except msgspec.ValidationError as error:
            raise FaultError(
                place, str(error).replace("`", ""), "compare it with the vocabulary in criteria/README.md"
            ) from error

    def _age(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.AgeNode, place)
        if shape.age != "completed years" or (shape.at_least is None and shape.at_most is None):
            raise FaultError(place, "is not an age", "write age: completed years with at_least, at_most or both")
        low = None if shape.at_least is None else whole_number(shape.at_least, f"{place}.at_least")
        high = None if shape.at_most is None else whole_number(shape.at_most, f"{place}.at_most")
        return Age(low, high)

    def _sex(self, node: Branch, place: str) -> Word:
        sex = self._convert(node, nodes.SexNode, place).sex
        return Sex(one_of(sex, {"any", "female", "male"}, f"{place}.sex"))

    def _condition(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.ConditionNode, place)
        status = one_of(shape.status, STATUSES, f"{place}.status")
        return Condition(
            nodes.names_of(shape.condition), self._span(shape.within, place), self._authority(shape, place), status
        )

    def _procedure(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.ProcedureNode, place)
        return ProcedureDone(nodes.names_of(shape.procedure), self._span(shape.within, place), self._authority(shape, place))

    def _therapy(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.TherapyNode, place)
        if shape.route is not None:
            one_of(shape.route, ROUTES, f"{place}.route")
        return Medicine(
            nodes.names_of(shape.therapy),
            self._span(shape.within, place),
            self._authority(shape, place),
            nodes.names_of(shape.reasons),
            nodes.names_of(shape.but_not_for),
            self._span(shape.briefly, place, "briefly"),
            shape.route,
            self._dose(shape, place),
        )

    def _dose(self, shape: nodes.TherapyNode, place: str) -> SingleDose | None:
        if shape.dose_at_most is not None and shape.dose_below is not None:
            raise FaultError(place, "has two bounds on the dose", "keep one of dose_at_most and dose_below")
        operator = Operator.BELOW if shape.dose_below is not None else Operator.AT_MOST
        names = nodes.names_of(shape.dose_below or shape.dose_at_most)
        limits = [self.assumptions.limits[one_of(n, self.assumptions.limits, f"{place}.dose")].for_sex(None) for n in names]
        return SingleDose(operator, tuple(limit for limit in limits if limit is not None)) if limits else None

    def _treated_for(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.TreatedForNode, place)
        return TreatedFor(nodes.names_of(shape.treated_for), self._span(shape.within, place))

    def _observation(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.ObservationNode, place)
        operator, operand = self._comparison(shape, place)
        if shape.by is not None:
            one_of(shape.by, {"flow", "morphology"}, f"{place}.by")
        if shape.of_a_range is not None:
            one_of(shape.of_a_range, {"lower end"}, f"{place}.of_a_range")
        return Observation(
            nodes.names_of(shape.observation),
            operator,
            self._operand(operand, f"{place}.{operator.value}"),
            self._window(shape.window, place),
            shape.by,
            shape.preferring,
            shape.since is not None and bool(one_of(shape.since, {"last treatment"}, f"{place}.since")),
            shape.of_a_range is not None,
        )

    def _share(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.ShareNode, place)
        operator, text = self._comparison(shape, place)
        limit = parse_limit(text)
        if limit is None or limit.unit != "%":
            raise FaultError(f"{place}.{operator.value}", "is not a percentage", 'write "20 %"')
        return Share(shape.share, shape.of, operator, limit)

    def _oxygen(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.OxygenSaturationNode, place)
        one_of(shape.oxygen_saturation, {"on room air"}, f"{place}.oxygen_saturation")
        operator, text = self._comparison(shape, place)
        limit = parse_limit(text)
        if limit is None:
            raise FaultError(f"{place}.{operator.value}", "is not a limit", 'write a number and a unit: "92 %"')
        return OxygenSaturation(operator, limit, self._window(shape.window, place))

    def _performance(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.PerformanceNode, place)
        operator, grade = self._comparison(shape, place)
        derived = tuple(
            Derivation(
                item.scale,
                self._bound(item.met, f"{place}.derived[{index}].met"),
                self._bound(item.not_met, f"{place}.derived[{index}].not_met"),
                one_of(item.age, {"adult", "child"}, f"{place}.derived[{index}].age") == "child",
            )
            for index, item in enumerate(shape.derived)
        )
        return Performance(shape.performance, operator, number(grade, f"{place}.{operator.value}"), derived)

    def _finding(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.FindingNode, place)
        if (shape.window is None) is (shape.within is None):
            raise FaultError(
                place, "needs one of window and within", "give the newest result's window, or a span for any result"
            )
        window = None if shape.window is None else self._window(shape.window, place)
        return TestFinding(shape.finding, shape.says, window, self._span(shape.within, place))

    def _antigen(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.AntigenNode, place)
        by = one_of(shape.by, {"any method", "flow cytometry"}, f"{place}.by")
        positive = one_of(shape.positive, {"as interpreted", "if detected"}, f"{place}.positive")
        return Antigen(shape.antigen, by == "flow cytometry", positive == "if detected")

    def _course(self, node: Branch, place: str) -> Word:
        return read_course(self._convert(node, nodes.CourseNode, place), place)

    def _criterion(self, node: Branch, place: str) -> Word:
        name = self._convert(node, nodes.CriterionNode, place).criterion
        if name not in self.rows:
            raise FaultError(place, f"refers to {name}, which does not stand above", "name a criterion of this file")
        return joined.Named(name, self.rows[name])

    def _settled(self, node: Branch, place: str) -> Word:
        shape = self._convert(node, nodes.SettledNode, place)
        return joined.Settled(self._answer(shape.answer, f"{place}.answer"), shape.because)

    def _authority(
        self, shape: "nodes.ConditionNode | nodes.ProcedureNode | nodes.TherapyNode", place: str
    ) -> Authority | None:
        if shape.if_absent is None:
            if shape.because is not None or shape.history is not None or getattr(shape, "to_confirm", None) is not None:
                raise FaultError(place, "says because or history without if_absent", "add if_absent or drop them")
            return None
        one_of(shape.if_absent, {"not_met"}, f"{place}.if_absent")
        if not shape.because:
            raise FaultError(f"{place}.if_absent", "has no because", "say why the record is the authority")
        if shape.history is not None:
            one_of(shape.history, {"needed"}, f"{place}.history")
        to_confirm = shape.to_confirm if isinstance(shape, nodes.ConditionNode) else None
        if to_confirm is not None:
            one_of(to_confirm, {"no"}, f"{place}.to_confirm")
        return Authority(shape.because, shape.history is not None, to_confirm is None)

    def _comparison(self, shape: nodes.ComparisonNode, place: str) -> tuple[Operator, str]:
        given = [(op, text) for op in Operator if (text := getattr(shape, op.value)) is not None]
        if len(given) != 1:
            raise FaultError(place, f"has {len(given)} operators", "give one of below, at_most, at_least, above")
        return given[0]

    def _operand(self, text: str, place: str) -> Operand:
        if text in self.assumptions.limits:
            return self.assumptions.limits[text]
        times, _, of = text.partition(" x ")
        if of == "ULN":
            return TimesUpperLimit(number(times, place))
        limit = parse_limit(text)
        if limit is None:
            raise FaultError(place, "is not a limit", 'write "34.2 umol/L", "5 x ULN" or a limit of assumptions.yaml')
        return limit

    def _bound(self, bound: Mapping[str, str], place: str) -> tuple[Operator, Decimal]:
        if len(bound) != 1:
            raise FaultError(place, "is not one bound", "write {at_most: 1}")
        name, text = next(iter(bound.items()))
        one_of(name, {operator.value for operator in Operator}, place)
        return Operator(name), number(text, place)

    def _window(self, name: str, place: str) -> str:
        return one_of(name, self.assumptions.windows, f"{place}.window")

    def _span(self, name: str | None, place: str, key: str = "within") -> str | None:
        return None if name is None else one_of(name, self.assumptions.spans, f"{place}.{key}")

    def _answer(self, value: Tree, place: str) -> Answer:
        return Answer(one_of(value, {answer.value for answer in Answer}, place))

    def _flag(self, value: Tree, place: str) -> bool:
        return value is not None and one_of(value, {"true"}, place) == "true"


PART_KEYS = frozenset({"id", "text", "reading", "kind", "sensitive", "shown", "beside"})
