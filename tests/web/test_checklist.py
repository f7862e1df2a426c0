"""The checklist of CDS Hooks 2.0.1, item by item; tests/web/checklist.md names the rule and the test of each number."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import responses
from flask.testing import FlaskClient

from cds_service.hooks import services
from cds_service.protocol import Discovery, encode
from cds_service.settings import read_settings
from tests.web.ehr import service
from tests.web.test_service import SETTINGS, URL, call, client_of, request_of
from tests.web.wire import DOCUMENT, empties

FHIR = "https://ehr.example/fhir"
TOKEN = {
    "access_token": "invented-token",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read (Everything)",
    "subject": "invented-client",
}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
REQUESTS = sorted(path.name for path in Path("fhir_fixtures/requests").glob("*.json"))


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return client_of(replace(SETTINGS, hash_key=b"a key for tests", cache_seconds=0))


@pytest.fixture(scope="module")
def discovery(client: FlaskClient) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(client.get("/cds-services").data)
    return content


@pytest.fixture(scope="module")
def cards(client: FlaskClient) -> list[dict[str, Any]]:
    """Trial cards, the others card and the warning."""
    body = request_of("without-fhir-server.json")
    del body["prefetch"]["laboratory"]
    content: list[dict[str, Any]] = call(client, body)[1]["cards"]
    assert {card["indicator"] for card in content} == {"info", "warning"}
    return [*content, *call(client, request_of("sandbox-with-prefetch.json"))[1]["cards"]]


def queries(discovery: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(template, resource type, parameters) of every prefetch template."""
    found = []
    for template in discovery["services"][0]["prefetch"].values():
        path, _, query = template.partition("?")
        found.append((template, path, [tuple(pair.split("=", 1)) for pair in query.split("&") if pair]))
    return found


# --- JSON ---------------------------------------------------------------------------------------------------------------


@pytest.mark.checklist(1, 2, 3)
@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_is_json_without_nulls_and_empties(client: FlaskClient, name: str) -> None:
    response = client.post(URL, json=request_of(name))
    assert response.mimetype == "application/json"
    assert list(empties(json.loads(response.data))) == []


@pytest.mark.checklist(2)
def test_the_check_for_empties_finds_them() -> None:
    found = empties({"cards": [], "a": None, "b": {"c": ""}, "d": [{}, []], "cards2": []})
    assert sorted(found) == ["$.a", "$.b.c", "$.cards2", "$.d[0]", "$.d[1]"]


@pytest.mark.checklist(3, 19)
def test_optional_members_that_are_null_are_as_if_absent(client: FlaskClient) -> None:
    body = request_of("without-fhir-server.json")
    expected = call(client, body)
    body |= {"fhirServer": None, "fhirAuthorization": None, "extension": None}
    body["context"]["encounterId"] = None
    assert call(client, body) == expected
    assert call(client, {**body, "prefetch": None})[0] == 412


# --- Discovery ----------------------------------------------------------------------------------------------------------


@pytest.mark.checklist(4, 14)
def test_discovery_is_where_it_must_be(client: FlaskClient) -> None:
    assert client.get("/cds-services").status_code == 200
    assert client.get("/cds-services?_=1").status_code == 200
    assert client.get("/").status_code == 404


@pytest.mark.checklist(5, 7, 8, 9, 10, 11, 12, 24)
def test_discovery_describes_each_service(discovery: dict[str, Any]) -> None:
    jsonschema.validate(discovery, DOCUMENT["components"]["schemas"]["Discovery"])
    for entry in discovery["services"]:
        assert entry["hook"] == "patient-view"
        assert "FHIR R4" in entry["description"]
        assert "clinicians only" in entry["usageRequirements"]
        assert {"patient", "conditions"} < entry["prefetch"].keys()


@pytest.mark.checklist(6)
def test_no_services_are_an_empty_array() -> None:
    assert encode(Discovery(services=[])) == b'{"services":[]}'


@pytest.mark.checklist(9, 16)
def test_a_service_is_called_under_its_id(client: FlaskClient, discovery: dict[str, Any]) -> None:
    for entry in discovery["services"]:
        assert client.post(f"/cds-services/{entry['id']}", json=request_of("no-leukaemia.json")).status_code == 200


@pytest.mark.checklist(13)
def test_no_two_services_share_an_id(discovery: dict[str, Any]) -> None:
    ids = [service["id"] for service in discovery["services"]]
    assert len(ids) == len(set(ids)) == len(services())


@pytest.mark.checklist(15, 92)
def test_nothing_is_answered_beyond_the_specification(discovery: dict[str, Any], cards: list[dict[str, Any]]) -> None:
    known = {"hook", "id", "title", "description", "usageRequirements", "prefetch"}
    assert all(service.keys() <= known for service in discovery["services"])
    assert "extension" not in json.dumps([discovery, cards])


# --- The call -----------------------------------------------------------------------------------------------------------


@pytest.mark.checklist(17)
@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
@pytest.mark.parametrize("value", [None, "absent", 7, ""])
def test_what_a_client_must_send_is_named_where_it_is_missing(client: FlaskClient, member: str, value: Any) -> None:
    body = request_of("no-leukaemia.json")
    body[member] = value
    if value == "absent":
        del body[member]
    status, content = call(client, body)
    assert status == 400
    assert member in content["issue"][0]["diagnostics"]


@pytest.mark.checklist(18)
@responses.activate
def test_fhir_over_plain_http_is_not_called(client: FlaskClient) -> None:
    body = {**request_of("oracle-without-prefetch.json"), "fhirServer": "http://ehr.example/fhir"}
    assert call(client, body)[0] == 412
    assert len(responses.calls) == 0


@pytest.mark.checklist(19)
def test_a_call_needs_neither_fhir_server_nor_authorization_nor_encounter(client: FlaskClient) -> None:
    body = request_of("without-fhir-server.json")
    assert not {"fhirServer", "fhirAuthorization"} & body.keys()
    assert "encounterId" not in body["context"]
    assert call(client, body)[1]["cards"]


@pytest.mark.checklist(20)
def test_a_call_is_logged_under_its_hook_instance(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    body = {**request_of("no-leukaemia.json"), "hookInstance": "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA"}
    with caplog.at_level("INFO", "cds_service"):
        call(client, body)
        call(client, {**body, "hookInstance": "Zzyzx"})
    logged = [record.fields.get("hook_instance") for record in caplog.records if record.message == "hook_answered"]  # type: ignore[attr-defined]
    assert logged == ["d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", None]


@pytest.mark.checklist(21, 94)
def test_unknown_members_are_passed_over_at_every_level(client: FlaskClient) -> None:
    body = request_of("sandbox-with-prefetch.json")
    expected = call(client, body)
    body |= {"version": "3.0", "extension": {"com.example": [1, {"a": None}]}, "more": True}
    body["context"] |= {"locationId": "x", "selections": ["A/b"]}
    body["fhirAuthorization"] = {**TOKEN, "patient": body["context"]["patientId"], "more": [1]}
    assert call(client, body) == expected


# --- Data ---------------------------------------------------------------------------------------------------------------


@pytest.mark.checklist(22)
def test_a_full_prefetch_needs_no_call_out(client: FlaskClient) -> None:
    with responses.RequestsMock() as nothing:
        assert call(client, request_of("sandbox-with-prefetch.json"))[1]["cards"]
        assert len(nothing.calls) == 0


def offer(prefetch: dict[str, Any]) -> None:
    """The EHR's FHIR server, with the resources of a prefetch."""
    by_type: dict[str, list[Any]] = {}
    for part in prefetch.values():
        for entry in part.get("entry", []):
            by_type.setdefault(entry["resource"]["resourceType"], []).append(entry)
    responses.get(f"{FHIR}/Patient/{prefetch['patient']['id']}", json=prefetch["patient"])
    kinds = ("Condition", "Observation", "Procedure", "DiagnosticReport")
    for kind in (*kinds, "MedicationStatement", "MedicationRequest", "MedicationAdministration"):
        responses.get(f"{FHIR}/{kind}", json={**EMPTY, "entry": by_type.get(kind, [])} if kind in by_type else EMPTY)


@pytest.mark.checklist(23, 26, 39, 40)
@responses.activate
@pytest.mark.parametrize("sent", [(), ("patient",), ("patient", "conditions"), ("laboratory", "procedures")])
def test_what_was_not_sent_is_read_with_the_calls_token_and_changes_no_trial(
    client: FlaskClient, sent: tuple[str, ...]
) -> None:
    body = request_of("sandbox-with-prefetch.json")
    offer(body["prefetch"])
    _, expected = call(client, body)
    assert len(responses.calls) == 0
    body |= {"fhirAuthorization": TOKEN, "prefetch": {key: body["prefetch"][key] for key in sent}}
    _, content = call(client, body)
    assert [card["summary"] for card in content["cards"]] == [card["summary"] for card in expected["cards"]]
    assert {sent.request.headers["Authorization"] for sent in responses.calls} == {"Bearer invented-token"}


@pytest.mark.checklist(25, 37, 38)
def test_templates_are_reads_and_searches_of_the_recommended_subset(discovery: dict[str, Any]) -> None:
    for template, path, parameters in queries(discovery):
        assert re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{context\.patientId\}\})?", path), template
        names = [name for name, _ in parameters]
        assert set(names) <= {"patient", "category", "code", "_sort", "_count"}, template
        assert len(names) == len(set(names)), "the sandbox joins repeated parameters"
        assert dict(parameters).get("_sort", "-date") == "-date"
        assert not re.search(r"[:$]|_include|_has|today\(\)|%", template)


@pytest.mark.checklist(32, 33, 34, 35, 36)
def test_templates_use_the_patient_id_and_no_optional_token(discovery: dict[str, Any]) -> None:
    for template, _, _ in queries(discovery):
        assert re.findall(r"\{\{(.*?)\}\}", template) == ["context.patientId"]
        assert template.count("{") == template.count("}") == 2


@pytest.mark.checklist(27, 29)
@pytest.mark.parametrize(
    "value",
    [
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]},
        {
            **EMPTY,
            "entry": [
                {
                    "search": {"mode": "outcome"},
                    "resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "x"}]},
                }
            ],
        },
    ],
)
def test_an_error_in_place_of_data_is_no_answer(client: FlaskClient, value: dict[str, Any]) -> None:
    body = request_of("without-fhir-server.json")
    body["prefetch"]["laboratory"] = value
    _, content = call(client, body)
    assert "an error instead of data" in content["cards"][-1]["detail"]
    body["prefetch"] = {"patient": value, "conditions": value}
    assert call(client, body)[0] == 412


@pytest.mark.checklist(29)
@pytest.mark.parametrize("nothing", [None, EMPTY, {"resourceType": "Bundle", "type": "searchset", "entry": []}])
def test_null_and_an_empty_bundle_say_that_there_is_nothing(client: FlaskClient, nothing: Any) -> None:
    body = request_of("without-fhir-server.json")
    body["prefetch"]["procedures"] = nothing
    assert all(card["indicator"] == "info" for card in call(client, body)[1]["cards"])
    del body["prefetch"]["procedures"]
    assert call(client, body)[1]["cards"][-1]["indicator"] == "warning"


@pytest.mark.checklist(28, 47)
def test_without_the_basis_the_precondition_fails(client: FlaskClient) -> None:
    body = request_of("without-fhir-server.json")
    for missing in (("patient",), ("conditions",), ("patient", "conditions")):
        less = {key: value for key, value in request_of("no-leukaemia.json")["prefetch"].items() if key not in missing}
        status, content = call(
            client, {**body, "context": {"patientId": "type-2-diabetes", "userId": "Practitioner/x"}, "prefetch": less}
        )
        assert status == 412
        assert content["issue"][0]["diagnostics"].startswith(" and ".join(missing))


@pytest.mark.checklist(30)
@responses.activate
def test_further_pages_are_followed_or_named(client: FlaskClient) -> None:
    body = {**request_of("laboratory-with-a-next-page.json"), "fhirAuthorization": TOKEN}
    (link,) = [link["url"] for link in body["prefetch"]["laboratory"]["link"] if link["relation"] == "next"]
    responses.get(link.partition("?")[0], status=500)
    assert "laboratory: " in call(client, body)[1]["cards"][-1]["detail"]
    responses.replace("GET", link.partition("?")[0], json=EMPTY)
    offer(body["prefetch"])
    assert all("laboratory" not in card["detail"] for card in call(client, body)[1]["cards"] if card["indicator"] == "warning")


@pytest.mark.checklist(31)
def test_what_was_not_sent_never_rules_out_nor_in(client: FlaskClient) -> None:
    body = request_of("without-fhir-server.json")
    kept = ("patient", "conditions")
    body["prefetch"] = {key: value for key, value in body["prefetch"].items() if key in kept}
    _, content = call(client, body)
    warning = content["cards"][-1]
    assert warning["indicator"] == "warning"
    assert "NCT07144020" in warning["detail"]
    assert not any("no listed criterion fails, 0 open" in card["summary"] for card in content["cards"])


@pytest.mark.checklist(41)
@pytest.mark.parametrize(("patient", "status"), [("relapsed-cd117-positive", 200), (None, 200), ("another", 400)])
def test_a_token_for_another_patient_is_refused(client: FlaskClient, patient: str | None, status: int) -> None:
    body = request_of("sandbox-with-prefetch.json")
    body["fhirAuthorization"] = {**TOKEN, "patient": patient}
    assert call(client, body)[0] == status


@pytest.mark.checklist(41)
@pytest.mark.parametrize("without", list(TOKEN))
def test_an_authorization_that_lacks_members_is_survived(client: FlaskClient, without: str) -> None:
    body = request_of("sandbox-with-prefetch.json")
    body["fhirAuthorization"] = {key: value for key, value in TOKEN.items() if key != without}
    assert call(client, body)[0] == (400 if without == "access_token" else 200)


# --- The answer ---------------------------------------------------------------------------------------------------------


@pytest.mark.checklist(45, 66)
def test_an_answer_holds_cards_and_no_actions_of_the_system(client: FlaskClient) -> None:
    for name in ("sandbox-with-prefetch.json", "no-leukaemia.json"):
        assert call(client, request_of(name))[1].keys() == {"cards"}


@pytest.mark.checklist(46)
def test_no_guidance_is_an_empty_array_with_200(client: FlaskClient) -> None:
    assert call(client, request_of("no-leukaemia.json")) == (200, {"cards": []})


@pytest.mark.checklist(47)
@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("POST", URL, "{", "application/json", 400),
        ("POST", "/cds-services/none", "{}", "application/json", 404),
        ("PUT", URL, "{}", "application/json", 405),
        ("POST", URL, "{}", "text/plain", 415),
        ("POST", URL, "a=b", "application/x-www-form-urlencoded", 415),
        ("POST", f"{URL}/feedback", "{}", "text/html", 415),
        ("GET", "//cds-services", None, None, 404),
        ("GET", "/cds-services/", None, None, 404),
        ("GET", f"{URL}/feedback", None, None, 405),
    ],
)
def test_every_refusal_has_its_status_and_an_operation_outcome(
    client: FlaskClient, method: str, path: str, body: str | None, kind: str | None, status: int
) -> None:
    response = client.open(path, method=method, data=body, content_type=kind)
    assert response.status_code == status
    assert json.loads(response.data)["resourceType"] == "OperationOutcome"
    if status == 405:
        assert "OPTIONS" in response.headers["Allow"]


def test_a_compressed_body_is_not_guessed_at(client: FlaskClient) -> None:
    answer = client.post(URL, data=b"\x1f\x8b", content_type="application/json", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.checklist(47)
def test_who_calls_too_often_is_told_when_to_come_back() -> None:
    settings = read_settings({"CDS_AUTH": "off", "CDS_RATE_LIMIT": "3 per hour"})
    eager = client_of(settings)
    statuses = [eager.get("/cds-services").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert 0 < int(eager.get("/cds-services").headers["Retry-After"]) <= 3600
    assert eager.get("/healthz").status_code == 200


@pytest.mark.checklist(48, 49, 51, 52, 55, 56, 57, 58, 59, 60, 93)
def test_cards_have_the_shape_that_strict_clients_take(cards: list[dict[str, Any]]) -> None:
    jsonschema.validate({"cards": cards}, DOCUMENT["components"]["schemas"]["CdsResponse"])
    for card in cards:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", card["uuid"])
        assert len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning")
        assert re.fullmatch(r"[A-Za-z0-9]{1,100}", card["source"]["topic"]["code"])
        assert all({"code", "system", "display"} == reason.keys() for reason in card.get("overrideReasons", [])), card
        assert not {"icon", "url"} & card["source"].keys() or card["source"]["url"].startswith("https://")


@pytest.mark.checklist(48)
def test_the_uuids_of_one_answer_differ(client: FlaskClient) -> None:
    uuids = [card["uuid"] for card in call(client, request_of("sandbox-with-prefetch.json"))[1]["cards"]]
    assert len(uuids) == len(set(uuids)) == 4


@pytest.mark.checklist(50)
def test_text_of_the_record_cannot_make_markup(client: FlaskClient) -> None:
    body = request_of("without-fhir-server.json")
    for part in body["prefetch"].values():
        for entry in (part or {}).get("entry", []):
            if "text" in entry["resource"].get("code", {}) or entry["resource"]["resourceType"] == "Condition":
                entry["resource"]["code"]["text"] = "AML <script>alert(1)</script> | **x** [y](javascript:z)\n\n# h"
    details = " ".join(card.get("detail", "") for card in call(client, body)[1]["cards"])
    assert "<script" not in details
    assert not re.search(r"(?<!\\)\]\(", details)
    assert not re.search(r"<(?!\s)", details)
    assert "\n# " not in details


@pytest.mark.checklist(53, 54, 61, 62, 63, 64, 65)
def test_suggestions_are_whole_where_there_are_any(cards: list[dict[str, Any]]) -> None:
    schema = DOCUMENT["components"]["schemas"]["CdsResponse"]
    card = next(card for card in cards if card["indicator"] == "info")
    action = {"type": "create", "description": "d", "resource": {"resourceType": "ServiceRequest"}}
    suggestion = {"label": "l", "uuid": card["uuid"], "actions": [action]}
    jsonschema.validate({"cards": [{**card, "suggestions": [suggestion], "selectionBehavior": "any"}]}, schema)
    broken = [
        {**card, "suggestions": [suggestion]},
        {**card, "suggestions": [], "selectionBehavior": "any"},
        {**card, "suggestions": [suggestion], "selectionBehavior": "all"},
        *(
            {**card, "suggestions": [{**suggestion, **change}], "selectionBehavior": "any"}
            for change in (
                {"label": ""},
                {"uuid": "x"},
                {"actions": []},
                {"actions": [{**action, "type": "delete"}]},
                {"actions": [{**action, "description": ""}]},
                {"actions": [{**action, "resource": '{"resourceType": "ServiceRequest"}'}]},
                {"actions": [{"type": "update", "description": "d"}]},
            )
        ),
    ]
    for one in broken:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"cards": [one]}, schema)


@pytest.mark.checklist(67, 68, 69, 70)
def test_links_are_absolute_and_carry_nothing_of_the_patient(cards: list[dict[str, Any]]) -> None:
    links = [link for card in cards for link in card.get("links", [])]
    assert links
    for link in links:
        assert link.keys() == {"label", "url", "type"}
        assert link["type"] == "absolute"
        assert re.fullmatch(r"https://[a-z0-9.-]+/[^?#]*", link["url"])
        assert "relapsed-cd117-positive" not in link["url"]


# --- Security and the rest ----------------------------------------------------------------------------------------------


@pytest.mark.checklist(90)
@pytest.mark.parametrize("path", ["/cds-services", URL, f"{URL}/feedback", "/cds-services/none", "/anything"])
@pytest.mark.parametrize("origin", [None, "https://sandbox.example", "https://other.example", "null"])
def test_preflight_is_answered_before_anything_is_asked(tmp_path: Path, path: str, origin: str | None) -> None:
    headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    response = _closed(tmp_path).options(path, headers={**headers, **({"Origin": origin} if origin else {})})
    assert response.status_code == 204
    allowed = response.headers.get("Access-Control-Allow-Origin")
    assert allowed == (origin if origin == "https://sandbox.example" else None)
    if allowed:
        assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
        assert {"Authorization", "Content-Type", "Accept"} <= set(response.headers["Access-Control-Allow-Headers"].split(", "))
        assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in response.headers


_CLOSED: list[FlaskClient] = []


def _closed(folder: Path) -> FlaskClient:
    """A service that asks for tokens, built once."""
    if not _CLOSED:
        _CLOSED.append(service(folder).test_client())
    return _CLOSED[0]


@pytest.mark.checklist(90)
def test_a_refusal_can_be_read_by_a_browser_of_a_listed_origin(tmp_path: Path) -> None:
    response = _closed(tmp_path).get("/cds-services", headers={"Origin": "https://sandbox.example"})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "https://sandbox.example"


@pytest.mark.checklist(91)
def test_a_card_says_how_fresh_its_data_are(cards: list[dict[str, Any]]) -> None:
    trials = [card for card in cards if card["source"]["topic"]["code"].startswith("NCT")]
    assert trials
    for card in trials:
        assert re.search(r"Newest data used: (\d{4}-\d\d-\d\d|none); knowledge [0-9a-f]{12}", card["detail"])


# --- The checklist itself -----------------------------------------------------------------------------------------------

TABLE = Path("tests/web/checklist.md")
ROW = re.compile(r"\| (\d+) \| ([^|]+) \| ([^|]+) \|")
BINDS_OTHERS = "does not bind this program: "


def marked() -> Iterator[tuple[int, str]]:
    """(number, test) for every marker in tests/."""
    for path in sorted(Path("tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", []):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.checklist":
                    for number in decorator.args:
                        assert isinstance(number, ast.Constant)
                        yield int(str(number.value)), f"`{path.stem}.{getattr(node, 'name', '')}`"


def test_each_of_the_94_items_is_tested_or_binds_others() -> None:
    tests: dict[int, list[str]] = {}
    for number, test in marked():
        tests.setdefault(number, []).append(test)
    rows = {int(row[1]): row[3] for row in ROW.finditer(TABLE.read_text(encoding="utf-8"))}
    assert list(rows) == list(range(1, 95))
    others = [number for number, proof in rows.items() if proof.startswith(BINDS_OTHERS)]
    assert len(others) <= 12
    for number, proof in rows.items():
        assert number in others or proof == ", ".join(sorted(set(tests.get(number, ["no test"])))), number
    assert not set(others) & tests.keys()
