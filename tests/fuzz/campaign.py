"""Fuzzing the service: bent calls, and what schemathesis makes of /openapi.json. `make fuzz` runs it for long."""

import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from cds_service.app import create_app
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import read_settings
from tests.fuzz.mutations import FEEDBACK, bent, valid
from tests.web.wire import checked

SERVICE = "/cds-services/aml-cell-therapy-trials"
TOLERATED = ("positive_data_acceptance", "negative_data_rejection")
"""We answer 412 and 400 to what the schema cannot know, and survive what it forbids."""


def service(folder: Path) -> Flask:
    """The service with every answer held against its schema by the test client."""
    environment = {
        "CDS_AUTH": "off",
        "CDS_DATABASE_URL": f"sqlite:///{folder}/store.sqlite",
        "CDS_RATE_LIMIT": "1000000 per second",
    }
    app = checked(create_app(read_settings(environment), clock=lambda: WRITTEN_FOR))
    answer = app.wsgi_app

    def from_this_machine(environ: Any, start: Any) -> Any:
        return answer({"REMOTE_ADDR": "127.0.0.1", **environ}, start)  # schemathesis does not say where it calls from

    app.wsgi_app = from_this_machine  # type: ignore[method-assign]
    return app


def bend(app: Flask, cases: int, start: int) -> Counter[str]:
    """Bent calls, one in ten a bent feedback. Raises: AssertionError where an answer breaks its promise, naming the seed."""
    client, requests, counts = app.test_client(), valid(), Counter[str]()
    for number in range(start, start + cases):
        chance = random.Random(number)
        is_feedback = chance.random() < 0.1
        path, request = (f"{SERVICE}/feedback", FEEDBACK) if is_feedback else (SERVICE, chance.choice(requests))
        body = bent(chance, request)
        try:
            status = client.post(path, data=body, content_type="application/json").status_code
        except Exception as error:
            raise AssertionError(f"case {number}: {type(error).__name__}: {error}") from error
        assert status < 500, f"case {number}: {status}"
        counts[f"{'feedback' if is_feedback else 'call'} {status}"] += 1
    return counts


def generate(app: Flask, cases: int, start: int) -> Counter[str]:
    """What schemathesis makes of each operation, valid and not, about `cases` in all."""
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    excluded = [CHECKS.get_one(name) for name in TOLERATED]
    counts: Counter[str] = Counter()
    each = max(1, cases // 4)  # valid and invalid bodies of two operations; those without a body have one case
    for operation in operations:
        bodies = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for mode in bodies if operation.body else bodies[:1]:

            @seed(start)
            @settings(
                max_examples=each,
                deadline=None,
                database=None,
                phases=(Phase.generate,),
                verbosity=Verbosity.quiet,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def run(case: Case) -> None:
                response = case.call()
                case.validate_response(response, excluded_checks=excluded)
                assert response.status_code < 500
                counts[f"{case.operation.label} {response.status_code}"] += 1

            run()
    return counts


def main() -> int:
    cases, start = int(os.environ.get("CASES", "10000")), int(os.environ.get("SEED", "0"))
    with tempfile.TemporaryDirectory() as folder:
        app = service(Path(folder))
        bent_cases = bend(app, cases * 7 // 10, start)
        generated = generate(app, cases - bent_cases.total(), start)
    for name, counts in (("bent calls", bent_cases), ("schemathesis", generated)):
        answered = sum(count for status, count in counts.items() if status.endswith(" 200"))
        sys.stdout.write(f"{name}: {counts.total()} cases, {answered / counts.total():.0%} answered with 200\n")
        for status, count in sorted(counts.items()):
            sys.stdout.write(f"  {status:<50} {count:>7}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
