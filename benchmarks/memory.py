"""How much memory one large call takes: what the worker's resident set grows by, at its peak. Needs Linux's /proc."""

from pathlib import Path

from benchmarks.servers import Server


def growth(server: Server, body: bytes) -> float | None:
    """Bytes at the peak of this call, over what the worker held before it; None where the system does not tell."""
    process = Path(f"/proc/{server.worker().pid}")
    if not (process / "clear_refs").exists():
        return None
    (process / "clear_refs").write_text("5")  # sets the peak back to what is held now
    before = _bytes(process, "VmRSS")
    server.post(body)
    return _bytes(process, "VmHWM") - before


def _bytes(process: Path, name: str) -> int:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
