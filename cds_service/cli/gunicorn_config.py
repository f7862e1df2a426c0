"""How gunicorn runs the service. The names are gunicorn's own: https://docs.gunicorn.org/en/stable/settings.html.

Address, processes and threads come from CDS_* settings (`cds_service/cli/serve.py`); everything else is decided here.
"""

import math
import os
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker as BaseWorker

from cds_service.cli.worker import Worker

worker_class = Worker
"""Threads, for most of a call's time is spent waiting for a FHIR server."""
preload_app = True
"""Knowledge is loaded once and shared by the processes, unchanged."""

timeout = 90
"""Seconds after which a process that shows no life is replaced; above every deadline of a call, which is 60 at most."""
graceful_timeout = 65
"""Seconds that calls under way have to end after SIGTERM; an orchestrator's own grace must be longer."""
keepalive = 75
"""Seconds that an idle connection of a reverse proxy stays open; longer than the proxy's own, so that it closes first."""
backlog = 512
"""Connections that wait for a thread before new ones are refused."""

limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 20_000
"""Room for a JSON Web Token of the longest kind that is read, and its header's name."""

accesslog = None
"""The service itself logs each call, as JSON and without addresses of patients: the event `access`."""
errorlog = "-"
loglevel = "warning"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # gunicorn makes a private file in it
"""Where processes show that they live: memory, for a slow disk would look like a hang."""


def child_exit(server: Arbiter, worker: BaseWorker) -> None:
    """What a process that ended said of its present state counts no more; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead  # not before the processes were told to count together

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library has no type for it


CGROUP = Path("/sys/fs/cgroup/cpu.max")


def cpus(quota: Path = CGROUP) -> int:
    """The CPUs that this process may use: of the machine, or of the container's limit."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text(encoding="ascii").split()
        return max(1, min(available, math.ceil(int(allowed) / int(period))))
    except (OSError, ValueError):  # no limit: "max 100000", or no such file
        return available
