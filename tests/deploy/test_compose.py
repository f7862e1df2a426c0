"""The sandbox of compose.yaml: valid, pinned, closed to other machines, and real: its processes show cards from HAPI."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import psycopg
import pytest
import requests
import yaml
from check_jsonschema import builtin_schemas

from cds_service.settings import read_settings
from tests.hapi.server import hapi_server, missing_tools
from tests.store.place import Place
from tests.store.server import PostgreSQL, free_port, missing_programs

TEXT = Path("compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = Path("Dockerfile").read_text(encoding="utf-8")
FILE = yaml.safe_load(TEXT)
SERVICES = FILE["services"]
OURS = ("service", "patients")


class Database(NamedTuple):
    """A database `cds` of a real server."""

    port: int
    rows: Callable[[str], Sequence[tuple[object, ...]]]


def image_environment() -> dict[str, str]:
    """What the image sets of our settings."""
    return dict(re.findall(r"(CDS_[A-Z_]+)=(\S+)", DOCKERFILE))


def process_of(service: Any) -> dict[str, Any]:
    """The arguments of the process that a container of ours runs: the image's entry point and command, unless the file's."""
    (words,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    command = list(service.get("command", json.loads(words)))
    for volume in service["volumes"]:
        source, target = volume.split(":")[:2]
        command = [word.replace(f"={target}", f"={Path(source).resolve()}") for word in command]
    environment = {**os.environ, **image_environment(), **service["environment"]}
    return {"args": [sys.executable, "-m", "cds_service", *command], "env": environment}


@contextmanager
def process(service: Any, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The service while it runs, once it is healthy by the image's own check."""
    (check,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    told = process_of(service)
    with (folder / "log").open("w") as log, subprocess.Popen(**told, cwd=folder, stdout=log, stderr=log) as started:
        try:
            while subprocess.run(json.loads(check), env=told["env"], capture_output=True, check=False).returncode != 0:
                assert started.poll() is None, (folder / "log").read_text(encoding="utf-8")
                time.sleep(0.2)
            yield started
        finally:
            started.terminate()


@pytest.fixture
def database() -> Iterator[Database]:
    if (lacking := missing_programs()) is not None:
        required_or_skipped(lacking, "REQUIRE_POSTGRESQL")
    server = PostgreSQL()
    server.start()
    with psycopg.connect(server.address("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE cds")
    yield Database(server.port, Place(server.address("cds")).rows)
    server.remove()


@pytest.fixture
def hapi() -> Iterator[str]:
    if (lacking := missing_tools()) is not None:
        required_or_skipped(lacking, "REQUIRE_HAPI")
    with hapi_server() as base:
        yield base


def required_or_skipped(lacking: str, variable: str) -> None:
    if os.environ.get(variable) == "1":
        pytest.fail(lacking)
    pytest.skip(lacking)


def test_the_file_is_valid_by_the_compose_specification() -> None:
    jsonschema.validate(FILE, builtin_schemas.get_builtin_schema("vendor.compose-spec"))


def test_every_foreign_image_is_pinned_and_ours_is_built_here() -> None:
    for name, service in SERVICES.items():
        if name in OURS:
            assert service["image"] == SERVICES["service"]["image"]
        else:
            assert re.fullmatch(r"docker\.io/\w+/\w+:v?\d+\.\d+\S*", service["image"]), name

    assert [name for name, service in SERVICES.items() if service.get("build") == "."] == ["service"]


def test_only_this_machine_reaches_it() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert {service.get("network_mode") for name, service in SERVICES.items() if name != "gateway"} == {"service:gateway"}
    assert "listen_addresses=127.0.0.1" in SERVICES["database"]["command"]


def test_the_gateway_passes_on_to_where_the_service_listens() -> None:
    settings = SERVICES["service"]["environment"]
    conf = FILE["configs"]["gateway"]["content"]
    (listens,) = re.findall(r"listen (\d+);", conf)
    assert f"proxy_pass {settings['CDS_HOST']}:{settings['CDS_PORT']};" in conf
    assert f"127.0.0.1:{settings['CDS_PORT']}:{listens}" in SERVICES["gateway"]["ports"]


def test_what_the_service_is_given_are_settings_with_valid_values_and_no_secret() -> None:
    settings = read_settings({**image_environment(), **SERVICES["service"]["environment"]})
    assert not settings.auth
    assert settings.is_loopback()
    assert settings.hash_key is None
    assert "password" not in TEXT.casefold()


def test_our_containers_run_as_hardened_as_in_production() -> None:
    for name in OURS:
        assert SERVICES[name]["read_only"]
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_nothing_starts_before_what_it_needs_is_healthy() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed], f"{name} waits for {needed}, which has no health check"
    assert SERVICES["service"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert SERVICES["patients"]["depends_on"]["service"]["condition"] == "service_healthy"
    assert "--wait=300" in SERVICES["patients"]["command"], "HAPI's image cannot tell its health"


def test_the_patients_are_mounted_to_be_read_alone() -> None:
    (mounted,) = SERVICES["patients"]["volumes"]
    source, target, mode = mounted.split(":")
    assert list(Path(source).glob("*.json"))
    assert f"--fixtures={target}" in SERVICES["patients"]["command"]
    assert mode == "ro"


@pytest.mark.hapi
@pytest.mark.postgresql
def test_its_processes_load_the_patients_and_show_their_cards(database: Database, hapi: str, tmp_path: Path) -> None:
    """What the containers run, with their environment, beside a real PostgreSQL server and a real HAPI; on other ports."""
    port = free_port()
    here = f"127.0.0.1:{port}"
    text = TEXT.replace("http://127.0.0.1:8090/fhir", hapi).replace("127.0.0.1:8080", here)
    text = text.replace('CDS_PORT: "8080"', f'CDS_PORT: "{port}"').replace("127.0.0.1:5432", f"127.0.0.1:{database.port}")
    services = yaml.safe_load(text)["services"]
    with process(services["service"], tmp_path) as service:
        patients = process_of(services["patients"])
        done = subprocess.run(**patients, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr + (tmp_path / "log").read_text(encoding="utf-8")
        assert service.poll() is None
        shown = done.stdout
        assert "CD117 CAR-T NCT07144020 (recruiting)" in shown
        assert "No cards." in shown, "the patient with diabetes"
        (line,) = (line for line in shown.splitlines() if line.startswith("curl "))
        words = shlex.split(line)
        answer = requests.post(words[2], words[6], headers={"Content-Type": "application/json"}, timeout=30)
        assert answer.json()["cards"][0]["summary"].startswith("CD117 CAR-T NCT07144020")
        assert requests.get(f"http://{here}/readyz", timeout=30).json()["status"] == "ready"
    assert database.rows("SELECT count(*) FROM audit")[0][0] == shown.count("The EHR ") + 1
