"""What clinicians make of the cards comes back, and a card that was overridden stays away."""

import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.clients import OPEN
from cds_service.errors import SettingsError
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import read_settings
from cds_service.store.database import Database
from cds_service.store.reports import acceptance
from cds_service.store.store import Store
from tests.store.place import look
from tests.web.ehr import bearer, service
from tests.web.test_service import URL, request_of
from tests.web.wire import checked

FEEDBACK = f"{URL}/feedback"
AT = "2026-11-24T08:00:00.000Z"
CARD = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


class Site:
    """A site whose clock can be turned on."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.now: datetime = WRITTEN_FOR
        self.store = f"sqlite:///{folder}/store.sqlite"
        environment = {"CDS_AUTH": "off", "CDS_DATABASE_URL": self.store, "CDS_HASH_KEY": "a key for tests", **settings}
        self.client: FlaskClient = checked(create_app(read_settings(environment), clock=lambda: self.now)).test_client()

    def cards(self, request_file: str = "without-fhir-server.json", **change: Any) -> list[dict[str, Any]]:
        body = request_of(request_file)
        body["context"] |= change
        cards: list[dict[str, Any]] = json.loads(self.client.post(URL, json=body).data)["cards"]
        return cards

    def tell(self, *items: dict[str, Any]) -> int:
        response = self.client.post(FEEDBACK, json={"feedback": list(items)})
        assert response.mimetype == "application/json"
        if response.status_code == 200:
            assert response.data == b"{}"
        return response.status_code

    def is_away(self, card: str, at: datetime) -> bool:
        return bool(Store(Database(self.store)).audit(look(client=OPEN, at=at), [card]))

    def override(self, card: str, reason: str | None = None) -> int:
        coded = {"overrideReason": {"reason": {"code": reason, "system": "https://any.example"}}} if reason else {}
        at = self.now.isoformat()
        return self.tell({"card": card, "outcome": "overridden", "outcomeTimestamp": at, **coded})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.checklist(71, 72, 73, 74)
def test_a_card_dismissed_with_a_reason_is_gone_at_the_next_opening(site: Site) -> None:
    first, *others = site.cards()
    assert site.override(first["uuid"], "not-now") == 200
    assert [card["uuid"] for card in site.cards()] == [card["uuid"] for card in others]


@pytest.mark.parametrize(
    ("reason", "days"),
    [("not-now", 7), ("not-a-candidate", 180), ("data-wrong", 30), ("already-considered", 30), ("a-sites-own", 30), (None, 30)],
)
def test_an_overridden_card_stays_away_for_its_reasons_time(site: Site, reason: str | None, days: int) -> None:
    card = site.cards()[0]["uuid"]
    site.override(card, reason)
    end = site.now + timedelta(days=days)
    assert site.is_away(card, end - timedelta(seconds=1))
    assert not site.is_away(card, end + timedelta(seconds=1))


def test_new_evidence_brings_the_card_back(site: Site) -> None:
    first = site.cards()[0]
    site.override(first["uuid"], "not-a-candidate")
    body = request_of("without-fhir-server.json")
    for entry in body["prefetch"]["laboratory"]["entry"]:
        if entry["resource"]["code"].get("coding", [{}])[0].get("code") == "1742-6":
            entry["resource"]["valueQuantity"]["value"] = 29
    cards = json.loads(site.client.post(URL, json=body).data)["cards"]
    assert cards[0]["summary"] == first["summary"]
    assert cards[0]["uuid"] != first["uuid"]


def test_the_same_record_gives_the_same_cards_on_the_next_day(site: Site) -> None:
    today = site.cards()
    site.now += timedelta(days=1)
    assert [card["uuid"] for card in site.cards()] == [card["uuid"] for card in today]


def test_another_clinician_still_sees_the_card(site: Site) -> None:
    first = site.cards()[0]
    site.override(first["uuid"], "not-now")
    assert site.cards(userId="Practitioner/another")[0]["summary"] == first["summary"]


def test_not_fully_evaluated_is_never_suppressed(site: Site) -> None:
    body = request_of("without-fhir-server.json")
    del body["prefetch"]["laboratory"]
    for _ in range(2):
        cards = json.loads(site.client.post(URL, json=body).data)["cards"]
        warning = cards[-1]
        assert warning["indicator"] == "warning"
        assert "overrideReasons" not in warning
        for card in cards:
            site.override(card["uuid"], "not-a-candidate")
    assert json.loads(site.client.post(URL, json=body).data)["cards"] == [warning]


def test_an_accepted_card_is_not_suppressed(site: Site) -> None:
    first = site.cards()[0]
    assert site.tell({"card": first["uuid"], "outcome": "accepted", "outcomeTimestamp": AT, "acceptedSuggestions": []}) == 200
    assert site.cards()[0]["uuid"] == first["uuid"]


def test_feedback_that_comes_late_counts_from_when_it_was_given(site: Site) -> None:
    card = site.cards()[0]["uuid"]
    given = (site.now - timedelta(days=8)).isoformat()
    reason = {"reason": {"code": "not-now"}}
    site.tell({"card": card, "outcome": "overridden", "outcomeTimestamp": given, "overrideReason": reason})
    assert site.cards()[0]["uuid"] == card


def test_a_clock_that_is_ahead_suppresses_no_longer(site: Site) -> None:
    card = site.cards()[0]["uuid"]
    ahead = (site.now + timedelta(days=3000)).isoformat()
    site.tell(
        {"card": card, "outcome": "overridden", "outcomeTimestamp": ahead, "overrideReason": {"reason": {"code": "not-now"}}}
    )
    assert not site.is_away(card, site.now + timedelta(days=7, seconds=1))


REAL = {
    "the sandbox": {"overrideReason": {"reason": {"code": "not-now", "system": "https://cds-service.example/x"}}},
    "the sandbox with a comment": {"overrideReason": {"reason": {"code": "not-now"}, "userComment": "Zzyzx"}},
    "Epic's plural key": {"overrideReasons": {"reason": {"code": "17", "system": "urn:epic"}}},
    "Epic's plural key with a list": {"overrideReasons": [{"reason": {"code": "17", "system": "urn:epic"}}]},
    "Epic's extension": {"overrideReasons": [{"extension": {"com.epic.cdshooks.feedback.overrideReason.id": "17", "n": 1}}]},
    "a CodeableConcept": {"overrideReason": {"reason": {"coding": [{"code": "not-now"}]}}},
    "a list of reasons": {"overrideReason": {"reason": [{"code": "x"}, {"code": "not-now"}]}},
    "unknown members": {"overrideReason": {"reason": {"code": "not-now", "userSelected": True}, "extension": {}}, "more": 1},
}


@pytest.mark.checklist(75)
@pytest.mark.parametrize("shape", REAL)
def test_every_clients_shape_of_a_reason_is_read(tmp_path: Path, shape: str) -> None:
    client = service(tmp_path, 'override_reasons: {"17": not-now}').test_client()
    item = {"card": CARD.upper(), "outcome": "overridden", "outcomeTimestamp": AT, **REAL[shape]}
    for _ in range(2):
        assert client.post(FEEDBACK, json={"feedback": [item]}, headers=bearer(FEEDBACK)).status_code == 200
    (row,) = acceptance(Database(f"sqlite:///{tmp_path}/store.sqlite"))
    assert (row.topic, dict(row.reasons)) == ("unknown card", {"not-now": 1})


@pytest.mark.checklist(77)
def test_a_comment_is_not_kept_only_that_there_was_one(site: Site, tmp_path: Path) -> None:
    reason = {
        "reason": {"code": "Zzyzx", "system": "Zzyzx", "display": "Zzyzx"},
        "userComment": "Zzyzx",
        "extension": {"a": "Zzyzx"},
    }
    item = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT, "overrideReason": reason, "more": "Zzyzx"}
    assert site.tell(item) == 200
    assert not any(b"Zzyzx" in path.read_bytes() for path in tmp_path.iterdir())
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    assert connection.execute("SELECT reason, commented FROM feedback").fetchall() == [("other", 1)]
    connection.close()


def test_several_cards_are_kept_in_one_call(site: Site) -> None:
    cards = site.cards()
    items = [{"card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": AT} for card in cards]
    assert site.tell(*items, *items) == 200
    assert sum(row.accepted for row in acceptance(Database(site.store))) == len(cards)


GOOD = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT}
REFUSED: list[tuple[Any, str]] = [
    ({}, "feedback is missing"),
    ({"feedback": None}, "feedback is missing"),
    ({"feedback": {}}, "$.feedback"),
    ({"feedback": [7]}, "$.feedback[0]"),
    ({"feedback": [GOOD] * 1001}, "at most 1000"),
    ({"feedback": [GOOD, {**GOOD, "card": None}]}, "feedback[1].card"),
    ({"feedback": [{**GOOD, "card": "Zzyzx"}]}, "feedback[0].card"),
    ({"feedback": [{**GOOD, "outcome": "Zzyzx"}]}, "feedback[0].outcome must be accepted or overridden"),
    ({"feedback": [{**GOOD, "outcomeTimestamp": None}]}, "feedback[0].outcomeTimestamp"),
    ({"feedback": [{**GOOD, "outcomeTimestamp": "Zzyzx"}]}, "feedback[0].outcomeTimestamp"),
    ({"feedback": [{**GOOD, "outcomeTimestamp": "0001-01-01T00:00:00+14:00"}]}, "feedback[0].outcomeTimestamp"),
    ({"feedback": [{**GOOD, "overrideReason": "Zzyzx"}]}, "$.feedback[0].overrideReason"),
    ([], "right shape"),
    (None, "right shape"),
]


@pytest.mark.parametrize(("body", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_wrong_with_feedback_is_named_and_nothing_of_it_is_kept(site: Site, body: Any, said: str) -> None:
    response = site.client.post(FEEDBACK, data=json.dumps(body), content_type="application/json")
    assert response.status_code == 400
    diagnostics = json.loads(response.data)["issue"][0]["diagnostics"]
    assert said in diagnostics
    assert "Zzyzx" not in diagnostics
    assert acceptance(Database(site.store)) == []


def test_feedback_to_an_unknown_service_is_not_found(site: Site) -> None:
    assert site.client.post("/cds-services/other/feedback", json={"feedback": [GOOD]}).status_code == 404


def test_the_days_can_be_set_and_a_reason_that_no_card_offers_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path, CDS_SUPPRESS_DAYS="0, not-now=1")
    first, second, *_ = site.cards()
    site.override(first["uuid"], "data-wrong")
    site.override(second["uuid"], "not-now")
    uuids = [card["uuid"] for card in site.cards()]
    assert first["uuid"] in uuids
    assert second["uuid"] not in uuids
    with pytest.raises(SettingsError, match="not-today is no override reason"):
        Site(tmp_path, CDS_SUPPRESS_DAYS="30, not-today=1")


def test_while_the_store_is_down_calls_are_answered_and_feedback_is_not(tmp_path: Path) -> None:
    site = Site(tmp_path, CDS_DATABASE_URL=f"sqlite:///{tmp_path}/not-mounted/store.sqlite")
    cards = site.cards()
    assert cards
    response = site.client.post(FEEDBACK, json={"feedback": [{**GOOD, "card": cards[0]["uuid"]}]})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert json.loads(response.data)["resourceType"] == "OperationOutcome"
    assert site.cards() == cards
    ready = site.client.get("/readyz")
    assert (ready.status_code, ready.json and ready.json["status"], ready.json and ready.json["store"]) == (
        200,
        "degraded",
        "down",
    )
