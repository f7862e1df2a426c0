"""The floor: a bare Flask handler that parses the JSON and answers, under the gunicorn settings of `cds-service serve`.

With `validate` it first reads every resource of the call with `fhir.resources`, as a service without a design for speed does.

python -m benchmarks.floor parse|validate PORT
"""

import sys
from collections.abc import Iterator, Mapping

from fhir.resources.R4B import get_fhir_model_class
from flask import Flask, request

from cds_service.cli.serve import GunicornServer
from cds_service.settings import read_settings


def create(*, validate: bool) -> Flask:
    app = Flask(__name__)

    @app.post("/")
    def call() -> Mapping[str, object]:
        body = request.get_json()
        if validate:
            for resource in resources(body["prefetch"]):
                get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        return {"cards": []}

    return app


def resources(prefetch: Mapping[str, Mapping[str, object]]) -> Iterator[Mapping[str, str]]:
    """Every resource that came along, out of its Bundle."""
    for value in prefetch.values():
        if value["resourceType"] == "Bundle":
            yield from (entry["resource"] for entry in value.get("entry", ()))  # type: ignore[attr-defined]
        else:
            yield value  # type: ignore[misc]


def main(arguments: list[str]) -> None:
    mode, port = arguments
    GunicornServer(create(validate=mode == "validate"), read_settings({"CDS_PORT": port, "CDS_PROCESSES": "1"})).run()


if __name__ == "__main__":
    main(sys.argv[1:])
