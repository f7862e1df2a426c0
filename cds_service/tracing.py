"""Spans for OpenTelemetry, off until `start`: how a call's time was spent, by attributes of a closed list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

ATTRIBUTES = frozenset({"request_id", "service", "resource_type", "purpose"})
"""What may stand in a span. Everything else is refused when the span is made, so that a test finds it."""


@dataclass
class _Tracing:
    provider: TracerProvider | None = None
    tracer: Tracer | None = None


_tracing = _Tracing()


def start(endpoint: str, version: str) -> None:
    """Send spans to a collector by OTLP over HTTP. Raises: ImportError where the extra `[otel]` is not installed."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    install(OTLPSpanExporter(endpoint=endpoint), version)


def install(exporter: SpanExporter, version: str) -> None:
    """Send spans to this exporter from now on, in the background; processes that are forked later do the same."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    stop()
    resource = Resource.create({"service.name": "cds-service", "service.version": version})
    _tracing.provider = TracerProvider(resource=resource, shutdown_on_exit=True)
    _tracing.provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracing.tracer = _tracing.provider.get_tracer("cds_service", version)


def stop() -> None:
    """Send what is left, and no more."""
    if _tracing.provider is not None:
        _tracing.provider.shutdown()
    _tracing.provider = _tracing.tracer = None


Headers = Callable[[], Mapping[str, str]]


def span(name: str, caller: Headers | None = None, **attributes: str | None) -> AbstractContextManager[None]:
    """A part of a call. `caller`: tells the headers of who called, whose trace it joins; asked only where spans are sent.

    Raises: ValueError for an attribute that is not on the list.
    """
    if foreign := attributes.keys() - ATTRIBUTES:
        raise ValueError(f"attributes that may not be traced: {', '.join(sorted(foreign))}")
    return nullcontext() if _tracing.tracer is None else _sent(_tracing.tracer, name, caller, attributes)


@contextmanager
def _sent(tracer: Tracer, name: str, caller: Headers | None, attributes: Mapping[str, str | None]) -> Iterator[None]:
    from opentelemetry.trace import SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract(caller()) if caller is not None else None
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=SpanKind.SERVER if caller is not None else SpanKind.INTERNAL,
        attributes={key: value for key, value in attributes.items() if value is not None},
        record_exception=False,  # its text may hold values of a record
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except Exception as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
