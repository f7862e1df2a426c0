"""A CDS client with a key of its own, for the row with authentication on: its file of clients, its key set, its tokens."""

import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from benchmarks.servers import knows

ISSUER = "https://ehr.example/fhir"
PUBLIC_URL = "http://127.0.0.1"
KEY_ID = "bench"
_CLIENTS = """\
clients:
  - iss: {issuer}
    profile: plain
    jwks: keys.json
    fhir_servers: [{fhir_servers}]
"""


def is_known() -> bool:
    """Whether the service can tell who calls."""
    return knows("CDS_CLIENTS")


class Client:
    """Signs with ES384, as the specification recommends."""

    def __init__(self, directory: Path, service: str, *fhir_servers: str) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from jwt.algorithms import ECAlgorithm

        self._key, self._other_key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
        self._service = service
        self._directory = directory
        public = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [{**public, "kid": KEY_ID, "alg": "ES384", "use": "sig"}]}
        (directory / "keys.json").write_text(json.dumps(keys))
        (directory / "clients.yaml").write_text(_CLIENTS.format(issuer=ISSUER, fhir_servers=", ".join(fhir_servers)))

    def settings(self) -> Mapping[str, str]:
        """How the service is started for this client."""
        return {"CDS_AUTH": "on", "CDS_CLIENTS": str(self._directory / "clients.yaml"), "CDS_PUBLIC_URL": PUBLIC_URL}

    def token(self, path: str, *, age: int = 0, strange: bool = False) -> str:
        """Good for one call of an endpoint, for ten minutes. `age`: seconds; `strange`: signed with a key that nobody knows."""
        import jwt

        made = int(time.time()) - age
        claims = {"iss": ISSUER, "aud": PUBLIC_URL + path, "iat": made, "exp": made + 600, "jti": str(uuid.uuid4())}
        key = self._other_key if strange else self._key
        return jwt.encode(claims, key, algorithm="ES384", headers={"kid": KEY_ID, "typ": "JWT"})

    def tokens(self, count: int) -> Path:
        """A file of fresh tokens, one a line: each is good for one call."""
        lines = [self.token(self._service) for _ in range(count)]
        path = self._directory / "tokens"
        path.write_text("\n".join(lines) + "\n")
        return path
