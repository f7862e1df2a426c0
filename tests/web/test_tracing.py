"""Traces tell how a call's time was spent, and nothing of the patient; without a collector's address nothing is traced."""

import socketserver
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import responses
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cds_service import tracing
from cds_service.errors import SettingsError
from tests.web.ehr import SERVICE, bearer, service
from tests.web.test_service import request_of

TRACE = "3f2504e04f8941d39a0c0305e82c3301"
PARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    tracing.install(kept, "1")
    yield kept
    tracing.stop()


def spans(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    assert tracing._tracing.provider is not None
    tracing._tracing.provider.force_flush()
    return {span.name: span for span in exporter.get_finished_spans()}


def read_by_the_service(folder: Path) -> Any:
    """A call that sends patient and conditions and lets the rest be read."""
    body = request_of("sandbox-with-prefetch.json")
    body["fhirAuthorization"] = request_of("oracle-without-prefetch.json")["fhirAuthorization"]
    body["prefetch"] = {key: body["prefetch"][key] for key in ("patient", "conditions")}
    client = service(folder, f"fhir_servers: ['{body['fhirServer']}']").test_client()
    return client.post(SERVICE, json=body, headers={**bearer(), **PARENT})


@responses.activate
def test_a_call_joins_its_callers_trace_and_has_its_parts(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    assert read_by_the_service(tmp_path).headers["X-Request-ID"] == TRACE
    found = spans(exporter)
    assert set(found) == {"hook", "fhir search", "evaluate", "store"}
    hook = found["hook"]
    assert hook.kind is SpanKind.SERVER
    assert hook.context is not None
    assert f"{hook.context.trace_id:032x}" == TRACE
    assert hook.attributes == {"service": SERVICE.rpartition("/")[2], "request_id": TRACE}
    parents = {found[name].parent.span_id for name in ("fhir search", "evaluate") if (found[name].parent) is not None}  # type: ignore[union-attr]
    assert parents == {hook.context.span_id}


@responses.activate
def test_nothing_in_a_span_names_the_patient(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    read_by_the_service(tmp_path)
    said = " ".join(span.to_json() for span in spans(exporter).values())
    assert "fhir search" in said
    for secret in ("relapsed-cd117-positive", "ehr.example/fhir", "Ahorn", "invented-token"):
        assert secret not in said


def test_of_an_error_the_class_alone_is_told(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), tracing.span("evaluate"):
        raise RuntimeError("Zzyzx")
    failed = spans(exporter)["evaluate"]
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "RuntimeError")
    assert "Zzyzx" not in failed.to_json()


@pytest.mark.usefixtures("exporter")
def test_an_attribute_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(ValueError, match="patient"), tracing.span("evaluate", patient="p1"):
        pass


def test_spans_are_sent_to_the_collector_that_the_setting_names(tmp_path: Path) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with socketserver.TCPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
        client = service(tmp_path, CDS_TRACES=address).test_client()
        client.post(SERVICE, json=request_of("no-leukaemia.json"), headers=bearer())
        tracing.stop()
        server.shutdown()
    assert {path for path, _ in received} == {"/v1/traces"}
    assert b"cds-service" in received[0][1]


def test_without_the_libraries_the_fix_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match=r"pip install 'cds-service\[otel\]'"):
        service(tmp_path, CDS_TRACES="http://127.0.0.1:4318/v1/traces")


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CDS_TRACES must be an address"):
        service(tmp_path, CDS_TRACES="collector:4318")
