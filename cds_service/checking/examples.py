"""The `examples:` of a trial file: invented patients, and the answers that its rows are expected to give.

A patient is told by the names of files in `examples/` beside the trial file, or of those that come with this program: each a
FHIR Bundle, one of them with the Patient. Together they are the whole record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from cds_service import wording
from cds_service.criteria import load, nodes
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.trial import Trial
from cds_service.criteria.verdict import Answer, Verdict
from cds_service.errors import KnowledgeFault, UnreadableRecord
from cds_service.evaluation import evaluate
from cds_service.fhir.bundle import read_bundle
from cds_service.fhir.entries import Identified
from cds_service.fhir.record import PatientRecord
from cds_service.strict_yaml import Document, Tree
from cds_service.value import Value

SHIPPED = load.TRIALS / "examples"
GATE = "disease_gate"
_ZONE = ZoneInfo("UTC")


class ExampleNode(nodes.Node, frozen=True):
    """One patient on one day, and rows by the answer that they are expected to give."""

    story: str
    record: nodes.Names
    as_of: str
    met: nodes.Names | None = None
    met_confirm: nodes.Names | None = msgspec.field(default=None, name="met, confirm")
    not_met: nodes.Names | None = None
    not_met_confirm: nodes.Names | None = msgspec.field(default=None, name="not_met, confirm")
    unknown: nodes.Names | None = None


class _Resource(Value, frozen=True):
    resource: msgspec.Raw


class _Bundle(Value, frozen=True):
    entry: list[_Resource]


@dataclass(frozen=True, slots=True)
class Expected:
    """What one row is expected to answer."""

    row: str
    answer: Answer
    confirm: bool
    place: str

    def is_answered_by(self, verdict: Verdict) -> bool:
        return (verdict.answer, verdict.confirm) == (self.answer, self.confirm)


@dataclass(frozen=True, slots=True)
class Example:
    """One patient's record on one day, and what is expected of the rows that it shows."""

    story: str
    record: PatientRecord
    as_of: date
    expected: tuple[Expected, ...]


def run(trial: Trial, examples: tuple[Example, ...], document: Document, knowledge: Knowledge) -> Iterator[KnowledgeFault]:
    """Each answer that is not the expected one, with its reason."""
    alone = replace(knowledge, trials=(trial,))
    for example in examples:
        (match,) = evaluate(example.record, alone, example.as_of, _ZONE).matches
        verdicts = {answer.criterion.id: answer.verdict for answer in match.answers} | {GATE: match.gate}
        for expected in example.expected:
            verdict = verdicts[expected.row]
            if not expected.is_answered_by(verdict):
                yield document.fault(
                    expected.place,
                    f'"{example.story}": {expected.row} is expected {_said(expected.answer, confirm=expected.confirm)} and is '
                    f"{_said(verdict.answer, confirm=verdict.confirm)} ({wording.reason(verdict)})",
                    "mend the criterion or the example",
                )


def _said(answer: Answer, *, confirm: bool) -> str:
    return f"{answer.value}, confirm" if confirm else answer.value


def read(trial: Trial, document: Document, directory: Path, faults: list[KnowledgeFault]) -> tuple[Example, ...]:
    """The examples of a trial file whose own are in `directory`; every fault of their form goes to `faults`."""
    tree = document.tree["examples"] if isinstance(document.tree, dict) and "examples" in document.tree else None
    if not isinstance(tree, list) or not tree:
        faults.append(document.fault("examples", "are missing", "show patients and the answers expected: criteria/README.md"))
        return ()
    reader = _Reader(document, {row.id for row in trial.rows()} | {GATE}, (directory, SHIPPED), faults)
    found = [reader.read(node, f"examples[{index}]") for index, node in enumerate(tree)]
    return tuple(example for example in found if example is not None)


@dataclass
class _Reader:
    document: Document
    rows: set[str]
    directories: tuple[Path, ...]
    faults: list[KnowledgeFault]

    def read(self, node: Tree, place: str) -> Example | None:
        try:
            shape = msgspec.convert(node, ExampleNode, strict=False)
        except msgspec.ValidationError as error:
            self._fault(place, f"is no example: {str(error).replace('`', '')}", "compare it with criteria/README.md")
            return None
        expected = tuple(self._expected(shape, place))
        record = self._record(nodes.names_of(shape.record), f"{place}.record")
        as_of = self._day(shape.as_of, f"{place}.as_of")
        if record is None or as_of is None or not expected:
            return None
        return Example(shape.story, record, as_of, expected)

    def _expected(self, shape: ExampleNode, place: str) -> Iterator[Expected]:
        lists = {
            "met": (shape.met, Answer.MET, False),
            "met, confirm": (shape.met_confirm, Answer.MET, True),
            "not_met": (shape.not_met, Answer.NOT_MET, False),
            "not_met, confirm": (shape.not_met_confirm, Answer.NOT_MET, True),
            "unknown": (shape.unknown, Answer.UNKNOWN, False),
        }
        seen: set[str] = set()
        for key, (names, answer, confirm) in lists.items():
            for index, row in enumerate(nodes.names_of(names)):
                at = f"{place}.{key}" if isinstance(names, str) else f"{place}.{key}[{index}]"
                if row not in self.rows:
                    self._fault(at, f"speaks of {row}, which is no row of this trial", "name a criterion by its id")
                elif row in seen:
                    self._fault(at, f"speaks of {row} twice", "expect one answer")
                else:
                    seen.add(row)
                    yield Expected(row, answer, confirm, at)
        if not seen:
            self._fault(place, "expects nothing", "list rows under met, not_met or unknown")

    def _day(self, text: str, place: str) -> date | None:
        try:
            return date.fromisoformat(text)
        except ValueError:
            self._fault(place, "is not a day", "write YYYY-MM-DD")
            return None

    def _record(self, names: tuple[str, ...], place: str) -> PatientRecord | None:
        resources: dict[str, msgspec.Raw] = {}
        for name in names:
            for reference, resource in self._resources(name, place).items():
                if reference in resources:
                    self._fault(place, f"has {reference} in two of its files", "give one another id, or leave one out")
                resources[reference] = resource
        try:
            record = read_bundle(_bundle(resources))
        except UnreadableRecord as error:
            self._fault(place, f"is not one patient's record: {error}", "name one file with a Patient")
            return None
        if record.gaps:
            types = ", ".join(sorted({gap.resource_type for gap in record.gaps}))
            self._fault(place, f"holds what cannot be read: {types}", "compare it with FHIR R4")
            return None
        return record

    def _resources(self, name: str, place: str) -> Mapping[str, msgspec.Raw]:
        """The resources of a file, by reference."""
        path = next((path for one in self.directories if (path := one / f"{name}.json").is_file()), None)
        if path is None:
            self._fault(place, f"asks for {name}, which is no example", f"add {name}.json to the folder examples")
            return {}
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=_Bundle).entry
            heads = [msgspec.json.decode(entry.resource, type=Identified) for entry in entries]
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self._fault(place, f"asks for {name}, which is no Bundle of resources with ids", f"mend {path.name}")
            return {}
        return {f"{head.resource_type}/{head.id}": entry.resource for head, entry in zip(heads, entries, strict=True)}

    def _fault(self, place: str, problem: str, fix: str) -> None:
        self.faults.append(self.document.fault(place, problem, fix))


def _bundle(resources: Mapping[str, msgspec.Raw]) -> bytes:
    entries = [_Resource(resource) for resource in resources.values()]
    return b'{"resourceType": "Bundle", "type": "collection", "entry": ' + msgspec.json.encode(entries) + b"}"
