"""An invented EHR as a CDS client: its keys, its tokens, and the service that knows it."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cds_service.app import create_app
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import read_settings
from tests.web.wire import checked

PUBLIC = "https://cds.example"
ISS = "https://ehr.example"
DISCOVERY = "/cds-services"
SERVICE = "/cds-services/aml-cell-therapy-trials"
FEEDBACK = f"{SERVICE}/feedback"
NOW = int(WRITTEN_FOR.timestamp())

EC = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
STRANGER = ec.generate_private_key(ec.SECP384R1())


def key_set(**private: Any) -> str:
    """A JSON Web Key Set of public keys by key id."""
    keys = []
    for kid, key in private.items():
        algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        keys.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})
    return json.dumps({"keys": keys})


KEYS = key_set(ec=EC, rsa=RSA)


def token(
    path: str = SERVICE, key: Any = EC, algorithm: str = "ES384", header: Mapping[str, Any] | None = None, **claims: Any
) -> str:
    """A valid token for an endpoint; a claim or header member that is None is left out."""
    payload = {"iss": ISS, "aud": PUBLIC + path, "iat": NOW, "exp": NOW + 300, "jti": str(uuid4()), **claims}
    head = {"kid": "ec", "typ": "JWT", **(header or {})}
    kept = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(kept, key, algorithm, {name: value for name, value in head.items() if value is not None})


def bearer(path: str = SERVICE, **more: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(path, **more)}"}


def service(
    folder: Path, client: str = "", keys: str = KEYS, *, clock: Callable[[], datetime] = lambda: WRITTEN_FOR, **settings: str
) -> Flask:
    """The service that knows this EHR by the entry `client`, lines of YAML beside its iss and its keys."""
    (folder / "keys.json").write_text(keys, encoding="utf-8")
    known = "" if "jku:" in client else "    jwks: keys.json\n"
    lines = "".join(f"    {line}\n" for line in client.splitlines())
    (folder / "clients.yaml").write_text(f"clients:\n  - iss: {ISS}\n{known}{lines}", encoding="utf-8")
    environment = {
        "CDS_CLIENTS": str(folder / "clients.yaml"),
        "CDS_PUBLIC_URL": PUBLIC,
        "CDS_HASH_KEY": "k" * 32,
        "CDS_CORS_ORIGINS": "https://sandbox.example",
        "CDS_PRIVATE_NETWORKS": "127.0.0.0/8",
        "CDS_DATABASE_URL": f"sqlite:///{folder}/store.sqlite",
        **settings,
    }
    return checked(create_app(read_settings(environment), clock=clock))
