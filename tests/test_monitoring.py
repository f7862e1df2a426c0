"""What the dashboard and the alerts name is counted, under the names and labels that the service uses."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cds_service.instruments import LOCAL, exposition

FOLDER = Path("deploy/monitoring")
ALERTS = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [*QUERIES, *(rule["expr"] for rule in RULES)]
FUNCTIONS = {"sum", "min", "max", "rate", "increase", "absent", "histogram_quantile"}
LABELS = {metric._name: set(metric._labelnames) for metric in LOCAL._collector_to_names} | {  # type: ignore[attr-defined]
    "cds_build_info": {"version", "knowledge"},
    "cds_store_up": set(),
}
ADDED = {"_total": set(), "_bucket": {"le"}, "_sum": set(), "_count": set()}


def exposed() -> Iterator[str]:
    """The names of all series, as a scrape would have them once everything was counted."""
    for family in text_string_to_metric_families(exposition("1", "sha256:x", store_up=True).decode()):
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        yield from (family.name + suffix for suffix in suffixes)


def labels_of(series: str) -> set[str]:
    for suffix, added in ADDED.items():
        if series.removesuffix(suffix) in LABELS and series.endswith(suffix):
            return LABELS[series.removesuffix(suffix)] | added
    return LABELS[series]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_series_and_label_that_is_asked_for_exists(expression: str) -> None:
    series = set(re.findall(r"\bcds_\w+", expression))
    assert series
    assert series <= set(exposed())
    known = set().union(*(labels_of(name) for name in series))
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")}
    for name, matchers in re.findall(r"\b(cds_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers)) <= labels_of(name)
    assert grouped <= known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_is_well_formed(expression: str) -> None:
    closing = {")": "(", "]": "[", "}": "{"}
    opened: list[str] = []
    for sign in re.sub(r'"[^"]*"', '""', expression):
        if sign in closing.values():
            opened.append(sign)
        if sign in closing:
            assert opened.pop() == closing[sign]
    assert not opened
    assert set(re.findall(r"\b([a-z_]+)\(", expression)) <= FUNCTIONS
    for counter in re.findall(r"(?:(\w+)\()?\bcds_\w+_(?:total|bucket)", expression):
        assert counter in ("rate", "increase"), "a counter is asked for its growth, never for its value"
    assert all(re.fullmatch(r"\d+[smhd]", span) for span in re.findall(r"\[([^\]]*)\]", expression))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    named = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    assert all(f"by ({label})" in rule["expr"] for label in named)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_leads_to_its_heading_in_the_runbook(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    assert f"\n### {rule['alert']}\n" in Path(page).read_text(encoding="utf-8")


def test_no_alert_has_the_name_of_another() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_the_documentation_lists_every_metric_with_its_labels() -> None:
    lines = Path("docs/operations.md").read_text(encoding="utf-8").splitlines()
    rows = [[re.findall(r"`(\w+)`", cell) for cell in line.split("|")[1:3]] for line in lines if line.startswith("| `cds_")]
    told = {name.removesuffix("_total"): set(labels) for names, labels in rows for name in names}
    assert told == LABELS


def test_every_metric_is_on_the_dashboard() -> None:
    shown = set(re.findall(r"\bcds_\w+", " ".join(QUERIES)))
    assert {name for name in LABELS if not any(series.startswith(name) for series in shown)} == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")
def test_prometheus_itself_takes_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(FOLDER / "alerts.yaml")], check=True)
