"""A hospital's own codes: a mapped code is what its target is, nothing unreviewed is applied, and each fault is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.criteria.knowledge import Knowledge, load_knowledge
from cds_service.errors import KnowledgeErrors
from cds_service.evaluation import evaluate
from cds_service.explanation import as_json, explain
from cds_service.facts.concepts import Recogniser
from cds_service.facts.disease_sign import disease_sign
from cds_service.fhir.bundle import read_bundle
from cds_service.terminology import concept_map
from cds_service.terminology.codes import CONCEPTS, ICD_10_CM, LOINC, RXNORM, SNOMED_CT, Coding
from cds_service.terminology.value_set import AskedOf
from tests.conftest import ZONE
from tests.records import AS_OF, Record, days_ago

LOCAL = "urn:oid:2.16.840.1.113883.3.999.7"
README = Path("cds_service/terminology/concept_maps/README.md").read_text(encoding="utf-8")


def group(target: str | None, *elements: dict[str, Any], source: str | None = LOCAL, **more: Any) -> dict[str, Any]:
    found = {"source": source, "target": target, "element": list(elements), **more}
    return {key: value for key, value in found.items() if value is not None}


def element(local: str | None, code: str | None, equivalence: str = "equivalent", **more: Any) -> dict[str, Any]:
    target = {"equivalence": equivalence, **({"code": code} if code else {}), **more}
    return {"target": [target], **({"code": local} if local else {})}


def concept_map_of(*groups: dict[str, Any], status: str = "active", **more: Any) -> dict[str, Any]:
    return {"resourceType": "ConceptMap", "status": status, "group": list(groups), **more}


HOSPITAL = concept_map_of(
    group(
        ICD_10_CM,
        element("D1", "C92.00"),
        element("D2", "C92.02", "equal"),
        element("D3", "C50.911"),
        element("D4", "C92.00", "relatedto"),
        element("D5", "C92.00", "wider"),
        element("D6", None, "unmatched"),
        {"code": "D7"},
    ),
    group(LOINC, element("ALT", "1742-6"), element("KM", "11150-0"), element("HIV", "56888-1"), element("E0", "LA9622-7")),
    group(CONCEPTS, element("C123", "cd123"), element("POS", "positive")),
    group(RXNORM, element("4711", "3041"), element("4712", "42316")),
    group(SNOMED_CT, element("P1", "57485005")),
)

Load = Callable[..., Knowledge]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The knowledge with these maps of a site."""

    def loaded(*maps: dict[str, Any]) -> Knowledge:
        for number, one in enumerate(maps, start=1):
            (tmp_path / f"site-{number}.json").write_text(json.dumps(one), encoding="utf-8")
        return load_knowledge(concept_maps_directory=tmp_path)

    return loaded


def sets_of(knowledge: Knowledge, asked_of: AskedOf, code: str, *texts: str) -> frozenset[str]:
    return knowledge.terminology.recognise(asked_of, [Coding(LOCAL, code)], texts).by_code


def local(code: str, **more: Any) -> dict[str, Any]:
    return {"coding": [{"system": LOCAL, "code": code, **more}]}


def result(code: str, **more: Any) -> dict[str, Any]:
    return {"status": "final", "effectiveDateTime": days_ago(3), "code": local(code), **more}


def relapsed(codes: dict[str, tuple[str, str]]) -> Record:
    """A relapsed AML with results, drugs and procedures, in local codes or in those that they are mapped to."""

    def concept(name: str) -> dict[str, Any]:
        system, code = codes[name]
        return {"coding": [{"system": system, "code": code}], "text": f"entry {name}"}

    def percent(value: float, unit: str = "%") -> dict[str, Any]:
        return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}

    when = {"status": "final", "effectiveDateTime": days_ago(3)}
    high = [{"high": percent(40, "U/L")}]
    return (
        Record()
        .add("Condition", code=concept("D1"), onsetDateTime="2025-01-10", recordedDate="2025-01-10")
        .add("Condition", code=concept("D2"), recordedDate="2026-10-01")
        .add("Observation", code=concept("ALT"), valueQuantity=percent(35, "U/L"), referenceRange=high, **when)
        .add("Observation", code=concept("KM"), valueQuantity=percent(40), **when)
        .add("Observation", code=concept("C123"), valueCodeableConcept=concept("POS"), method={"text": "flow"}, **when)
        .add("Observation", code=concept("HIV"), valueString="Negative", **when)
        .add(
            "MedicationStatement", medicationCodeableConcept=concept("4711"), status="completed", effectiveDateTime="2025-02-01"
        )
        .add("MedicationStatement", medicationCodeableConcept=concept("4712"), status="active", effectiveDateTime=days_ago(2))
        .add("Procedure", code=concept("P1"), status="completed", performedDateTime=days_ago(3))
    )


IN_LOCAL_CODES = {
    one["code"]: (LOCAL, one["code"]) for part in HOSPITAL["group"] for one in part["element"] if one["code"] != "D7"
}
IN_STANDARD_CODES = {
    one["code"]: (part["target"], one["target"][0].get("code", ""))
    for part in HOSPITAL["group"]
    for one in part["element"]
    if one["code"] != "D7"
}


def test_a_record_in_mapped_codes_is_answered_as_in_standard_codes(load: Load) -> None:
    knowledge = load(HOSPITAL)
    told = [
        as_json(explain(evaluate(read_bundle(relapsed(codes).body()), knowledge, AS_OF, ZONE), AS_OF))
        for codes in (IN_LOCAL_CODES, IN_STANDARD_CODES)
    ]
    assert told[0] == told[1]
    rows = {(t["trial"], c["id"]): c for t in json.loads(told[0])["trials"] for c in t["criteria"]}
    assert rows["NCT04014881", "I1"]["answer"] == "met"
    assert rows["NCT04265963", "I3"]["evidence"][0]["statement"].startswith("entry C123")


def test_without_the_map_the_same_record_is_no_patient_of_ours(knowledge: Knowledge) -> None:
    assert not disease_sign(read_bundle(relapsed(IN_LOCAL_CODES).body()), Recogniser(knowledge.terminology))


@pytest.mark.parametrize(
    "record",
    [
        Record().add("Condition", code=local("D1")),
        Record().add("MedicationRequest", status="active", intent="order", medicationCodeableConcept=local("4711")),
        Record().add("Observation", **result("KM", valueQuantity={"value": 30, "unit": "%"})),
    ],
    ids=["diagnosis", "drug", "blasts"],
)
def test_a_mapped_code_is_a_sign_of_the_disease(load: Load, record: Record) -> None:
    assert disease_sign(read_bundle(record.body()), Recogniser(load(HOSPITAL).terminology))


def row(knowledge: Knowledge, trial: str, name: str, record: Record) -> Any:
    findings = evaluate(read_bundle(record.body()), knowledge, AS_OF, ZONE)
    match = next(match for match in findings.matches if match.trial.id == trial)
    return next(answer for answer in match.answers if answer.criterion.id == name).verdict


def test_what_rests_on_a_map_needs_no_confirming_and_shows_the_records_own_name(load: Load) -> None:
    record = Record().condition("D3", system=LOCAL, display="Mamma-Ca links")
    verdict = row(load(HOSPITAL), "NCT04265963", "X1", record)
    assert (verdict.answer.value, verdict.confirm) == ("met", False)
    assert verdict.evidence[0].fact.label == "Mamma-Ca links"


@pytest.mark.parametrize(
    ("code", "answer"),
    [("D1", "not_met"), ("D4", "unknown"), ("D5", "unknown"), ("D6", "unknown"), ("D7", "unknown"), ("D99", "unknown")],
)
def test_silence_understands_a_mapped_code_as_its_target_and_no_other(load: Load, code: str, answer: str) -> None:
    record = Record().condition(code, system=LOCAL, onset="2025-01-10")
    assert row(load(HOSPITAL), "NCT04265963", "X1", record).answer.value == answer


def test_a_mapped_grade_is_the_grade(load: Load) -> None:
    terminology = load(HOSPITAL).terminology
    grade = terminology.recognise(AskedOf.ANSWER, [Coding(LOCAL, "E0")], [])
    assert terminology.ordinal("performance_grade", grade.codes) == 0


@pytest.mark.parametrize("code", ["D4", "D5", "D6", "D7", "D8"])
def test_only_what_is_marked_as_equal_or_equivalent_is_applied(load: Load, code: str) -> None:
    assert not sets_of(load(HOSPITAL), AskedOf.CONDITION, code)


def test_what_is_not_applied_is_counted_by_its_own_word(load: Load) -> None:
    (told,) = load(HOSPITAL).maps.files
    assert (told.file, told.translated) == ("site-1.json", 12)
    assert dict(told.not_applied) == {"relatedto": 1, "wider": 1, "unmatched": 1, "without a target": 1}


def test_a_retired_map_is_not_applied(load: Load) -> None:
    knowledge = load({**HOSPITAL, "status": "retired"})
    assert not sets_of(knowledge, AskedOf.CONDITION, "D1")
    assert knowledge.maps.files[0].not_applied == {"retired": 12}


def test_the_order_of_a_code_with_two_standard_codes_is_no_matter(load: Load) -> None:
    both = [group(ICD_10_CM, element("D1", "C92.02")), group(SNOMED_CT, element("D1", "91861009"))]
    assert "aml_in_relapse" in sets_of(load(concept_map_of(*both)), AskedOf.CONDITION, "D1")
    assert "aml_in_relapse" in sets_of(load(concept_map_of(*reversed(both))), AskedOf.CONDITION, "D1")


def test_a_code_below_a_prefix_is_a_target(load: Load) -> None:
    knowledge = load(concept_map_of(group("http://hl7.org/fhir/sid/icd-10", element("D1", "C92.0"))))
    assert "aml" in sets_of(knowledge, AskedOf.CONDITION, "D1")


@pytest.mark.parametrize("source", [LOCAL, "https://hospital.example/codes", "http://hospital.example/codes/"])
def test_the_code_system_is_compared_as_records_write_it(load: Load, source: str) -> None:
    knowledge = load(concept_map_of(group(ICD_10_CM, element("D1", "C92.00"), source=source)))
    other = {"https": "http", "http": "https"}
    scheme, _, rest = source.partition("://")
    written = f"{other[scheme]}://{rest.rstrip('/')}" if rest else source
    record = Record().add("Condition", code={"coding": [{"system": written, "code": " D1 "}]})
    assert disease_sign(read_bundle(record.body()), Recogniser(knowledge.terminology))


def test_a_map_belongs_to_the_digest(load: Load, knowledge: Knowledge) -> None:
    one = load(HOSPITAL).digest
    assert one != knowledge.digest
    assert load({**HOSPITAL, "title": "another"}).digest != one


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "site.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(HOSPITAL).encode())
    assert load_knowledge(concept_maps_directory=tmp_path).maps.files[0].translated == 12


AML = element("D1", "C92.00")
FAULTS = [
    ({"resourceType": "ValueSet", "status": "active"}, "resource_type: is not a FHIR R4 ConceptMap"),
    ({"resourceType": "ConceptMap"}, "status: is not a FHIR R4 ConceptMap"),
    (concept_map_of(group(ICD_10_CM, AML), status="final"), "status: has no such value; use draft"),
    (
        concept_map_of(group(ICD_10_CM, AML), status="draft"),
        "is draft, but 1 codes in it are marked as equivalent; write active",
    ),
    (concept_map_of(group(ICD_10_CM, AML, source=None)), r"group\[0\]\.source: is missing; name the code system"),
    (concept_map_of(group(None, AML)), "target in a code system in which no value set holds codes; use one of"),
    (concept_map_of(group("urn:oid:1.2.3", AML)), "target in a code system in which no value set holds codes"),
    (
        concept_map_of(group(ICD_10_CM, element("D1", "E11.9"))),
        r"target\[0\]: is equivalent to E11.9, which no value set holds",
    ),
    (concept_map_of(group(CONCEPTS, element("D1", "aml"))), "is equivalent to aml, which no value set holds"),
    (concept_map_of(group(ICD_10_CM, element("D1", None))), "is equivalent to nothing; write the target's code, or unmatched"),
    (concept_map_of(group(ICD_10_CM, element("D1", "C92.00", "same"))), "equivalence: has no such value; use equivalent"),
    (concept_map_of(group(ICD_10_CM, element(None, "C92.00"))), r"element\[0\]\.code: is missing"),
    (
        concept_map_of(group(ICD_10_CM, element("D1", "C92.00", dependsOn=[{"property": "http://x", "value": "y"}]))),
        "holds on a condition only",
    ),
    (
        concept_map_of(group(ICD_10_CM, AML, unmapped={"mode": "fixed", "code": "C92.00"})),
        "would give a meaning to codes that nobody has looked at",
    ),
    (concept_map_of(group(SNOMED_CT, element("C92.00", "91861009"), source=ICD_10_CM)), "which the value sets hold already"),
    (
        concept_map_of(group(ICD_10_CM, AML, element("D1", "C92.02"))),
        r"translates D1 a second time, after site-1.json group\[0\]\.element\[0\]",
    ),
    (
        concept_map_of(group(ICD_10_CM, AML), group(SNOMED_CT, element("D1", "254837009"))),
        "no value set holds both; keep the one that is right",
    ),
]


@pytest.mark.parametrize(("broken", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_a_fault_is_told_with_its_place_and_what_to_do(
    knowledge: Knowledge, tmp_path: Path, broken: dict[str, Any], told: str
) -> None:
    (tmp_path / "site-1.json").write_text(json.dumps(broken), encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=rf"site-1\.json:.*{told}"):
        concept_map.load(knowledge.terminology, tmp_path)


def test_all_faults_of_all_files_are_told_together(load: Load) -> None:
    with pytest.raises(KnowledgeErrors) as caught:
        load(*(broken for broken, _ in FAULTS))
    assert {fault.file for fault in caught.value.faults} == {f"site-{number + 1}.json" for number in range(len(FAULTS))}
    assert all(fault.problem and fault.fix for fault in caught.value.faults)


def test_two_sites_that_map_one_code_differently_are_told(load: Load) -> None:
    with pytest.raises(KnowledgeErrors, match=r"translates D1 a second time, after site-1\.json"):
        load(concept_map_of(group(ICD_10_CM, AML)), concept_map_of(group(ICD_10_CM, element("D1", "C50.911"))))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ('{"status": "active", "status": "draft"}', "has the key status twice"),
        ("[" * 100_000, "is not JSON"),
    ],
    ids=["cut off", "doubled key", "too deep"],
)
def test_a_file_that_is_no_map_at_all_is_told(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "site.json").write_text(content, encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=f"site.json: {told}"):
        load_knowledge(concept_maps_directory=tmp_path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "site.json").mkdir()
    with pytest.raises(KnowledgeErrors, match=r"site\.json: cannot be read"):
        load_knowledge(concept_maps_directory=tmp_path)


def test_a_directory_without_a_map_is_told(tmp_path: Path) -> None:
    """A volume that was not mounted must not take the meaning of all local codes away in silence."""
    with pytest.raises(KnowledgeErrors, match="CDS_CONCEPT_MAPS: names a directory without a concept map"):
        load_knowledge(concept_maps_directory=tmp_path)


def test_no_map_is_shipped(knowledge: Knowledge) -> None:
    assert knowledge.maps.files == ()
    assert [path.name for path in concept_map.DIRECTORY.iterdir()] == ["README.md"]


def test_the_readme_shows_a_map_that_can_be_read(tmp_path: Path, load: Load) -> None:
    example = README.partition("```json\n")[2].partition("```")[0]
    assert load(json.loads(example)).maps.files[0].translated > 0


def test_the_example_hospitals_map_is_in_order() -> None:
    maps = load_knowledge(concept_maps_directory=Path("fhir_fixtures/local_codes/concept_maps")).maps
    assert [told.file for told in maps.files] == ["riverside-hospital.json"]


@pytest.mark.parametrize("name", ["site.JSON", "site.json.txt", "site.yaml"])
def test_a_file_beside_the_maps_that_is_not_read_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "hospital.json").write_text(json.dumps(HOSPITAL), encoding="utf-8")
    (tmp_path / name).touch()
    with pytest.raises(KnowledgeErrors, match=rf"CDS_CONCEPT_MAPS: {name}: is not read: .*; rename it to site\.json, or move"):
        load_knowledge(concept_maps_directory=tmp_path)
