"""cds-service demo: the service and a practice EHR, with invented patients."""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.errors import PracticeError
from cds_service.sandbox import stories
from cds_service.sandbox.demonstration import Plan, demonstrate
from cds_service.sandbox.running import require_port
from cds_service.settings import read_settings

FHIR_PORT = 8090


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "demo",
        help="show the cards of invented patients",
        description="Start the service and an embedded FHIR server, open the charts of invented patients and show the cards.",
        **with_examples(
            "cds-service demo",
            "cds-service demo --serve",
            "cds-service demo --fhir-server http://127.0.0.1:8090/fhir --load",
            "cds-service demo --service http://127.0.0.1:8080 --fhir-server http://127.0.0.1:8090/fhir --load",
        ),
    )
    parser.add_argument("--serve", action="store_true", help="keep both running and print what to try")
    parser.add_argument("--fhir-server", type=_base_url, metavar="URL", help="use this FHIR R4 server, not the embedded one")
    parser.add_argument("--load", action="store_true", help="load the patients into that server first")
    parser.add_argument(
        "--service",
        type=_base_url,
        metavar="URL",
        help="use this running service (CDS_AUTH=off), not one started for it; dates are moved to today",
    )
    parser.add_argument("--wait", type=float, metavar="SECONDS", default=0.0, help="how long those servers may take to start")
    parser.add_argument(
        "--fixtures", type=Path, metavar="DIR", default=stories.DIRECTORY, help="where the patients' Bundles are"
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.service is not None and (arguments.fhir_server is None or arguments.serve):
        arguments.parser.error("--service needs --fhir-server, and excludes --serve: both run already")
    plan = Plan(
        fixtures=arguments.fixtures,
        fhir_server=arguments.fhir_server,
        load=arguments.load,
        serve=arguments.serve,
        service=arguments.service,
        wait=arguments.wait,
    )
    settings = read_settings()
    if plan.serve:
        plan = replace(plan, service_port=settings.port, fhir_port=_free_or_any(FHIR_PORT))
        require_port(settings.port)
    return demonstrate(plan, replace(settings, cors_origins=settings.cors_origins or ("*",)), Console())


def _free_or_any(port: int) -> int:
    """This port, or 0 for any free one: its address is printed."""
    try:
        require_port(port)
    except PracticeError:
        return 0
    return port


def _base_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError("write the base URL, such as http://127.0.0.1:8090/fhir")
    return text.rstrip("/")
