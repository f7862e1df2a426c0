"""The instruments behind /metrics (prometheus_client): their names, help and labels. Labels are of closed lists.

Loaded by `metrics` when something is first counted: by then the server has said whether its processes count together.
"""

from collections.abc import Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

LOCAL = CollectorRegistry()

CALLS = Counter("cds_calls", "Calls by service and what they got", ["service", "endpoint", "outcome"], registry=LOCAL)
CALL_SECONDS = Histogram(
    "cds_call_seconds",
    "Time to answer a hook",
    ["service"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=LOCAL,
)
PREFETCH = Counter("cds_prefetch", "Prefetch keys that came with calls or did not", ["service", "key", "sent"], registry=LOCAL)
FHIR_CALLS = Counter("cds_fhir_calls", "Reads and searches by what they got", ["resource_type", "result"], registry=LOCAL)
FHIR_SECONDS = Histogram("cds_fhir_call_seconds", "Time of a read or search with its pages", registry=LOCAL)
GAPS = Counter("cds_gaps", "Parts of evaluated records that could not be had", ["reason"], registry=LOCAL)
CARDS = Counter("cds_cards", "Cards by trial or summary and what became of them", ["topic", "outcome"], registry=LOCAL)
FEEDBACK = Counter("cds_feedback", "Feedback kept, by outcome and reason", ["outcome", "reason"], registry=LOCAL)
REFUSED_TOKENS = Counter("cds_refused_tokens", "Calls without a valid token", ["reason"], registry=LOCAL)
STORE_FAILURES = Counter("cds_store_failures", "Times that the database failed", registry=LOCAL)
BREAKERS = Gauge(
    "cds_breaker_open",
    "Whether a FHIR server is left alone for now",
    ["server"],
    registry=LOCAL,
    multiprocess_mode="livemax",
)


@cache
def counter(family: Counter, *labels: str) -> Counter:
    """For what every call counts: to find the counter of some labels takes longer than to count."""
    return family.labels(*labels)


class _Facts(Collector):
    """What is so at this moment, whichever process tells it."""

    def __init__(self, version: str, knowledge: str, *, store_up: bool) -> None:
        self._build = (version, knowledge)
        self._store_up = store_up

    def collect(self) -> Iterable[GaugeMetricFamily]:
        build = GaugeMetricFamily(
            "cds_build_info", "The program and the knowledge it decides by", labels=["version", "knowledge"]
        )
        build.add_metric(self._build, 1)
        yield build
        yield GaugeMetricFamily("cds_store_up", "Whether the database is reached", value=float(self._store_up))


def exposition(version: str, knowledge: str, *, store_up: bool) -> bytes:
    """Everything counted, by all processes of this server, in Prometheus' text format."""
    facts = CollectorRegistry()
    facts.register(_Facts(version, knowledge, store_up=store_up))
    counted = CollectorRegistry()
    try:
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]  # the library has no type for it
    except ValueError:  # no directory is shared: this process is all there is
        counted = LOCAL
    return generate_latest(counted) + generate_latest(facts)
