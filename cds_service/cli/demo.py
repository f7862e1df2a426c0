"""cds-service demo: the service and a practice EHR, with invented patients."""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.sandbox import stories
from cds_service.sandbox.demonstration import Plan, demonstrate
from cds_service.settings import read_settings


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "demo",
        help="show the cards of invented patients",
        description="Start the service and an embedded FHIR server, open the charts of invented patients and show the cards.",
        **with_examples(
            "cds-service demo",
            "cds-service demo --serve",
            "cds-service demo --fhir-server http://127.0.0.1:8090/fhir --load",
        ),
    )
    parser.add_argument("--serve", action="store_true", help="keep both running and print what to try")
    parser.add_argument("--fhir-server", metavar="URL", help="use this FHIR R4 server instead of the embedded one")
    parser.add_argument("--load", action="store_true", help="load the patients into that server first")
    parser.add_argument(
        "--fixtures", type=Path, metavar="DIR", default=stories.DIRECTORY, help="where the patients' Bundles are"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    plan = Plan(fixtures=arguments.fixtures, load=arguments.load, serve=arguments.serve)
    if arguments.fhir_server is not None:
        plan = replace(plan, fhir_server=arguments.fhir_server.rstrip("/"))
    if plan.serve:
        plan = replace(plan, service_port=8080, fhir_port=8090)
    settings = read_settings()
    return demonstrate(plan, replace(settings, cors_origins=settings.cors_origins or ("*",)), Console())
