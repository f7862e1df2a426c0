"""HealthChain (PyPI), the nearest peer, in an environment of its own: it shares no code with the rest.

`count` counts the raw entries of the call; `validate` reads every resource with `fhir.resources`, the library it brings along.

.venv/healthchain/bin/python benchmarks/healthchain_peer.py count|validate PORT
"""

import sys

from fhir.resources.R4B import get_fhir_model_class
from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models.requests.cdsrequest import CDSRequest
from healthchain.models.responses.cdsresponse import CDSResponse


def entries(request: CDSRequest) -> list[dict[str, object]]:
    """Every resource that came along, out of its Bundle."""
    found = []
    for value in (request.prefetch or {}).values():
        found += [entry["resource"] for entry in value.get("entry", ())] if value["resourceType"] == "Bundle" else [value]
    return found


def count(request: CDSRequest) -> CDSResponse:
    len(entries(request))
    return CDSResponse(cards=[])


def validate(request: CDSRequest) -> CDSResponse:
    for resource in entries(request):
        get_fhir_model_class(str(resource["resourceType"])).model_validate(resource)
    return CDSResponse(cards=[])


def main(arguments: list[str]) -> None:
    mode, port = arguments
    service = CDSHooksService()
    service.hook("patient-view", id="bench")(validate if mode == "validate" else count)
    app = HealthChainAPI(title="bench")
    app.register_service(service)
    app.run(host="127.0.0.1", port=int(port), log_level="error")


if __name__ == "__main__":
    main(sys.argv[1:])
