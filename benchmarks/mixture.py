"""make soak CALLS=10000: calls of every kind that a hospital sends, mixed, each answer held against what is due.

With authentication on, and a tenth of all reads from the FHIR server failing. Which call is of which kind, and what fails
of it, follows from its number.
"""

import http.client
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psutil

from benchmarks import payloads, report
from benchmarks.authentication import Client
from benchmarks.calls import Answer, Caller, caller, fire
from benchmarks.fhir_server import SHARE, WITHOUT_FAULTS, planned
from benchmarks.figures import percentiles
from benchmarks.held import HEAD, Held, at_most, held, row, watched
from benchmarks.servers import SERVICE
from benchmarks.unruly import well
from cds_service.fhir.record import Gap, GapReason
from cds_service.hooks.patient_view import PREFETCH
from cds_service.settings import now
from cds_service.wording import gap_reason, part_of_record

CONNECTIONS = 8
QUARTERS = 4
REST = 5.0
"""Seconds without calls before what is left behind is counted."""
DEADLINE = 2.5
FEEDBACK = f"{SERVICE}/feedback"
UNKNOWN = "/cds-services/no-such-service"
SENT_IN_PART = ("patient", "conditions", "laboratory", "medicationRequests")
CHART = Path("fhir_fixtures/requests/sandbox-with-prefetch.json")
BEGIN, END = "<!-- mixture: written by make soak CALLS=… -->\n", "<!-- end of mixture -->\n"
LATE = gap_reason(Gap("", GapReason.TIMEOUT))

Judge = Callable[[Answer], str]
"""What came of a call, in words; WRONG, and why, where that is not what is due."""


@dataclass(frozen=True, slots=True)
class Call:
    body: bytes
    judge: Judge
    path: str = SERVICE
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Tally:
    """What came of the calls of one kind. Units: seconds."""

    took: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)


class Mixture:
    """Makes the calls. What is due for a chart is what the service answers before anything is disturbed."""

    def __init__(self, caller: Caller, client: Client) -> None:
        self._caller, self._client = caller, client
        today = now().date()
        self._relapsed, self._common = payloads.relapsed_aml(100, today), payloads.without_leukaemia(100, today)
        sent = json.loads(CHART.read_text(encoding="utf-8"))["prefetch"]
        self._in_part = {key: sent[key] for key in SENT_IN_PART}
        self._spent = client.token(SERVICE)
        self._due_prefetched = self._undisturbed(self._relapsed, self._spent)
        self._due_in_part = self._undisturbed(caller.to_read(f"{WITHOUT_FAULTS}-1", self._in_part))
        self._due_read = self._undisturbed(caller.to_read(f"{WITHOUT_FAULTS}-2"))
        self._kinds = {
            "prefetched, relapsed AML": (20, self.prefetched),
            "prefetched in part, the rest read": (15, self.in_part),
            "all read": (20, self.read),
            "prefetched, no leukaemia": (25, self.common),
            "wrong token": (7, self.wrong_token),
            "malformed": (7, self.malformed),
            "feedback": (6, self.feedback),
        }

    @property
    def kinds(self) -> list[str]:
        return list(self._kinds)

    def of(self, number: int) -> tuple[str, Call]:
        """The call of this number, with a token where it has none of its own, and its kind."""
        chance = Random(number)
        weights = [weight for weight, _ in self._kinds.values()]
        (kind,) = chance.choices(self.kinds, weights)
        call = self._kinds[kind][1](number, chance)
        return kind, call if "Authorization" in call.headers else _bearing(call, self._client.token(call.path))

    def prefetched(self, number: int, chance: Random) -> Call:
        del number, chance
        return Call(self._relapsed, lambda answer: due(answer, 200, answer.body == self._due_prefetched, "whole"))

    def common(self, number: int, chance: Random) -> Call:
        del number, chance
        return Call(self._common, lambda answer: due(answer, 200, answer.body == {"cards": []}, "no cards"))

    def in_part(self, number: int, chance: Random) -> Call:
        del chance
        token = f"part-{number}"
        return Call(self._caller.to_read(token, self._in_part), reading(token, self._due_in_part, SENT_IN_PART))

    def read(self, number: int, chance: Random) -> Call:
        del chance
        token = f"all-{number}"
        return Call(self._caller.to_read(token), reading(token, self._due_read))

    def wrong_token(self, number: int, chance: Random) -> Call:
        del number
        refused = [
            "",
            "Zzyzx",
            self._spent,
            self._client.token(SERVICE, age=7_200),
            self._client.token(SERVICE, strange=True),
            self._client.token(FEEDBACK),
            self._client.token(SERVICE)[:-9],
        ]
        call = Call(self._relapsed, lambda answer: due(answer, 401, "issue" in answer.body, "401"))
        return _bearing(call, chance.choice(refused))

    def malformed(self, number: int, chance: Random) -> Call:
        del number
        another = json.loads(self._caller.to_read("no-token", self._in_part))
        another["context"]["patientId"] = "another"
        broken = [
            (400, b"", {}, SERVICE),
            (400, b"{", {}, SERVICE),
            (400, b"[" * 100_000, {}, SERVICE),
            (400, self._relapsed[:-50], {}, SERVICE),
            (400, self._relapsed.replace(b"patient-view", b"order-sign", 1), {}, SERVICE),
            (400, b'{"hook": "patient-view", "hookInstance": "\xff"}', {}, SERVICE),
            (400, json.dumps(another).encode(), {}, SERVICE),
            (400, b'{"feedback": [{"card": "Zzyzx"}]}', {}, FEEDBACK),
            (415, self._relapsed, {"Content-Type": "text/plain"}, SERVICE),
            (415, self._relapsed, {"Content-Encoding": "br"}, SERVICE),
            (404, self._relapsed, {}, UNKNOWN),
        ]
        status, body, headers, path = chance.choice(broken)
        return Call(body, lambda answer: due(answer, status, "issue" in answer.body, str(status)), path, headers)

    def feedback(self, number: int, chance: Random) -> Call:
        del number
        item: dict[str, object] = {
            "card": str(UUID(int=chance.getrandbits(128), version=4)),
            "outcome": chance.choice(["accepted", "overridden"]),
            "outcomeTimestamp": datetime.now(UTC).isoformat(),
            "overrideReason": {"reason": {"code": "not-now"}, "userComment": "Zzyzx"},
        }
        body = json.dumps({"feedback": [item]}).encode()
        return Call(body, lambda answer: due(answer, 200, answer.body == {}, "kept"), FEEDBACK)

    def _undisturbed(self, body: bytes, token: str | None = None) -> dict[str, Any]:
        with closing(self._caller.connection()) as connection:
            answer = fire(connection, body, {"Authorization": f"Bearer {token or self._client.token(SERVICE)}"})
        if answer.status != 200 or not answer.cards or answer.is_unfinished:
            raise SystemExit(f"soak: the service answered {answer.status} before anything was disturbed")
        return answer.body


def _bearing(call: Call, token: str) -> Call:
    return replace(call, headers={**call.headers, "Authorization": f"Bearer {token}"})


def due(answer: Answer, status: int, is_right: bool, outcome: str) -> str:
    if answer.status == 503 and answer.retry_after:
        return "shed: 503 with Retry-After"
    if answer.status != status:
        return f"WRONG: {answer.status} for {status}"
    return outcome if is_right else f"WRONG: another body with {status}"


def reading(token: str, whole: Mapping[str, Any], sent: tuple[str, ...] = ()) -> Judge:
    """What is due where all but what is sent is read with this token: the faults that it meets follow from it."""
    failing = {key for key in PREFETCH if key not in sent and planned(token, key) is not well}
    parts = {part_of_record(Gap("", GapReason.TIMEOUT, key)) for key in failing}

    def judge(answer: Answer) -> str:
        if "conditions" in failing:
            return due(answer, 412, "issue" in answer.body, "412, conditions failed")
        if not failing:
            is_right = answer.body == whole
            late = answer.gaps and set(answer.gaps.values()) == {LATE}
            return due(answer, 200, bool(is_right or late), "whole" if is_right else "names what came late")
        more = {part for part, reason in answer.gaps.items() if part not in parts and reason != LATE}
        return due(answer, 200, answer.gaps.keys() >= parts and not more, "names what failed")

    return judge


class Run:
    """So many calls over some connections."""

    def __init__(self, mixture: Mixture, caller: Caller) -> None:
        self._mixture, self._caller = mixture, caller
        self._numbers = count(1)
        self.tallies = {kind: Tally() for kind in mixture.kinds}

    def calls(self, number: int) -> None:
        """So many more."""
        ours = iter([next(self._numbers) for _ in range(number)])  # an iterator of a list hands each out once
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for done in [pool.submit(self._one_after_another, ours) for _ in range(CONNECTIONS)]:
                done.result()

    def _one_after_another(self, numbers: Iterator[int]) -> None:
        connection = self._caller.connection()
        for number in numbers:
            kind, call = self._mixture.of(number)
            tally = self.tallies[kind]
            began = time.monotonic()
            try:
                answer = fire(connection, call.body, call.headers, call.path)
            except (OSError, http.client.HTTPException, ValueError) as error:
                tally.outcomes[f"WRONG: no answer, {type(error).__name__}"] += 1
                connection.close()
                continue
            tally.took.append(time.monotonic() - began)
            tally.outcomes[call.judge(answer)] += 1
            if answer.status == 503:
                connection.close()
                time.sleep(float(answer.retry_after or 1))
        connection.close()


def markdown(tallies: Mapping[str, Tally], moments: Mapping[str, Held], seconds: float) -> str:
    total = sum(len(tally.took) for tally in tallies.values())
    said = (
        f"{total:,} calls over {CONNECTIONS} connections in {seconds:.0f} s, {SHARE:.0%} of all reads failing. "
        f"Measured on {report.machine()}."
    )
    return "\n\n".join("\n".join(part) for part in (_calls(tallies), _held(moments), [said]))


def _calls(tallies: Mapping[str, Tally]) -> Iterator[str]:
    yield f"| calls | number | p50 / p99 | slowest | later than {DEADLINE} s | what came of them |"
    yield "|---|---|---|---|---|---|"
    for kind, tally in tallies.items():
        outcomes = ", ".join(f"{outcome}: {number:,}" for outcome, number in tally.outcomes.most_common())
        slowest = max(tally.took, default=0.0)
        late = sum(took > DEADLINE for took in tally.took)
        yield f"| {kind} | {len(tally.took):,} | {percentiles(tally.took)} | {slowest:.2f} s | {late} | {outcomes} |"


def _held(moments: Mapping[str, Held]) -> Iterator[str]:
    yield from HEAD
    for name, one in moments.items():
        yield row(name, one)


def main(number: int, *, write: bool) -> int:
    with caller(known=True) as calling:
        assert calling.client is not None
        server = psutil.Process(calling.server.process.pid)
        run = Run(Mixture(calling, calling.client), calling)
        moments = {"before": held(server)}
        began = time.monotonic()
        with watched(server) as every:
            for quarter in range(1, QUARTERS + 1):
                run.calls(number * quarter // QUARTERS - number * (quarter - 1) // QUARTERS)
                moments[f"after {number * quarter // QUARTERS:,} calls"] = held(server)
                print(f"{number * quarter // QUARTERS:,} calls", file=sys.stderr)
        seconds = time.monotonic() - began
        moments["at most"] = at_most(every)
        time.sleep(REST)
        moments[f"{REST:.0f} s after the last call"] = held(server)
    text = markdown(run.tallies, moments, seconds)
    print(text)
    if write:
        report.put(text, BEGIN, END)
    return 1 if any("WRONG" in outcome for tally in run.tallies.values() for outcome in tally.outcomes) else 0
