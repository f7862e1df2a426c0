"""Who is answered: tokens of registered clients alone, each once; every forged one gets 401 and no word why."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.errors import KnowledgeErrors, SettingsError
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import read_settings
from tests.web.ehr import (
    DISCOVERY,
    EC,
    FEEDBACK,
    ISS,
    KEYS,
    NOW,
    PUBLIC,
    RSA,
    SERVICE,
    STRANGER,
    bearer,
    key_set,
    service,
    token,
)
from tests.web.test_service import SETTINGS, client_of, request_of
from tests.web.wire import checked

SHORT_RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
JKU = "https://ehr.example/jwks.json"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    keys = key_set(ec=EC, rsa=RSA, short=SHORT_RSA, p256=P256)
    entry = "tenants: [north, south]\nalgorithms: [ES384, RS384]"
    return service(tmp_path_factory.mktemp("ehr"), entry, keys).test_client()


def status(client: FlaskClient, **more: Any) -> int:
    more = {"tenant": "north", **more}
    return client.post(SERVICE, json=request_of("no-leukaemia.json"), headers=bearer(**more)).status_code


@pytest.mark.checklist(80, 86)
@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC, "ES384", "ec"), (RSA, "RS384", "rsa")])
def test_the_recommended_signatures_are_accepted(client: FlaskClient, key: Any, algorithm: str, kid: str) -> None:
    assert status(client, key=key, algorithm=algorithm, header={"kid": kid}) == 200


@pytest.mark.checklist(81, 82, 83)
@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["https://other.example", PUBLIC + SERVICE]},
        {"iat": NOW + 1},
        {"iat": NOW + 59, "exp": NOW + 300},
        {"iat": NOW - 800, "exp": NOW + 100},
        {"exp": NOW - 59, "iat": NOW - 300},
        {"nbf": NOW - 300, "sub": "a-client-id", "more": {"of": "anything"}},
        {"iat": NOW + 0.5, "exp": NOW + 300.5},
        {"header": {"typ": "jwt"}},
    ],
)
def test_tokens_as_real_clients_make_them_are_accepted(client: FlaskClient, change: dict[str, Any]) -> None:
    assert status(client, **change) == 200


def public_pem() -> bytes:
    return RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def handmade(header: dict[str, Any], signature: Callable[[bytes], bytes] = lambda _: b"") -> str:
    """A token that no library would make."""
    payload = {"iss": ISS, "aud": PUBLIC + SERVICE, "iat": NOW, "exp": NOW + 300, "jti": "j", "tenant": "north"}
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{base64.urlsafe_b64encode(signature(signed.encode())).rstrip(b'=').decode()}"


def with_public_key(algorithm: str, digest: Any) -> str:
    return handmade({"alg": algorithm, "kid": "rsa", "typ": "JWT"}, lambda text: hmac.new(public_pem(), text, digest).digest())


ATTACKS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://attacker.example"},
    "no issuer": {"iss": None},
    "the issuer that stands for everybody": {"iss": "open"},
    "the audience of the feedback endpoint": {"aud": PUBLIC + FEEDBACK},
    "the audience of the host alone": {"aud": PUBLIC},
    "the audience over plain http": {"aud": "http://cds.example" + SERVICE},
    "the audience with a slash": {"aud": PUBLIC + SERVICE + "/"},
    "an empty list of audiences": {"aud": []},
    "no audience": {"aud": None},
    "expired beyond the leeway": {"iat": NOW - 400, "exp": NOW - 61},
    "no expiry": {"exp": None},
    "an expiry that is text": {"exp": str(NOW + 300)},
    "an expiry that is infinite": {"exp": float("inf")},
    "an expiry that is not a number": {"exp": float("nan")},
    "an expiry before its issue": {"iat": NOW + 10, "exp": NOW + 5},
    "a lifetime of more than 15 minutes": {"exp": NOW + 901},
    "no time of issue": {"iat": None},
    "issued in the future": {"iat": NOW + 61, "exp": NOW + 120},
    "not valid yet": {"nbf": NOW + 61},
    "no id": {"jti": None},
    "an empty id": {"jti": ""},
    "an id of a kilobyte": {"jti": "x" * 1000},
    "an id that is a number": {"jti": 7},
    "no tenant": {"tenant": None},
    "another tenant": {"tenant": "east"},
    "a stranger's key": {"key": STRANGER},
    "an unknown key id": {"header": {"kid": "other"}},
    "no key id": {"header": {"kid": None}},
    "no type": {"header": {"typ": ""}},
    "another type": {"header": {"typ": "at+jwt"}},
    "a key set of the attacker's": {"header": {"jku": "https://attacker.example/jwks.json"}},
    "a key set that is not listed": {"header": {"jku": JKU}},
    "a key inside the token": {"key": STRANGER, "header": {"jwk": json.loads(key_set(k=STRANGER))["keys"][0]}},
    "a header that must be understood": {"header": {"crit": ["exp"]}},
    "an algorithm that is not allowed": {"key": RSA, "algorithm": "RS256", "header": {"kid": "rsa"}},
    "an algorithm of another key": {"key": RSA, "algorithm": "RS384", "header": {"kid": "ec"}},
    "a key that is too short": {"key": SHORT_RSA, "algorithm": "RS384", "header": {"kid": "short"}},
    "a key of another curve": {"key": P256, "algorithm": "ES256", "header": {"kid": "p256"}},
}


@pytest.mark.checklist(81, 82, 83, 84, 88)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_token_is_refused_for(client: FlaskClient, attack: str) -> None:
    assert status(client, **ATTACKS[attack]) == 401


@pytest.mark.checklist(85)
@pytest.mark.parametrize(
    "forged",
    [
        handmade({"alg": "none", "kid": "ec", "typ": "JWT"}),
        handmade({"alg": "None", "kid": "ec", "typ": "JWT"}),
        handmade({"alg": "", "kid": "ec", "typ": "JWT"}),
        with_public_key("HS256", hashlib.sha256),
        with_public_key("HS384", hashlib.sha384),
        handmade({"alg": "ES384", "kid": "ec", "typ": "JWT"}, lambda _: bytes(96)),
        handmade({"alg": "ES384", "kid": "../../etc/passwd", "typ": "JWT"}, lambda _: bytes(96)),
        handmade({"alg": ["ES384"], "kid": "ec", "typ": "JWT"}),
        handmade({"alg": "ES384", "kid": {"a": 1}, "typ": "JWT"}),
    ],
)
def test_unsigned_and_symmetric_tokens_are_refused(client: FlaskClient, forged: str) -> None:
    answer = client.post(SERVICE, json=request_of("no-leukaemia.json"), headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401


NO_TOKENS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer a.b.c",
    "Basic dXNlcjpwYXNz",
    "Bearer a.b.c, Bearer d.e.f",
    "Bearer " + "a" * 20_000,
    f"Bearer {encoded([])}.{encoded([])}.x",
    "Bearer ..",
    f"Bearer {base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.x",
]


@pytest.mark.parametrize("header", NO_TOKENS)
def test_what_is_no_token_is_refused(client: FlaskClient, header: str) -> None:
    assert client.get(DISCOVERY, headers={"Authorization": header}).status_code == 401


@pytest.mark.checklist(79, 88)
def test_a_refusal_says_nothing_to_the_caller(client: FlaskClient) -> None:
    bodies = set()
    for attack in ATTACKS.values():
        more = {"tenant": "north", **attack}
        if more.get("key") is SHORT_RSA:
            continue
        answer = client.post(SERVICE, data=b"{}", headers=bearer(**more))
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        bodies.add(answer.data)
    assert len(bodies) == 1


@pytest.mark.checklist(88)
def test_a_token_is_good_for_one_call(client: FlaskClient) -> None:
    once = {"Authorization": f"Bearer {token(tenant='north', jti='once')}"}
    body = request_of("no-leukaemia.json")
    assert [client.post(SERVICE, json=body, headers=once).status_code for _ in range(3)] == [200, 401, 401]
    assert status(client, jti="once", iat=NOW - 1) == 401, "a new token with an old id is a replay too"
    assert [status(client, jti="half an emoji \ud83d", iat=NOW - ago) for ago in (0, 1)] == [200, 401]


@pytest.mark.checklist(80)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", DISCOVERY), ("POST", SERVICE), ("POST", FEEDBACK), ("POST", "/cds-services/x")]
)
def test_every_endpoint_asks_who_calls(client: FlaskClient, method: str, path: str) -> None:
    assert client.open(path, method=method, json={}).status_code in (401, 404)
    assert client.get(DISCOVERY).status_code == 401
    assert client.get(DISCOVERY, headers=bearer(DISCOVERY, tenant="north")).status_code == 200


def test_a_token_for_the_service_does_not_open_discovery(client: FlaskClient) -> None:
    assert client.get(DISCOVERY, headers=bearer(SERVICE, tenant="north")).status_code == 401


@pytest.mark.checklist(76)
def test_feedback_needs_a_token_of_its_own(client: FlaskClient) -> None:
    body: dict[str, Any] = {"feedback": []}
    assert client.post(FEEDBACK, json=body, headers=bearer(SERVICE, tenant="north")).status_code == 401
    assert client.post(FEEDBACK, json=body).status_code == 401
    assert client.post(FEEDBACK, json=body, headers=bearer(FEEDBACK, tenant="north")).status_code == 200


def test_a_tester_that_sends_another_audience_can_be_let_in_by_name(tmp_path: Path) -> None:
    meld = service(tmp_path, "audiences: [sand_man]").test_client()
    assert meld.get(DISCOVERY, headers=bearer(DISCOVERY, aud="sand_man")).status_code == 200
    assert meld.get(DISCOVERY, headers=bearer(DISCOVERY)).status_code == 401


def test_the_official_sandbox_is_let_in_on_loopback(tmp_path: Path) -> None:
    sandbox, jku = "https://sandbox.cds-hooks.org", "https://sandbox.cds-hooks.org/.well-known/jwks.json"
    local = "http://localhost:8080"
    (tmp_path / "keys.json").write_text(KEYS, encoding="utf-8")
    clients = tmp_path / "clients.yaml"
    clients.write_text(f"clients: [{{iss: '{sandbox}', jku: '{jku}', jwks: keys.json, profile: sandbox}}]", encoding="utf-8")
    settings = {"CDS_CLIENTS": str(clients), "CDS_PUBLIC_URL": local, "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/store.sqlite"}
    app = checked(create_app(read_settings(settings), clock=lambda: WRITTEN_FOR))
    its = {"iss": sandbox, "aud": local + SERVICE, "iat": NOW + 1, "header": {"jku": jku}}
    answer = app.test_client().post(SERVICE, json=request_of("sandbox-with-prefetch.json"), headers=bearer(**its))
    assert answer.status_code == 200
    assert json.loads(answer.data)["cards"]


def test_a_client_may_be_allowed_a_longer_lifetime(tmp_path: Path) -> None:
    longer = service(tmp_path, "max_lifetime: 3600").test_client()
    assert longer.get(DISCOVERY, headers=bearer(DISCOVERY, exp=NOW + 3600)).status_code == 200


def fetched(folder: Path) -> FlaskClient:
    return service(folder, f"jku: {JKU}", CDS_PRIVATE_NETWORKS="").test_client()


@pytest.mark.checklist(81)
@responses.activate
def test_a_listed_key_set_is_fetched_once_and_again_for_a_new_key(tmp_path: Path) -> None:
    responses.get(JKU, body=KEYS)
    client = fetched(tmp_path)
    for _ in range(3):
        assert client.get(DISCOVERY, headers=bearer(DISCOVERY, header={"jku": JKU})).status_code == 200
    assert len(responses.calls) == 1
    for kid in ("a", "b", "c"):  # unknown ids do not make us call the EHR at will
        assert client.get(DISCOVERY, headers=bearer(DISCOVERY, header={"kid": kid})).status_code == 401
    assert len(responses.calls) == 1


class Clock:
    """A clock that can be turned on."""

    def __init__(self) -> None:
        self.now = WRITTEN_FOR

    def __call__(self) -> datetime:
        return self.now


def discovered(client: FlaskClient, clock: Clock, **more: Any) -> int:
    now = int(clock.now.timestamp())
    return client.get(DISCOVERY, headers=bearer(DISCOVERY, iat=now, exp=now + 300, **more)).status_code


@responses.activate
def test_a_key_that_the_client_rotated_in_is_found_after_a_minute(tmp_path: Path) -> None:
    clock = Clock()
    responses.get(JKU, body=KEYS)
    client = service(tmp_path, f"jku: {JKU}", clock=clock).test_client()
    assert discovered(client, clock) == 200
    responses.replace("GET", JKU, body=key_set(new=STRANGER))
    new = {"key": STRANGER, "header": {"kid": "new"}}
    assert discovered(client, clock, **new) == 401
    clock.now += timedelta(minutes=1)
    assert discovered(client, clock, **new) == 200
    assert discovered(client, clock) == 401, "the old key is gone"


@responses.activate
def test_old_keys_serve_for_a_day_while_their_server_is_away(tmp_path: Path) -> None:
    clock = Clock()
    responses.get(JKU, body=KEYS)
    client = service(tmp_path, f"jku: {JKU}", clock=clock).test_client()
    assert discovered(client, clock) == 200
    responses.replace("GET", JKU, status=503)
    clock.now += timedelta(hours=23)
    assert discovered(client, clock) == 200
    clock.now += timedelta(hours=2)
    assert discovered(client, clock) == 401


@responses.activate
def test_while_one_call_waits_for_the_keys_the_others_go_on_with_the_old_ones(tmp_path: Path) -> None:
    clock = Clock()
    asked, let_go = threading.Event(), threading.Event()
    responses.get(JKU, body=KEYS)
    app = service(tmp_path, f"jku: {JKU}", clock=clock)
    assert discovered(app.test_client(), clock) == 200

    def hang(_: Any) -> Any:
        asked.set()
        assert let_go.wait(10)
        return 200, {}, KEYS

    responses.remove("GET", JKU)
    responses.add_callback("GET", JKU, hang)
    clock.now += timedelta(hours=2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(discovered, app.test_client(), clock)
        assert asked.wait(10)
        assert discovered(app.test_client(), clock) == 200
        assert not waiting.done()
        let_go.set()
        assert waiting.result() == 200


def test_a_token_that_one_process_took_is_refused_by_the_other(tmp_path: Path) -> None:
    one, other = service(tmp_path).test_client(), service(tmp_path).test_client()
    once = bearer(DISCOVERY)
    assert one.get(DISCOVERY, headers=once).status_code == 200
    assert other.get(DISCOVERY, headers=once).status_code == 401


@responses.activate
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 302, "headers": {"Location": "https://attacker.example/jwks.json"}},
        {"status": 500, "body": KEYS},
        {"body": "<html>"},
        {"body": '{"keys": []}'},
        {"body": '{"keys": [7, {"kid": "ec"}, {"kid": "ec", "kty": "EC", "crv": "P-384", "x": "!", "y": "!"}]}'},
        {"body": json.dumps({"keys": [{"kid": "ec", "kty": "oct", "k": "c2VjcmV0"}]})},
        {"body": b"[" * 100_000},
    ],
)
def test_without_its_keys_a_client_is_refused(tmp_path: Path, answer: dict[str, Any]) -> None:
    responses.get(JKU, **answer)
    responses.get("https://attacker.example/jwks.json", body=key_set(ec=STRANGER))
    assert fetched(tmp_path).get(DISCOVERY, headers=bearer(DISCOVERY)).status_code == 401
    assert {call.request.url for call in responses.calls} == {JKU}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"environ_base": {"REMOTE_ADDR": "10.1.2.3"}}, 403),
        ({"environ_base": {"REMOTE_ADDR": "not an address"}}, 403),
        ({"headers": {"X-Forwarded-For": "203.0.113.9"}}, 403),
        ({"headers": {"Forwarded": "for=203.0.113.9"}}, 403),
        ({"headers": {"Host": "cds.attacker.example"}}, 403),
        ({"headers": {"Host": "127.0.0.1:8080"}}, 200),
        ({"headers": {"Host": "[::1]:8080"}, "environ_base": {"REMOTE_ADDR": "::1"}}, 200),
    ],
)
def test_without_authentication_this_machine_alone_is_answered(call: dict[str, Any], said: int) -> None:
    client = client_of(SETTINGS)
    assert client.get(DISCOVERY, **call).status_code == said


CLOSED = {"CDS_CLIENTS": "clients.yaml", "CDS_PUBLIC_URL": PUBLIC, "CDS_HASH_KEY": "k" * 32}


@pytest.mark.checklist(1, 78)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"CDS_CLIENTS": ""}, "CDS_CLIENTS must name"),
        ({"CDS_CLIENTS": "", "CDS_AUTH": "off"}, "needs loopback"),
        ({"CDS_CLIENTS": "", "CDS_AUTH": "off", "CDS_HOST": "::", "CDS_PUBLIC_URL": ""}, "needs loopback"),
        ({"CDS_AUTH": "off"}, "exclude each other"),
        ({"CDS_PUBLIC_URL": ""}, "CDS_PUBLIC_URL"),
        ({"CDS_PUBLIC_URL": "http://cds.example"}, "https://"),
        ({"CDS_HASH_KEY": ""}, "CDS_HASH_KEY"),
        ({"CDS_HASH_KEY": "short"}, "32 characters"),
        ({"CDS_FHIR_SERVERS": "https://fhir.example"}, "CDS_FHIR_SERVERS"),
        ({"CDS_CORS_ORIGINS": "*"}, "CDS_CORS_ORIGINS"),
    ],
)
def test_a_start_that_would_be_open_or_weak_is_refused(tmp_path: Path, change: dict[str, str], said: str) -> None:
    service(tmp_path)  # writes the file of clients
    environment = {**CLOSED, "CDS_CLIENTS": str(tmp_path / "clients.yaml"), **change}
    with pytest.raises(SettingsError, match=said):
        create_app(read_settings(environment))


def test_a_client_file_with_a_fault_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeErrors, match="asymmetric"):
        service(tmp_path, "algorithms: [HS256]")
