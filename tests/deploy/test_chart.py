"""The chart: four sets of values that Kubernetes takes, and values that are refused before anything is installed."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from airegistry.settings import load
from tests.deploy.tools import CHART, run, tool
from tests.support.rounds import FULL

SETS = sorted(CHART.glob("ci/*-values.yaml"))
KUBERNETES = ("1.30", "1.33", "1.37") if FULL else ("1.30", "1.37")
OUTSIDE = {"ExternalSecret", "HTTPRoute", "ServiceMonitor"}
"""Kinds that are no part of Kubernetes: their schemas are not at hand, and the docs say so."""
Manifest = Mapping[str, Any]


def templated(*arguments: str) -> str:
    made = run(tool("helm"), "template", "try", str(CHART), "--kube-version", "1.30.0", *arguments)
    assert made.returncode == 0, made.stderr
    return made.stdout


@functools.cache
def manifests(name: str, *sets: str) -> Sequence[Manifest]:
    """What a set of values makes."""
    more = [part for each in sets for part in ("--set", each)]
    text = templated("-f", str(CHART / "ci" / f"{name}-values.yaml"), *more)
    return [cast(Manifest, document) for document in yaml.safe_load_all(text) if document]


def of(kind: str, name: str, *sets: str) -> list[Manifest]:
    return [manifest for manifest in manifests(name, *sets) if manifest["kind"] == kind]


def pods(name: str) -> Iterator[tuple[str, Manifest]]:
    for manifest in manifests(name):
        if manifest["kind"] in {"Deployment", "StatefulSet"}:
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]
        elif manifest["kind"] == "Pod":
            yield manifest["metadata"]["name"], manifest["spec"]


@pytest.mark.parametrize("values", SETS, ids=lambda path: str(path.stem))
def test_helm_lints_each_set_strictly(values: Path) -> None:
    judged = run(tool("helm"), "lint", "--strict", str(CHART), "-f", str(values))
    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_every_manifest_strictly(version: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("manifests")
    files = []
    for values in SETS:
        files.append(folder / values.name)
        files[-1].write_text(templated("-f", str(values)), encoding="utf-8")
    judged = run(tool("kubernetes-validate"), "--strict", "-k", version, *map(str, files))
    assert judged.returncode == 0, judged.stderr
    unknown = set(re.findall(r"find schema for kind (\w+)", judged.stdout + judged.stderr))
    assert unknown == OUTSIDE


def test_a_field_that_kubernetes_does_not_know_would_be_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    planted = tmp_path_factory.mktemp("planted") / "laptop.yaml"
    text = templated("-f", str(CHART / "ci" / "laptop-values.yaml"))
    planted.write_text(text.replace("enableServiceLinks: false", "enableServiceLink: false"), encoding="utf-8")
    assert run(tool("kubernetes-validate"), "--strict", "-k", "1.30", str(planted)).returncode != 0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("publicUrl=http://registry.example.com", "publicUrl"),
        ("publicUrl=", "publicUrl"),
        ("replicas=3", "replicas"),
        ("image.tag=latest", "image.tag"),
        ("image.digest=sha256:abc", "image.digest"),
        ("store.url=mongodb://user:password@db/airegistry", "store.url"),
        ("store.kind=sqlite", "store.kind"),
        ("settings.AIREGISTRY_ADMIN_TOKEN=x", "settings"),
        ("settings.LOG_LEVEL=x", "settings"),
        ("egressAllow={0.0.0.0/0}", "egressAllow"),
        ("secret.external.enabled=true", "secret.external"),
        ("gateway.enabled=true", "gateway.name"),
        ("replicaCount=2", "several need store.kind=database"),
        ("autoscaling.enabled=true", "several need store.kind=database"),
        ("store.kind=database", "store.url is needed"),
        ("serviceMonitor.enabled=true", "needs collector.enabled"),
        ("mongodb.enabled=true", "needs store.kind=database"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_by_name(given: str, reason: str) -> None:
    values = str(CHART / "ci" / "laptop-values.yaml")
    refused = run(tool("helm"), "template", "try", str(CHART), "-f", values, "--set", given, "--kube-version", "1.30.0")
    assert refused.returncode != 0
    assert reason in refused.stderr


def test_an_older_kubernetes_is_refused() -> None:
    values = str(CHART / "ci" / "laptop-values.yaml")
    refused = run(tool("helm"), "template", "try", str(CHART), "-f", values, "--kube-version", "1.29.0")
    assert "incompatible" in refused.stderr


@pytest.mark.parametrize("name", [path.stem.removesuffix("-values") for path in SETS])
def test_no_pod_is_root_or_gains_rights_or_sees_the_cluster(name: str) -> None:
    for pod, spec in pods(name):
        assert spec["automountServiceAccountToken"] is False, pod
        assert spec["securityContext"]["runAsNonRoot"] is True, pod
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, pod
        for container in spec["containers"]:
            allowed = container["securityContext"]
            assert allowed["allowPrivilegeEscalation"] is False, pod
            assert allowed["capabilities"] == {"drop": ["ALL"]}, pod
            assert allowed.get("readOnlyRootFilesystem", False) is (not pod.endswith("keycloak")), pod
            assert container["resources"]["limits"]["memory"], pod


def test_a_folder_has_one_replica_that_goes_before_the_next_comes() -> None:
    (deployment,) = of("Deployment", "folder")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert len(of("PersistentVolumeClaim", "folder")) == 1


def test_in_production_load_decides_how_many_and_secrets_are_files_from_a_vault() -> None:
    (scaler,) = of("HorizontalPodAutoscaler", "production")
    deployment = next(each for each in of("Deployment", "production") if each["metadata"]["name"] == "try-airegistry")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert "replicas" not in deployment["spec"]
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 12)
    assert container["image"].partition("@")[2].startswith("sha256:")
    assert {"name": "AIREGISTRY_SECRETS_FOLDER", "value": "/run/secrets/airegistry"} in container["env"]
    assert len(of("ExternalSecret", "production")) == len(of("HTTPRoute", "production")) == 1
    assert of("Secret", "production") == of("Ingress", "production") == []
    (monitor,) = of("ServiceMonitor", "production")
    assert monitor["spec"]["endpoints"][0]["port"] == "metrics"


def test_the_network_policy_keeps_private_networks_and_metadata_out_of_reach() -> None:
    policy = next(each for each in of("NetworkPolicy", "production") if each["metadata"]["name"] == "try-airegistry")
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule["to"] if "ipBlock" in peer]
    everywhere = next(block for block in blocks if block["cidr"] == "0.0.0.0/0")
    assert {"169.254.0.0/16", "10.0.0.0/8"} <= set(everywhere["except"])
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize("name", ["folder", "trial", "production"])
def test_a_policy_says_who_may_call_each_pod_that_stays(name: str) -> None:
    selected = [each["spec"]["podSelector"]["matchLabels"] for each in of("NetworkPolicy", name)]
    for each in [*of("Deployment", name), *of("StatefulSet", name)]:
        labels = each["spec"]["template"]["metadata"]["labels"].items()
        assert len([labels for wanted in selected if wanted.items() <= labels]) == 1, each["metadata"]["name"]


@pytest.mark.parametrize(
    ("name", "pod", "port"), [("trial", "mongodb", "mongodb"), ("production", "collector", "otlp")]
)
def test_only_the_registry_reaches_the_database_and_the_collectors_inlet(name: str, pod: str, port: str) -> None:
    (policy,) = [each for each in of("NetworkPolicy", name) if each["metadata"]["name"].endswith(pod)]
    (rule,) = [rule for rule in policy["spec"]["ingress"] if rule["ports"] == [{"port": port, "protocol": "TCP"}]]
    (peer,) = rule["from"]
    registry = next(each for each in of("Deployment", name) if each["metadata"]["name"] == "try-airegistry")
    assert peer["podSelector"]["matchLabels"].items() <= registry["spec"]["template"]["metadata"]["labels"].items()
    assert "egress" not in policy["spec"], "it calls nobody"
    assert "Egress" in policy["spec"]["policyTypes"]


def test_the_pod_of_helm_test_reaches_the_registry_where_only_some_may() -> None:
    policy = next(each for each in of("NetworkPolicy", "production") if each["metadata"]["name"] == "try-airegistry")
    (smoke,) = of("Pod", "production")
    peers = [peer.get("podSelector", {}).get("matchLabels") for peer in policy["spec"]["ingress"][0]["from"]]
    assert len(peers) == 2
    assert peers[1].items() <= smoke["metadata"]["labels"].items()


def test_keycloak_is_reached_at_its_own_host() -> None:
    routes = {each["metadata"]["name"]: each["spec"]["rules"][0]["host"] for each in of("Ingress", "trial")}
    assert routes == {"try-airegistry": "registry.example.com", "try-keycloak": "auth.example.com"}


def test_mongodb_and_keycloak_are_there_when_asked_for_alone() -> None:
    assert {manifest["kind"] for manifest in manifests("laptop")}.isdisjoint({"StatefulSet"})
    assert [each["metadata"]["name"] for each in of("StatefulSet", "trial")] == ["try-mongodb"]
    assert "try-keycloak" in [each["metadata"]["name"] for each in of("Deployment", "trial")]


def test_the_registry_takes_the_settings_that_the_chart_gives_it(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("mounted")
    (secret,) = of("Secret", "trial")
    for key, value in secret["stringData"].items():
        (folder / key).write_text(value, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AIREGISTRY_SECRETS_FOLDER", str(folder))
    monkeypatch.setenv("AIREGISTRY_HOST", "0.0.0.0")
    settings_of = next(each for each in of("ConfigMap", "trial") if each["metadata"]["name"] == "try-airegistry")
    for key, value in settings_of["data"].items():
        monkeypatch.setenv(key, value)
    settings = load()
    assert settings.url == "https://registry.example.com"
    assert settings.admin_token is not None
    assert settings.shared_store is not None
