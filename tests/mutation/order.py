"""The order of tests under a mutant: what is likeliest to notice it, and quickest, first. The first failure ends its run."""

import json
import os
from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the mutated module itself come first, then all others, the quickest first."""
    learned = Path("mutmut-stats.json")
    if not learned.is_file():
        return
    seconds: dict[str, float] = json.loads(learned.read_text(encoding="utf-8"))["duration_by_test"]
    module = os.environ.get("MUTANT_UNDER_TEST", "").rpartition(".")[0].rpartition(".")[2]
    items.sort(key=lambda item: (item.path.stem != f"test_{module}", seconds.get(item.nodeid, 0)))
