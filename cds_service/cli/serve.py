"""cds-service serve: the service under gunicorn, or for developers under Werkzeug's server."""

import argparse
import gc
import shutil
import sys
import tempfile
from pathlib import Path

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from werkzeug.serving import run_simple

from cds_service import logs
from cds_service.app import WAITING, create_app
from cds_service.cli import gunicorn_config
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.errors import SettingsError
from cds_service.sandbox.running import require_port
from cds_service.settings import Settings, read_settings, share_counters

UNHELD = 4
"""Threads for what waits for no turn: refusals and the probes of those who watch."""


class GunicornServer(BaseApplication):
    """Gunicorn with `gunicorn_config.py`, our settings and an application that is already built."""

    def __init__(self, app: Flask, settings: Settings, counters: Path | None = None) -> None:
        self._app = app
        self._settings = settings
        self._counters = counters
        super().__init__()

    def load_config(self) -> None:
        for name, value in vars(gunicorn_config).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        self.cfg.set("bind", f"{self._settings.host}:{self._settings.port}")
        self.cfg.set("workers", self._settings.processes or gunicorn_config.cpus())
        self.cfg.set("threads", self._settings.threads * (1 + WAITING) + UNHELD)
        self.cfg.set("on_exit", self._end)

    def load(self) -> Flask:  # type: ignore[override]  # gunicorn spells the WSGI protocol out
        return self._app

    def _end(self, server: Arbiter) -> None:
        if self._counters is not None:
            shutil.rmtree(self._counters, ignore_errors=True)


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
    parser.add_argument("--dev", action="store_true", help="one process on this machine alone, anew after each change of code")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    logs.configure(sys.stderr)
    if arguments.dev:
        return _develop(settings)
    require_port(settings.port)
    counters = Path(tempfile.mkdtemp(prefix="cds-service-"))
    share_counters(counters)
    try:
        app = create_app(settings)
    except BaseException:
        shutil.rmtree(counters)
        raise
    _announce(settings)
    gc.collect()
    gc.freeze()  # what was loaded stays: the collector need not look at it in every call, and processes share it
    GunicornServer(app, settings, counters).run()
    return 0


def _develop(settings: Settings) -> int:
    if not settings.is_loopback():
        raise SettingsError("--dev is for this machine alone: keep CDS_HOST and CDS_PUBLIC_URL on loopback, or leave it out")
    app = create_app(settings)
    _announce(settings)
    run_simple(settings.host, settings.port, app, use_reloader=True, threaded=True)
    return 0


def _announce(settings: Settings) -> None:
    if not settings.auth:
        sys.stderr.write("AUTHENTICATION IS OFF (CDS_AUTH=off): everybody on this machine is answered. Never for patients.\n")
    sys.stdout.write(f"CDS Hooks service on http://{settings.host}:{settings.port}/cds-services\n")
    sys.stdout.flush()
