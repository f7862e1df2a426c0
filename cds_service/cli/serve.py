"""cds-service serve: the service under gunicorn."""

import argparse
import gc
import sys

from flask import Flask
from gunicorn.app.base import BaseApplication

from cds_service import logs
from cds_service.app import create_app
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.cli.worker import Worker
from cds_service.sandbox.running import require_port
from cds_service.settings import Settings, read_settings


class GunicornServer(BaseApplication):
    """Gunicorn with our settings and an application that is already built."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", f"{self._settings.host}:{self._settings.port}")
        self.cfg.set("worker_class", Worker)
        self.cfg.set("workers", self._settings.processes)
        self.cfg.set("threads", self._settings.threads)
        self.cfg.set("preload_app", True)
        self.cfg.set("accesslog", None)
        self.cfg.set("errorlog", "-")
        self.cfg.set("loglevel", "warning")

    def load(self) -> Flask:  # type: ignore[override]  # gunicorn spells the WSGI protocol out
        return self._app


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "serve",
        help="run the service",
        description="Run the service. Settings come from CDS_* variables: see `cds-service settings`.",
        **with_examples(
            "CDS_CLIENTS=clients.yaml CDS_PUBLIC_URL=https://cds.hospital.example cds-service serve",
            "CDS_AUTH=off CDS_FHIR_SERVERS=http://127.0.0.1:8090/fhir CDS_CORS_ORIGINS='*' cds-service serve",
        ),
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    require_port(settings.port)
    logs.configure(sys.stderr)
    app = create_app(settings)
    if not settings.auth:
        sys.stderr.write("AUTHENTICATION IS OFF (CDS_AUTH=off): everybody on this machine is answered. Never for patients.\n")
    sys.stdout.write(f"CDS Hooks service on http://{settings.host}:{settings.port}/cds-services\n")
    sys.stdout.flush()
    gc.collect()
    gc.freeze()  # what was loaded stays: the collector need not look at it in every call, and processes share it
    GunicornServer(app, settings).run()
    return 0
