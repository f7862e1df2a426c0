"""`make hapi`: a real HAPI FHIR server with the invented patients, until Ctrl-C. `make hapi PORT=8190`: on another port."""

import sys
import threading

from cds_service.errors import PracticeError
from cds_service.outbound.door import Door, Limits
from cds_service.sandbox import stories
from cds_service.sandbox.ehr import PracticeEhr
from cds_service.sandbox.running import require_port
from tests.hapi.server import hapi_server, missing_tools

PORT = 8090


def main(port: int = PORT) -> int:
    if (lacking := missing_tools()) is not None:
        sys.stderr.write(f"make hapi: {lacking}; it needs JDK 17 and Maven\n")
        return 1
    try:
        require_port(port)
    except PracticeError:
        sys.stderr.write(f"make hapi: port {port} is in use; make hapi PORT={port + 100} takes another\n")
        return 1
    sys.stderr.write("Building and starting HAPI FHIR; the first time Maven downloads 240 MB …\n")
    with hapi_server(port) as base:
        ehr = PracticeEhr("", base, Door(Limits(connect=5, read=120, body=100_000_000)))
        for resources in stories.load().values():
            ehr.load(resources)
        sys.stdout.write(f"HAPI FHIR with all patients on {base}\nTry: .venv/bin/cds-service demo --fhir-server {base}\n")
        sys.stdout.flush()
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*map(int, sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit(130)
