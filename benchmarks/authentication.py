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
"""


def is_known() -> bool:
    """Whether the service can tell who calls."""
    return knows("CDS_CLIENTS")


class Client:
    """Signs with ES384, as the specification recommends."""

    def __init__(self, directory: Path, service: str) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from jwt.algorithms import ECAlgorithm

        self._key = ec.generate_private_key(ec.SECP384R1())
        self._audience = PUBLIC_URL + service
        self._directory = directory
        public = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [{**public, "kid": KEY_ID, "alg": "ES384", "use": "sig"}]}
        (directory / "keys.json").write_text(json.dumps(keys))
        (directory / "clients.yaml").write_text(_CLIENTS.format(issuer=ISSUER))

    def settings(self) -> Mapping[str, str]:
        """How the service is started for this client."""
        return {"CDS_AUTH": "on", "CDS_CLIENTS": str(self._directory / "clients.yaml"), "CDS_PUBLIC_URL": PUBLIC_URL}

    def tokens(self, count: int) -> Path:
        """A file of fresh tokens, one a line: each is good for one call."""
        import jwt

        now = int(time.time())
        header = {"kid": KEY_ID, "typ": "JWT"}
        claims = {"iss": ISSUER, "aud": self._audience, "iat": now, "exp": now + 600}
        lines = [
            jwt.encode({**claims, "jti": str(uuid.uuid4())}, self._key, algorithm="ES384", headers=header) for _ in range(count)
        ]
        path = self._directory / "tokens"
        path.write_text("\n".join(lines) + "\n")
        return path
