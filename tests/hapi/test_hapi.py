"""The whole way against a real HAPI FHIR server, with the quirks that it has."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.doctor.examination import examine
from cds_service.doctor.finding import State
from cds_service.fhir.client import Access, FhirClient, Means
from cds_service.hooks.patient_view import SERVICE
from cds_service.sandbox import stories
from cds_service.sandbox.ehr import PracticeEhr
from cds_service.sandbox.running import running
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import read_settings
from tests.hapi.conftest import DOOR

pytestmark = pytest.mark.hapi
URL = f"/cds-services/{SERVICE.entry.id}"
STORIES = [
    "relapsed-cd117-positive",
    "relapsed-cd123-positive",
    "hepatitis-b-carrier",
    "american-units",
    "no-labs-yet",
    "many-observations",
    "type-2-diabetes",
]


@pytest.fixture(scope="module")
def service(hapi: str, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    store = f"sqlite:///{tmp_path_factory.mktemp('store')}/store.sqlite"
    settings = read_settings(
        {"CDS_AUTH": "off", "CDS_DATABASE_URL": store, "CDS_FHIR_SERVERS": hapi, "CDS_CACHE_SECONDS": "0", "CDS_HASH_KEY": "k"}
    )
    return create_app(settings, clock=lambda: WRITTEN_FOR).test_client()


@pytest.fixture
def fhir(hapi: str) -> FhirClient:
    return FhirClient(Access(hapi, None, "many-observations"), DOOR, Means(8))


def fired(service: FlaskClient, ehr: PracticeEhr, patient: str, *, prefetch: bool) -> Any:
    body = ehr.request(SERVICE.entry.id, patient, prefetch=prefetch)
    response = service.post(URL, data=body, content_type="application/json")
    assert response.status_code == 200, response.data
    return json.loads(response.data)["cards"]


def test_the_doctor_finds_that_it_offers_all_that_is_asked(hapi: str) -> None:
    findings = [finding for finding in examine(read_settings({"CDS_AUTH": "off"}), [hapi]) if finding.subject == hapi]
    assert [finding.said for finding in findings if finding.state is not State.OK] == []
    assert findings


@pytest.mark.parametrize("story", STORIES)
def test_what_the_service_reads_by_itself_gives_the_same_cards_as_what_is_sent(
    service: FlaskClient, hapi: str, story: str
) -> None:
    with running(service.application) as address:
        ehr = PracticeEhr(address, hapi, DOOR)
        sent = fired(service, ehr, story, prefetch=True)
        read = fired(service, ehr, story, prefetch=False)
    assert [card["summary"] for card in read] == [card["summary"] for card in sent]
    assert [card["detail"] for card in read] == [card["detail"] for card in sent]
    assert [card["uuid"] for card in read] == [card["uuid"] for card in sent]
    assert bool(read) is (story != "type-2-diabetes")
    assert all(card["indicator"] == "info" for card in read)


def test_the_relapsed_patient_is_flagged_for_the_recruiting_trial(service: FlaskClient, hapi: str) -> None:
    first = fired(service, PracticeEhr("", hapi, DOOR), "relapsed-cd117-positive", prefetch=False)[0]
    assert first["summary"].startswith("CD117 CAR-T NCT07144020 (recruiting)")


@pytest.mark.parametrize("count", ["20", "7", "5000"])
def test_all_pages_are_read_whatever_the_server_makes_of_count(fhir: FhirClient, count: str) -> None:
    story = stories.load()["many-observations"]
    expected = {f"Observation/{resource['id']}" for resource in story if resource["resourceType"] == "Observation"}
    result = fhir.search("Observation", [("patient", "many-observations"), ("_sort", "-date"), ("_count", count)])
    assert result.failed is None
    assert {entry.reference for entry in result.entries} == expected
    assert len(result.entries) == len(expected) > 80


def test_a_long_query_is_posted_and_answered(fhir: FhirClient) -> None:
    codes = ",".join([f"9999{number}-0" for number in range(600)] + ["1742-6"])
    result = fhir.search("Observation", [("patient", "american-units"), ("code", codes)])
    assert result.failed is None
    assert len(result.entries) == 1


def test_a_search_without_hits_has_no_entries_and_is_an_answer(fhir: FhirClient) -> None:
    result = fhir.search("Condition", [("patient", "nobody-knows")])
    assert (result.entries, result.failed) == ((), None)


def test_an_unknown_patient_is_a_failed_precondition(service: FlaskClient, hapi: str) -> None:
    body = PracticeEhr("", hapi, DOOR).request(SERVICE.entry.id, "nobody-knows", prefetch=False)
    response = service.post(URL, data=body, content_type="application/json")
    assert response.status_code == 412


def test_an_empty_patient_is_never_searched_for(fhir: FhirClient) -> None:
    with pytest.raises(ValueError, match="empty"):
        fhir.search("Observation", [("patient", "")])


def test_a_page_that_has_expired_is_told_apart_from_an_empty_one(fhir: FhirClient, hapi: str) -> None:
    result = fhir.rest_of(f"{hapi}?_getpages=00000000-0000-4000-8000-000000000000&_getpagesoffset=20&_count=20")
    assert result.entries == ()
    assert result.failed is not None
