"""What `demo` does: service and FHIR server started, charts opened, cards shown as a person would want to read them."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from rich.console import Console
from rich.progress import track
from rich.text import Text
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from cds_service.app import create_app
from cds_service.errors import OutboundError, PracticeError
from cds_service.hooks.patient_view import SERVICE
from cds_service.outbound.door import Door, Limits
from cds_service.outbound.retries import Reply
from cds_service.sandbox import shown, stories
from cds_service.sandbox.ehr import JSON, PracticeEhr
from cds_service.sandbox.fhir_server import ResourceStore, create_fhir_server
from cds_service.sandbox.running import running
from cds_service.sandbox.search import Json
from cds_service.sandbox.stories import SCENES, WRITTEN_FOR, Scene, Sends
from cds_service.settings import Settings, now


@dataclass(frozen=True, slots=True)
class Plan:
    """How the demonstration runs."""

    fixtures: Path = stories.DIRECTORY
    fhir_server: str | None = None
    """A FHIR server of the user's instead of the embedded one."""
    load: bool = False
    serve: bool = False
    service: str | None = None
    """A service that runs already, instead of one started for the demonstration."""
    wait: float = 0.0
    """Seconds to wait for the user's servers to start."""
    service_port: int = 0
    fhir_port: int = 0


def demonstrate(plan: Plan, settings: Settings, console: Console) -> int:
    """Open the charts of all scenes and show the cards; returns the exit status.

    Raises: PracticeError where the user's servers do not play along; UnreadableRecord for a broken story.
    """
    patients = stories.load(plan.fixtures)
    if plan.service is not None:  # it judges by its own clock
        patients = stories.told_on(now().astimezone(settings.timezone).date(), patients)
    scenes = [scene for scene in SCENES if scene.story in patients] or [Scene(name, Sends.ACCESS) for name in patients]
    if plan.fhir_server is not None:  # a server of the user's does not refuse at our word
        scenes = [scene for scene in scenes if scene.sends is not Sends.NOTHING]
    with _stage(plan, settings, patients, scenes) as ehr:
        for scene in scenes:
            patient = stories.patient_id(patients[scene.story])
            reply = ehr.open_chart(SERVICE.entry.id, patient, prefetch=scene.sends is Sends.PREFETCH)
            _show(scene, reply, console)
        if plan.serve or plan.service is not None:
            _tell_what_to_try(ehr, stories.patient_id(patients[scenes[0].story]), console)
        if plan.serve:
            console.rule("Both keep running; Ctrl-C ends them")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    return 0


@contextmanager
def _stage(plan: Plan, settings: Settings, patients: dict[str, list[Json]], scenes: list[Scene]) -> Iterator[PracticeEhr]:
    """The FHIR server and the service, running."""
    door = Door(Limits(connect=5, read=60, body=100_000_000))
    with ExitStack() as stack:
        server = plan.fhir_server
        if server is None:
            refused = {stories.patient_id(patients[s.story]) for s in scenes if s.sends is Sends.NOTHING}
            everything = ResourceStore(resource for resources in patients.values() for resource in resources)
            embedded = create_fhir_server(everything, refused=frozenset(refused))
            server = stack.enter_context(running(embedded, plan.fhir_port)) + "/fhir"
        service = plan.service or stack.enter_context(_service(plan, settings, server))
        ehr = PracticeEhr(service, server, door)
        if plan.service is not None:
            _require_service(ehr, plan.wait)
        if plan.fhir_server is not None:
            _require_fhir_server(ehr, plan.wait)
        if plan.load:
            bar = Console(stderr=True)
            for resources in track(patients.values(), "Loading", console=bar, transient=True, disable=not bar.is_terminal):
                _load(ehr, resources)
        elif plan.fhir_server is not None:
            _require_patient(ehr, stories.patient_id(patients[scenes[0].story]))
        yield ehr


@contextmanager
def _service(plan: Plan, settings: Settings, server: str) -> Iterator[str]:
    """The address of a service of our own while it runs, which judges on the day that the stories are written for."""
    with TemporaryDirectory() as folder:
        settings = replace(
            settings,
            auth=False,
            clients=None,
            public_url=None,
            host="127.0.0.1",
            database_url=f"sqlite:///{folder}/demo.sqlite",
            fhir_servers=(*settings.fhir_servers, server),
        )
        with running(create_app(settings, clock=lambda: WRITTEN_FOR), plan.service_port) as address:
            yield address


def _require_service(ehr: PracticeEhr, wait: float) -> None:
    """Whether the user's service answers the demonstration, which signs nothing."""
    reply = _reached(ehr, f"{ehr.service}/cds-services", wait)
    if reply.status != 200:
        fix = "the demonstration signs nothing: let the service run with CDS_AUTH=off on this machine"
        raise PracticeError(f"{ehr.service} answers {reply.status}; {fix}")


def _require_fhir_server(ehr: PracticeEhr, wait: float) -> None:
    _reached(ehr, f"{ehr.fhir_server}/Patient/nobody", wait)


def _reached(ehr: PracticeEhr, url: str, wait: float) -> Reply:
    """The answer, once there is one. Raises: PracticeError if there is none in time."""
    patiently = Retrying(
        retry=retry_if_exception_type(OutboundError), stop=stop_after_delay(wait), wait=wait_fixed(1), reraise=True
    )
    try:
        return patiently(ehr.door.get, url, JSON)
    except OutboundError as error:
        base = ehr.service if url.startswith(f"{ehr.service}/") else ehr.fhir_server
        raise PracticeError(f"{base} cannot be reached ({error.reason}); is it the base, and running?") from error


def _load(ehr: PracticeEhr, resources: list[Json]) -> None:
    try:
        ehr.load(resources)
    except OutboundError as error:
        said = f"answers {error.status}" if error.status is not None else f"cannot be reached ({error.reason})"
        raise PracticeError(f"{ehr.fhir_server} {said}; the patients are loaded by a transaction of FHIR R4") from error


def _require_patient(ehr: PracticeEhr, patient: str) -> None:
    """Whether the user's FHIR server has the patients."""
    reply = _reached(ehr, f"{ehr.fhir_server}/Patient/{patient}", 0)
    if reply.status in (404, 410):
        raise PracticeError(f"{ehr.fhir_server} does not have the patient {patient}; load the patients with --load")
    if reply.status != 200:
        raise PracticeError(f"{ehr.fhir_server} answers {reply.status}; it must be readable without signing in")


def _show(scene: Scene, reply: Reply, console: Console) -> None:
    console.rule(Text(scene.story.replace("-", " ").capitalize(), style="bold"))
    console.print(f"The EHR {scene.sends.value}.", style="dim")
    answer = cast(Json, json.loads(reply.body))
    if reply.status != 200:
        issues = cast(list[Json], answer["issue"])
        console.print(Text(f"HTTP {reply.status}: {issues[0]['diagnostics']}", style="red"))
        return
    cards = cast(list[Json], answer["cards"])
    if not cards:
        console.print("No cards.", style="dim")
    for card in cards:
        console.print(shown.card(card))


def _tell_what_to_try(ehr: PracticeEhr, patient: str, console: Console) -> None:
    request = json.dumps(json.loads(ehr.request(SERVICE.entry.id, patient, prefetch=False)))
    console.rule("Try")
    for line in (
        f"Discovery    {ehr.service}/cds-services",
        f"FHIR server  {ehr.fhir_server}",
        f"curl -s {ehr.service}/cds-services/{SERVICE.entry.id} -H 'Content-Type: application/json' -d '{request}'",
    ):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
