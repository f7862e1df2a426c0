"""What is counted while the service answers. Every label is of a closed list: no patient, no user, no text of a call."""

from collections.abc import Collection, Iterable


def call_answered(service: str, endpoint: str, outcome: str, seconds: float | None = None) -> None:
    """`outcome`: `cards`, `no-cards`, `done`, or the code of the refusal; `seconds` for a hook that was answered."""
    from cds_service import instruments

    instruments.counter(instruments.CALLS, service, endpoint, outcome).inc()
    if seconds is not None:
        instruments.CALL_SECONDS.labels(service).observe(seconds)


def prefetched(service: str, keys: Collection[str], sent: Collection[str]) -> None:
    """`keys`: what discovery asks for."""
    from cds_service import instruments

    for key in keys:
        instruments.counter(instruments.PREFETCH, service, key, "true" if key in sent else "false").inc()


def fhir_called(resource_type: str, result: str, seconds: float) -> None:
    """`result`: `ok`, or the code of the gap that it leaves."""
    from cds_service import instruments

    instruments.FHIR_CALLS.labels(resource_type, result).inc()
    instruments.FHIR_SECONDS.observe(seconds)


def gaps_found(reasons: Iterable[str]) -> None:
    from cds_service import instruments

    for reason in reasons:
        instruments.GAPS.labels(reason).inc()


def cards_answered(topics: Iterable[str], outcome: str) -> None:
    """`outcome`: `shown`, `suppressed` by an override, or `silent`."""
    from cds_service import instruments

    for topic in topics:
        instruments.counter(instruments.CARDS, topic, outcome).inc()


def feedback_kept(outcomes: Iterable[tuple[str, str | None]]) -> None:
    """Outcome and our code of the reason."""
    from cds_service import instruments

    for outcome, reason in outcomes:
        instruments.FEEDBACK.labels(outcome, reason or "none").inc()


def token_refused(reason: str) -> None:
    from cds_service import instruments

    instruments.REFUSED_TOKENS.labels(reason).inc()


def store_failed() -> None:
    from cds_service import instruments

    instruments.STORE_FAILURES.inc()


def breaker_changed(server: str, *, is_open: bool) -> None:
    """`server`: its origin; only the servers of listed clients are ever called."""
    from cds_service import instruments

    instruments.BREAKERS.labels(server).set(is_open)


def exposition(version: str, knowledge: str, *, store_up: bool) -> bytes:
    from cds_service import instruments

    return instruments.exposition(version, knowledge, store_up=store_up)
