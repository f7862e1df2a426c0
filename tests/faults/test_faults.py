"""What the clinician is told while the FHIR server fails, fault by fault, against a real server that misbehaves on purpose.

What can be known is evaluated; what cannot is named with its reason; nothing of a fault is left behind.
"""

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from flask import Flask

from benchmarks import faults
from benchmarks.unruly import Asked, Behaviour, Patients, Unruly, well
from cds_service.app import create_app
from cds_service.fhir.client import FhirClient, Parameters, SearchResult
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import read_settings
from tests.web.wire import checked

PATIENT = "relapsed-cd117-positive"
SENT = Path("fhir_fixtures/requests/sandbox-with-prefetch.json")
DEADLINE = 2.5
GENEROUS = 4 * DEADLINE
"""Not how fast the answer is, but that nothing waits for the server without end."""

ERROR = "the FHIR server answered with an error"
LATE = "the FHIR server did not answer in time"
AWAY = "the FHIR server could not be reached"
REFUSED = "the FHIR server refused access"
PART = "only a part was sent"
UNREADABLE = "an entry cannot be read"
NOT_WHOLE = "the FHIR server says that its answer is not complete"
WITHHELD = "the FHIR server says that a part was withheld"


class Answer(NamedTuple):
    status: int
    body: dict[str, Any]

    @property
    def cards(self) -> list[dict[str, Any]]:
        cards: list[dict[str, Any]] = self.body.get("cards", [])
        return cards

    @property
    def gaps(self) -> str | None:
        """The detail of the "not fully evaluated" card."""
        found = [card["detail"] for card in self.cards if "not fully evaluated" in card["summary"]]
        return found[0] if found else None

    @property
    def trials(self) -> list[str]:
        return [card["summary"] for card in self.cards if "NCT" in card["summary"]]


def service(folder: Path, *fhir_servers: str, **settings: str) -> Flask:
    """The service, as it reads these FHIR servers."""
    environment = {
        "CDS_AUTH": "off",
        "CDS_FHIR_SERVERS": ",".join(fhir_servers),
        "CDS_HASH_KEY": "k" * 32,
        "CDS_DATABASE_URL": f"sqlite:///{folder}/store.sqlite",
        "CDS_READ_TIMEOUT": "1",
        "CDS_CONNECT_TIMEOUT": "0.5",
        **settings,
    }
    return checked(create_app(read_settings(environment), clock=lambda: WRITTEN_FOR))


def answered(app: Flask, url: str, sent: Sequence[str] = ()) -> Answer:
    """What the service answers when a chart is opened, and all but what is `sent` must be read from this server."""
    call: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": "6b9a1c1e-5d3c-4a4e-9d0b-0a1b2c3d4e5f",
        "fhirServer": url,
        "fhirAuthorization": {"access_token": "invented", "token_type": "Bearer"},
        "context": {"patientId": PATIENT, "userId": "Practitioner/x"},
    }
    if sent:
        prefetch = json.loads(SENT.read_text(encoding="utf-8"))["prefetch"]
        call["prefetch"] = {key: prefetch[key] for key in sent}
    began = time.monotonic()
    response = app.test_client().post("/cds-services/aml-cell-therapy-trials", json=call)
    assert time.monotonic() - began < GENEROUS
    assert b"Zzyzx" not in response.data
    return Answer(response.status_code, json.loads(response.data))


@pytest.fixture(scope="module")
def ports() -> list[int]:
    """A free port for each server: a breaker that one fault opened must not answer for the next."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(250)]
        return [one.getsockname()[1] for one in taken]


@pytest.fixture(scope="module")
def app(ports: list[int], tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return service(tmp_path_factory.mktemp("faults"), *(f"http://127.0.0.1:{port}/fhir" for port in ports))


@pytest.fixture(scope="module")
def patients() -> Patients:
    return Patients()


@pytest.fixture
def server(patients: Patients, app: Flask, ports: list[int]) -> Iterator[Unruly]:
    """Its end waits until every connection has come to its own."""
    with Unruly(patients, port=ports.pop()) as unruly:
        yield unruly


@pytest.fixture(scope="module")
def undisturbed(patients: Patients, app: Flask, ports: list[int]) -> Answer:
    with Unruly(patients, port=ports.pop()) as unruly:
        return answered(app, unruly.url)


def only(*keys: str, fault: Behaviour) -> Behaviour:
    """The fault where one of these keys is read; the rest goes well."""
    return lambda asked: fault(asked) if asked.key in keys else well(asked)


def all_but(*keys: str, fault: Behaviour) -> Behaviour:
    return lambda asked: well(asked) if asked.key in keys else fault(asked)


FAULTS: list[tuple[Behaviour, str]] = [
    (faults.says_nothing, LATE),
    (faults.drips_its_head, LATE),
    (faults.drips_its_body, LATE),
    (faults.floods_with_early_hints, LATE),
    (faults.switches_protocols, AWAY),
    (faults.continues_without_end, LATE),
    (faults.closes_at_once, AWAY),
    (faults.resets_in_mid_body, AWAY),
    (faults.sends_truncated_json, ERROR),
    (faults.sends_another_content_type, ERROR),
    (faults.sends_a_gzip_bomb, PART),
    (faults.sends_a_bomb_in_a_bomb, PART),
    (faults.sends_what_its_encoding_is_not, ERROR),
    (faults.sends_more_than_is_read, PART),
    (faults.sends_nothing_with_200, ERROR),
    (faults.sends_an_outcome_with_200, ERROR),
    (faults.sends_wrong_types, UNREADABLE),
    (faults.sends_other_resources, ERROR),
    (faults.loops, PART),
    (faults.leads_to_another_host, PART),
    (faults.has_no_last_page, PART),
    (faults.names_no_next_page, PART),
    (INCOMPLETE := faults.warns("incomplete"), NOT_WHOLE),
    (THROTTLED := faults.warns("throttled"), NOT_WHOLE),
    (SUPPRESSED := faults.warns("suppressed"), WITHHELD),
    (faults.status(401), REFUSED),
    (faults.status(403), REFUSED),
    (faults.status(404), ERROR),
    (faults.status(410), ERROR),
    (faults.status(422), ERROR),
    (faults.status(429), ERROR),
    (faults.status(429, Retry_After="1"), ERROR),
    (faults.status(429, Retry_After="3600"), ERROR),
    (faults.status(500), ERROR),
    (faults.status(503), ERROR),
    (faults.status(503, Retry_After="Wed, 25 Nov 2099 00:00:00 GMT"), ERROR),
    (faults.status(302, Location="https://attacker.example/"), ERROR),
]
OF_SEARCHES = {
    *(faults.loops, faults.leads_to_another_host, faults.has_no_last_page, faults.names_no_next_page),
    *(INCOMPLETE, THROTTLED, SUPPRESSED),
}
"""They bring entries along; what is no search, such as the patient, has no such faults."""
NAMES = [f"{number}-{fault.__qualname__.partition('.')[0]}" for number, (fault, _) in enumerate(FAULTS)]


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=NAMES)
def test_one_part_that_fails_is_named_and_the_rest_is_evaluated(
    server: Unruly, app: Flask, undisturbed: Answer, fault: Behaviour, reason: str
) -> None:
    server.behaviour = only("procedures", fault=fault)
    answer = answered(app, server.url)
    assert answer.status == 200
    assert answer.gaps is not None
    assert f"procedures: {reason}" in answer.gaps
    assert len(answer.trials) == len(undisturbed.trials) > 1
    assert set(server.asked) >= set(PREFETCH_KEYS)


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=NAMES)
def test_without_the_conditions_nobody_is_called_free_of_leukaemia(
    server: Unruly, app: Flask, fault: Behaviour, reason: str
) -> None:
    server.behaviour = only("conditions", fault=fault)
    answer = answered(app, server.url)
    if answer.status == 200:  # a part of the conditions came, and showed the disease
        assert fault in OF_SEARCHES
        assert f"conditions: {reason}" in (answer.gaps or "")
    else:
        assert answer.status == 412
        assert "conditions" in answer.body["issue"][0]["diagnostics"]
        assert set(server.asked) <= {"patient", "conditions", "/fhir/metadata"}


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=NAMES)
def test_every_part_that_fails_is_named(server: Unruly, app: Flask, fault: Behaviour, reason: str) -> None:
    server.behaviour = all_but("patient", "conditions", fault=fault)
    answer = answered(app, server.url)
    assert answer.status == 200
    assert answer.gaps is not None
    said = {line.rpartition(": ")[2] for line in answer.gaps.splitlines() if line.startswith("- ")}
    assert said <= {reason, LATE}  # twelve large bodies at once may take a busy machine too long
    assert all(part in answer.gaps for part in ("laboratory", "procedures", "medication requests", "diagnostic reports"))
    assert not any("may fit" in summary for summary in answer.trials)


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=NAMES)
def test_a_server_of_which_everything_fails_fails_the_precondition(
    server: Unruly, app: Flask, fault: Behaviour, reason: str
) -> None:
    del reason
    server.behaviour = fault
    if fault in OF_SEARCHES:
        server.behaviour = only("conditions", fault=faults.status(500))
    assert answered(app, server.url).status == 412


@contextmanager
def refusing() -> Iterator[str]:
    """Nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield f"http://127.0.0.1:{port}/fhir"


@contextmanager
def unknown_name() -> Iterator[str]:
    yield "https://nowhere.invalid/fhir"


@contextmanager
def never_accepting() -> Iterator[str]:
    """Its queue is full, so that connecting takes for ever."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        with socket.create_connection(listening.getsockname()):
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"


@contextmanager
def of_unknown_authority() -> Iterator[str]:
    """TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "invented")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, *VALID)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile(suffix=".pem") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.write(certificate.public_bytes(Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    with Unruly(Patients(), tls=context) as server:
        yield server.url


VALID = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("away", "reason"),
    [(refusing, AWAY), (unknown_name, AWAY), (never_accepting, LATE), (of_unknown_authority, AWAY)],
)
def test_a_server_that_cannot_be_reached_is_told_from_an_empty_chart(
    tmp_path: Path, away: Callable[[], AbstractContextManager[str]], reason: str
) -> None:
    with away() as url:
        app = service(tmp_path, url)
        assert answered(app, url).status == 412
        with_sign = answered(app, url, sent=("patient", "conditions"))
    assert with_sign.status == 200
    assert with_sign.gaps is not None
    assert all(f"{part}" in with_sign.gaps for part in ("laboratory", "procedures", "medication requests"))
    assert reason in with_sign.gaps


@pytest.mark.parametrize("fault", [faults.closes_at_once, faults.resets_in_mid_body, faults.status(429), faults.status(503)])
def test_what_passes_costs_no_answer(server: Unruly, app: Flask, undisturbed: Answer, fault: Behaviour) -> None:
    failing = ["conditions", "laboratory"]

    def once(asked: Asked) -> bool:
        if asked.key not in failing:
            return well(asked)
        failing.remove(asked.key)
        return fault(asked)

    server.behaviour = once
    answer = answered(app, server.url)
    assert [card["summary"] for card in answer.cards] == [card["summary"] for card in undisturbed.cards]
    assert (server.asked.count("conditions"), server.asked.count("laboratory")) == (2, 2)


@pytest.mark.parametrize("oddity", [faults.sends_early_hints, faults.sends_a_byte_order_mark])
def test_what_is_odd_and_can_be_read_costs_no_answer(
    server: Unruly, app: Flask, undisturbed: Answer, oddity: Behaviour
) -> None:
    server.behaviour = oddity
    assert [card["summary"] for card in answered(app, server.url).cards] == [card["summary"] for card in undisturbed.cards]
    assert max(server.asked.count(key) for key in PREFETCH_KEYS) == 1


def test_a_server_that_answers_with_another_patient_is_told_from_a_caller_that_does(server: Unruly, app: Flask) -> None:
    server.behaviour = faults.sends_another_patient
    assert answered(app, server.url).status == 412
    server.behaviour = only("patient", fault=faults.sends_another_patient)
    answer = answered(app, server.url)
    assert answer.status == 200
    assert "patient: an entry of another patient came with it, and was dropped" in (answer.gaps or "")


def test_entries_that_stand_on_two_pages_are_one(server: Unruly, app: Flask, undisturbed: Answer) -> None:
    server.behaviour = only("procedures", "laboratory", fault=faults.repeats_its_entries)
    assert [card["uuid"] for card in answered(app, server.url).cards] == [card["uuid"] for card in undisturbed.cards]
    assert server.asked.count("laboratory") == 2


def test_a_fault_of_our_own_costs_the_part_that_it_arises_in(
    server: Unruly, app: Flask, undisturbed: Answer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_for_procedures(self: FhirClient, resource_type: str, parameters: Parameters) -> SearchResult:
        if resource_type == "Procedure":
            raise ArithmeticError("Zzyzx")
        return search(self, resource_type, parameters)

    search = FhirClient.search
    monkeypatch.setattr(FhirClient, "search", broken_for_procedures)
    with caplog.at_level(logging.INFO, "cds_service"):
        answer = answered(app, server.url)
    assert answer.status == 200
    assert "procedures: an error in this service, while it was read" in (answer.gaps or "")
    assert len(answer.trials) == len(undisturbed.trials)
    fields = {record.message: vars(record)["fields"] for record in caplog.records}
    assert fields["read_broke"]["request_id"] == fields["hook_answered"]["request_id"]
    assert fields["read_broke"]["kind"] == "ArithmeticError"
    assert "Zzyzx" not in caplog.text + str(fields)
    counted = app.test_client().get("/metrics").get_data(as_text=True)
    assert 'cds_gaps_total{reason="internal-error"}' in counted
    assert 'cds_fhir_calls_total{resource_type="Procedure",result="internal-error"}' in counted


def test_a_loop_and_a_chain_without_end_are_left_early(server: Unruly, app: Flask, tmp_path: Path) -> None:
    server.behaviour = only("procedures", fault=faults.has_no_last_page)
    answered(service(tmp_path, server.url, CDS_MAX_PAGES="7"), server.url)
    assert server.asked.count("procedures") == 7
    server.behaviour = only("procedures", fault=faults.loops)
    server.asked.clear()
    answered(app, server.url)
    assert server.asked.count("procedures") == 2


def test_no_thread_or_connection_is_left_behind(server: Unruly, tmp_path: Path) -> None:
    """After every fault in turn: the readers are the pool's, all are idle, and what is open is kept for use again."""
    before = set(threading.enumerate())
    app = service(tmp_path, server.url, CDS_READERS="16")
    for fault, _ in FAULTS:
        server.behaviour = all_but("patient", "conditions", fault=fault)
        assert answered(app, server.url).status == 200
    for _ in range(100):  # what hangs when its call has ended comes to its own end
        if server.connections <= 16:
            break
        time.sleep(0.1)
    assert server.connections <= 16
    left = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("reader")]
    assert len(left) <= 16
    server.behaviour = well
    assert answered(app, server.url).cards, "the readers are idle, and read as before"


PREFETCH_KEYS = ("patient", "conditions", "laboratory", "vitalSigns", "procedures", "medicationRequests", "antigens")
