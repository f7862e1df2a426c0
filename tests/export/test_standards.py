"""docs/standards.md tells what the export does."""

import re
from pathlib import Path
from typing import Any

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.read_words import JOINS, WordReader
from cds_service.errors import KnowledgeFault
from cds_service.export.answers import STATUS
from cds_service.export.forms import Combined, Form, Negated, OfRow, Shared, Typed
from cds_service.export.release import Release
from cds_service.export.study import R4_STATUS, R5_STATUS
from cds_service.export.words import form
from cds_service.strict_yaml import Document
from tests.criteria.test_vocabulary import EXAMPLES
from tests.export.exported import OURS, nodes

STANDARDS = Path("docs/standards.md").read_text(encoding="utf-8")
Exported = dict[Release, dict[str, Any]]


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first heading is this."""
    _, _, after = STANDARDS.partition(f"\n| {heading} |")
    lines = after.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def has(value: Any, keys: list[str]) -> bool:
    if isinstance(value, list):
        return any(has(item, keys) for item in value)
    return not keys or (isinstance(value, dict) and keys[0] in value and has(value[keys[0]], keys[1:]))


def unfound(cell: str, bundles: list[Any]) -> list[str]:
    """The elements that a cell names and that no exported resource has."""
    paths = re.findall(r"`([A-Z]\w+(?:\.\w+)+)`", cell)
    resources = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    found = {
        path
        for path in paths
        for one in resources
        if path.startswith(f"{one['resourceType']}.") and has(one, path.split(".")[1:])
    }
    return [path for path in paths if path not in found]


def test_every_element_that_the_page_names_is_in_the_exports(exported_trials: Exported, story_answers: dict[str, Any]) -> None:
    trials, answers = table("of a trial"), table("of a patient's answers")
    assert len(trials) >= 10
    assert len(answers) >= 8
    for _, r4, r5 in trials:
        assert unfound(r4, list(exported_trials[Release.R4].values())) == []
        assert unfound(r5, list(exported_trials[Release.R5].values())) == []
    for _, r4 in answers:
        assert unfound(r4, list(story_answers.values())) == []


def test_every_extension_of_ours_is_told_and_no_other(exported_trials: Exported) -> None:
    found = {
        extension["url"].removeprefix(OURS)
        for bundles in exported_trials.values()
        for bundle in bundles.values()
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] != "ValueSet"
        for node in nodes(entry["resource"])
        for extension in node.get("extension", [])
        if extension["url"].startswith(OURS)
    }
    assert {row[0].strip("`") for row in table("extension")} == found


def kind(told: Form) -> str:
    match told.definition:
        case Typed():
            return "type and value"
        case Combined(code):
            return f"combination {code.value}"
        case Negated():
            return "exclude"
        case Shared():
            return "another EvidenceVariable"
        case OfRow():
            return "link to the row"
        case None:
            return "text"


def test_every_word_of_the_vocabulary_is_told_as_it_is_exported(knowledge: Knowledge) -> None:
    faults: list[KnowledgeFault] = []
    reader = WordReader(Document("README.md", None, {}), knowledge.assumptions, faults)
    reader.rows["I2"] = reader.read({"sex": "any"}, "I2")
    kinds: dict[str, set[str]] = {}
    for example in [*EXAMPLES, {"criterion": "I2"}, {"sex": "female"}]:
        (word,) = (reader._table().keys() | JOINS) & example.keys()
        kinds.setdefault(word, set()).add(kind(form(reader.read(example, "example"), knowledge)))
    assert faults == []
    assert table("word") == [[f"`{word}`", " or ".join(sorted(told))] for word, told in sorted(kinds.items())]


def test_every_status_is_told_with_its_codes() -> None:
    codes = [
        [status, f"`{R4_STATUS[status]}`", f"`{R5_STATUS[status]}`" if status in R5_STATUS else "text"]
        for status in sorted(R4_STATUS)
    ]
    assert table("registry") == codes
    assert table("our outcome") == [[outcome.value, f"`{status}`"] for outcome, status in STATUS.items()]
