"""The manifests for Kubernetes: valid as rendered, hardened, and speaking of settings and routes that exist."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cds_service.app import create_app
from cds_service.settings import SETTINGS, read_settings

EXAMPLE = Path("deploy/kubernetes/overlays/example")
FOREIGN = {"ServiceMonitor"}
"""Custom resources, whose schemas belong to those who define them."""
KNOWN = {setting.name for setting in SETTINGS} | {setting.in_file for setting in SETTINGS if setting.in_file is not None}

Manifest = dict[str, Any]


def rendered(directory: Path) -> list[Manifest]:
    """Every object that is applied. Without a renderer tests are skipped, unless REQUIRE_KUSTOMIZE says that they must run."""
    commands = {"kubectl": ["kubectl", "kustomize"], "kustomize": ["kustomize", "build"]}
    found = next((words for name, words in commands.items() if shutil.which(name)), None)
    if found is None:
        if os.environ.get("REQUIRE_KUSTOMIZE") == "1":
            pytest.fail("neither kubectl nor kustomize is installed")
        pytest.skip("neither kubectl nor kustomize is installed")
    text = subprocess.run([*found, str(directory)], capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(text))


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return rendered(EXAMPLE)


@pytest.fixture(scope="module")
def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    """The pod template of each workload, by its kind."""
    return {one["kind"]: one["spec"]["template"] for one in objects if one["kind"] in ("Deployment", "Job")}


def only(objects: list[Manifest], kind: str) -> Manifest:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


def test_every_object_is_valid_for_kubernetes(objects: list[Manifest]) -> None:
    for one in objects:
        if one["kind"] not in FOREIGN:
            kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_the_example_holds_all_that_a_hospital_needs(objects: list[Manifest]) -> None:
    kinds = {one["kind"] for one in objects}
    assert kinds >= {"Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "ConfigMap"}
    assert kinds >= {"Job", "ServiceAccount", "ServiceMonitor"}
    assert only(objects, "Deployment")["spec"]["replicas"] == 2


def test_no_secret_stands_in_a_file(objects: list[Manifest]) -> None:
    assert not [one for one in objects if one["kind"] == "Secret"]


def test_the_base_asks_for_nothing_that_a_cluster_may_lack() -> None:
    assert FOREIGN.isdisjoint(one["kind"] for one in rendered(Path("deploy/kubernetes/base")))


def test_every_setting_that_is_named_exists(objects: list[Manifest], pods: dict[str, Manifest]) -> None:
    named = {name for one in objects if one["kind"] == "ConfigMap" for name in one["data"] if name.startswith("CDS_")}
    named |= {
        variable["name"]
        for pod in pods.values()
        for container in pod["spec"]["containers"]
        for variable in container.get("env", [])
    }
    assert named
    assert named <= KNOWN


def test_the_settings_of_the_example_start_the_service(objects: list[Manifest], tmp_path: Path) -> None:
    said = next(one["data"] for one in objects if one["metadata"]["name"].startswith("cds-service-settings"))
    clients = next(one["data"] for one in objects if one["metadata"]["name"].startswith("cds-service-clients"))
    for name, content in clients.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    mounted = said | {"CDS_CLIENTS": str(tmp_path / Path(said["CDS_CLIENTS"]).name)}
    secrets = {"CDS_HASH_KEY": "k" * 64, "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/store.sqlite"}
    create_app(read_settings({"CDS_HOST": "0.0.0.0", **mounted, **secrets}))


def test_probes_ask_for_routes_that_exist(pods: dict[str, Manifest], tmp_path: Path) -> None:
    (container,) = pods["Deployment"]["spec"]["containers"]
    app = create_app(read_settings({"CDS_AUTH": "off", "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/store.sqlite"}))
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in routes
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "a store that is down is no reason to restart"


def test_what_is_scraped_exists(objects: list[Manifest], pods: dict[str, Manifest], tmp_path: Path) -> None:
    (endpoint,) = only(objects, "ServiceMonitor")["spec"]["endpoints"]
    app = create_app(read_settings({"CDS_AUTH": "off", "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/store.sqlite"}))
    assert endpoint["path"] in {rule.rule for rule in app.url_map.iter_rules()}
    assert endpoint["port"] in {port["name"] for port in only(objects, "Service")["spec"]["ports"]}


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_pods_run_without_rights(pods: dict[str, Manifest], kind: str) -> None:
    spec = pods[kind]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == (10001, 10001)
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"]["memory"]
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_the_cluster_adds_no_settings_of_its_own(pods: dict[str, Manifest], kind: str) -> None:
    """For a Service of this name Kubernetes sets CDS_SERVICE_PORT and others, and an unknown CDS_ variable stops the start."""
    assert pods[kind]["spec"]["enableServiceLinks"] is False


def test_a_pod_has_longer_to_end_than_the_calls_under_way(pods: dict[str, Manifest]) -> None:
    from cds_service.cli import gunicorn_config

    assert pods["Deployment"]["spec"]["terminationGracePeriodSeconds"] > gunicorn_config.graceful_timeout + 5


def test_whatever_selects_pods_selects_those_of_the_service(objects: list[Manifest], pods: dict[str, Manifest]) -> None:
    labels = pods["Deployment"]["metadata"]["labels"].items()
    assert only(objects, "Service")["spec"]["selector"].items() <= labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert only(objects, kind)["spec"]["selector"]["matchLabels"].items() <= labels
    assert not only(objects, "Service")["spec"]["selector"].items() <= pods["Job"]["metadata"]["labels"].items()
    chosen = only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items()
    assert chosen
    assert all(chosen <= pod["metadata"]["labels"].items() for pod in pods.values())


def test_pods_reach_name_servers_fhir_servers_and_the_database_alone(objects: list[Manifest]) -> None:
    policy = only(objects, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule.get("to") and rule.get("ports") for rule in policy["egress"]), "a rule without a target lets all out"
    assert sorted(port["port"] for rule in policy["egress"] for port in rule["ports"]) == [53, 53, 443, 5432]


def test_every_mounted_secret_and_file_is_one_that_the_pod_names(pods: dict[str, Manifest]) -> None:
    for pod in pods.values():
        mounted = {
            f"/etc/cds-service/secrets/{item['path']}"
            for volume in pod["spec"]["volumes"]
            for item in volume.get("secret", {}).get("items", [])
        }
        (container,) = pod["spec"]["containers"]
        named = {variable["value"] for variable in container.get("env", []) if variable["name"].endswith("_FILE")}
        assert named == mounted
