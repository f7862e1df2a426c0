"""The vocabulary as told in criteria/README.md is the one that the program reads."""

import re
from pathlib import Path

import pytest
import yaml

from cds_service.assumptions import load as load_assumptions
from cds_service.criteria.predicates.person import Age
from cds_service.criteria.read_words import JOINS, WordReader
from cds_service.errors import KnowledgeFault
from cds_service.strict_yaml import Document

README = Path("cds_service/criteria/README.md").read_text(encoding="utf-8")
EXAMPLES = [node for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) for node in yaml.load(block, yaml.BaseLoader)]


def reader(faults: list[KnowledgeFault]) -> WordReader:
    found = WordReader(Document("README.md", None, {}), load_assumptions(), faults)
    found.rows["I2"] = Age(18)
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=[" ".join(example) for example in EXAMPLES])
def test_every_example_can_be_read(example: dict[str, object]) -> None:
    faults: list[KnowledgeFault] = []
    reader(faults).read(example, "example")
    assert faults == []


def test_every_word_has_an_example() -> None:
    told = {word for example in EXAMPLES for word in example}
    assert told >= JOINS
    words = set(reader([])._table()) - {"criterion"}
    assert words <= told


BROKEN = [
    ("just text", "is not a node"),
    ({}, "0 words"),
    ({"age": "completed years", "sex": "any"}, "2 words"),
    ({"all": []}, "is empty"),
    ({"all": [{"sex": "any"}], "sex": "any"}, "holds other keys"),
    ({"sex": "neither"}, "no such value"),
    ({"count": {"at_least": "2"}}, "is not a count"),
    ({"count": {"at_least": "two", "of": [{"sex": "any"}]}}, "not a whole number"),
    ({"cases": [{"found": {"sex": "any"}, "answer": "met"}]}, "no `otherwise`"),
    ({"cases": [{"answer": "met"}, {"otherwise": {"sex": "any"}}]}, "needs one of found, possible and if"),
    ({"cases": [{"found": {"sex": "any"}}, {"otherwise": {"sex": "any"}}]}, "is not a case"),
    ({"cases": [{"found": {"sex": "any"}, "answer": "yes"}, {"otherwise": {"sex": "any"}}]}, "no such value"),
    ({"condition": "aml", "if_absent": "not_met"}, "has no because"),
    ({"condition": "aml", "if_absent": "met", "because": "x"}, "no such value"),
    ({"condition": "aml", "because": "x"}, "without if_absent"),
    ({"condition": "aml", "status": "gone"}, "no such value"),
    ({"condition": "aml", "within": "soon"}, "no such value"),
    ({"therapy": "fludarabine", "route": "oral"}, "no such value"),
    ({"therapy": "methotrexate", "dose_below": "much"}, "no such value"),
    ({"therapy": "methotrexate", "dose_below": "a", "dose_at_most": "b"}, "two bounds on the dose"),
    ({"treated_for": "gvhd", "within": "soon"}, "no such value"),
    ({"finding": "hiv_screen", "is": "negative"}, "one of window and within"),
    ({"condition": "aml", "if_absent": "not_met", "because": "x", "to_confirm": "yes"}, "no such value"),
    ({"condition": "aml", "to_confirm": "no"}, "without if_absent"),
    ({"observation": "alt", "window": "chemistry"}, "0 operators"),
    ({"observation": "alt", "below": "5", "window": "chemistry"}, "is not a limit"),
    ({"observation": "alt", "below": "x x ULN", "window": "chemistry"}, "is not a number"),
    ({"observation": "alt", "below": "5 U/L", "window": "ages"}, "no such value"),
    ({"observation": "alt", "below": "5 U/L", "window": "chemistry", "by": "eye"}, "no such value"),
    ({"share": "alt", "of": "ast", "below": "20"}, "is not a percentage"),
    ({"oxygen_saturation": "on room air", "above": "much", "window": "oxygen_saturation"}, "is not a limit"),
    ({"performance": "ecog", "at_most": "NaN"}, "is not a number"),
    ({"performance": "ecog", "at_most": "2", "derived": [{"scale": "x", "met": {}, "not_met": {}}]}, "is not one bound"),
    ({"antigen": "cd123", "by": "eye"}, "no such value"),
    ({"age": "completed years"}, "is not an age"),
]


@pytest.mark.parametrize(("node", "problem"), BROKEN)
def test_a_misspelt_node_is_refused_with_its_fix(node: object, problem: str) -> None:
    faults: list[KnowledgeFault] = []
    reader(faults).read(node, "here")  # type: ignore[arg-type]
    assert problem in str(faults[0])
    assert faults[0].place.startswith("here")
