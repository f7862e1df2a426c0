"""An EHR that has keys of its own calls the service, as docs/connect.md shows; for a machine of one's own.

sign_a_call.py keys FOLDER                    makes a key, its public key set, and a clients file that names it
sign_a_call.py call FOLDER SERVICE PATIENT    opens a chart, signed, and prints the status and the cards' summaries
"""

import json
import sys
import time
import uuid
from pathlib import Path

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://ehr.example"
FHIR_SERVER = "http://127.0.0.1:8090/fhir"


def make_keys(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": "1", "use": "sig"}
    (folder / "private.pem").touch(mode=0o600)
    (folder / "private.pem").write_bytes(secret)
    (folder / "keys.json").write_text(json.dumps({"keys": [public]}))
    client = f"clients:\n  - iss: {ISSUER}\n    jwks: keys.json\n    fhir_servers: ['{FHIR_SERVER}']\n"
    (folder / "clients.yaml").write_text(client)


def call(folder: Path, service: str, patient: str) -> requests.Response:
    """Fire `patient-view` with a token that is good for this call alone."""
    address = f"{service}/cds-services/aml-cell-therapy-trials"
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": address, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    token = jwt.encode(claims, (folder / "private.pem").read_bytes(), algorithm="ES384", headers={"kid": "1"})
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR_SERVER,
        "context": {"userId": "Practitioner/invented-haematologist", "patientId": patient},
    }
    return requests.post(address, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def main(arguments: list[str]) -> int:
    match arguments:
        case ["keys", folder]:
            make_keys(Path(folder))
            return 0
        case ["call", folder, service, patient]:
            reply = call(Path(folder), service, patient)
            sys.stdout.write(f"{reply.status_code}\n")
            for card in reply.json().get("cards", []):
                sys.stdout.write(f"{card['summary']}\n")
            return 0 if reply.status_code == 200 else 1
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
