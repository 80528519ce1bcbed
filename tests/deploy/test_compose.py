"""compose.yaml: what runs for which profiles, with passwords that somebody made, and as little as it needs."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
import yaml
from pydantic import JsonValue

from airegistry.cli.setup.keycloak_wanted import Wanted, added, differing
from airegistry.settings import load
from tests.deploy.tools import DOCKER, made_env, run, tool

FILE = DOCKER / "compose.yaml"
GROUP = "airegistry-administrators"
"""Of Keycloak: its members administer the registry."""
ACCEPTED = {
    "CL-0019",  # images without a digest: none could be resolved, so digests are variables
    "CL-0005",  # the TLS profile listens for the world: that is what it is for
    "CL-0007",  # Keycloak compiles its configuration into its own folder
}
SERVICES = {
    (): {"airegistry"},
    ("mongo",): {"airegistry", "mongo"},
    ("observability",): {"airegistry", "collector", "prometheus", "grafana"},
    ("demo",): {"airegistry", "weather", "planner", "demo"},
    ("tls", "keycloak"): {"airegistry", "caddy", "keycloak", "keycloak-db"},
    ("tls", "mongo", "keycloak", "observability", "demo"): {
        "airegistry", "caddy", "mongo", "keycloak", "keycloak-db", "collector", "prometheus", "grafana", "weather",
        "planner", "demo",
    },
}  # fmt: skip


def configured(folder: Path, env: str) -> Mapping[str, dict[str, JsonValue]]:
    """Services as docker compose understands them with this environment."""
    (folder / ".env").write_text(env, encoding="utf-8")
    command = tool("docker-compose"), "--env-file", str(folder / ".env"), "-f", str(FILE), "config", "--format", "json"
    understood = run(*command)
    assert understood.returncode == 0, understood.stderr
    services: dict[str, dict[str, JsonValue]] = json.loads(understood.stdout)["services"]
    return services


@pytest.mark.parametrize("profiles", SERVICES, ids=lambda profiles: "+".join(profiles) or "alone")
def test_profiles_start_what_they_say(tmp_path: Path, profiles: tuple[str, ...]) -> None:
    assert configured(tmp_path, made_env(*profiles, DOMAIN="registry.example.com")).keys() == SERVICES[profiles]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, JsonValue]]:
    profiles = max(SERVICES, key=len)
    return configured(tmp_path_factory.mktemp("all"), made_env(*profiles, DOMAIN="registry.example.com"))


def test_every_service_is_hardened_and_bounded(everything: Mapping[str, dict[str, JsonValue]]) -> None:
    for name, service in everything.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only", False) is (name != "keycloak"), name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["cpus"], name
        assert "privileged" not in service, name


def test_every_image_has_a_full_version(everything: Mapping[str, dict[str, JsonValue]]) -> None:
    for service in everything.values():
        assert re.search(r":v?\d+\.\d+(\.\d+)?$", str(service["image"])), service["image"]


def test_a_digest_that_is_given_is_asked_for(tmp_path: Path) -> None:
    digest = "@sha256:" + "0" * 64
    found = configured(tmp_path, made_env("mongo") + f"MONGO_DIGEST={digest}\n")
    assert found["mongo"]["image"] == "mongo:8.0.12" + digest


def test_only_the_tls_profile_listens_beyond_loopback(everything: Mapping[str, dict[str, JsonValue]]) -> None:
    for name, service in everything.items():
        ports = service.get("ports", [])
        assert isinstance(ports, list)
        for port in ports:
            assert isinstance(port, dict)
            assert (port["host_ip"] == "127.0.0.1") is (name != "caddy"), name


def test_without_passwords_nothing_starts() -> None:
    refused = run(tool("docker-compose"), "--env-file", os.devnull, "-f", str(FILE), "config", "-q")
    assert refused.returncode != 0
    assert "run docker/make-env first" in refused.stderr


def test_a_key_that_compose_does_not_know_is_refused(tmp_path: Path) -> None:
    bad = yaml.safe_load(FILE.read_text("utf-8"))
    bad["services"]["airegistry"]["read-only"] = True
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(bad), encoding="utf-8")
    (tmp_path / ".env").write_text(made_env(), encoding="utf-8")
    refused = run(tool("docker-compose"), "--project-directory", str(tmp_path), "config", "-q", cwd=tmp_path)
    assert refused.returncode != 0
    assert "read-only" in refused.stderr


def test_compose_lint_finds_nothing_that_was_not_accepted(tmp_path: Path) -> None:
    # Where a clone lies is no fault of the file: below /root every mount would be one of a sensitive path.
    judged = run(tool("compose-lint"), "check", str(shutil.copy(FILE, tmp_path)))
    assert judged.returncode == 0, judged.stdout
    assert set(re.findall(r"\bCL-\d{4}\b", judged.stdout.split("Details on any rule")[0])) - ACCEPTED == set()


def test_passwords_are_made_anew_each_time_and_are_long() -> None:
    one, other = (dict(re.findall(r"^(\w+)=(.+)$", made_env("mongo"), re.MULTILINE)) for _ in range(2))
    secrets = [name for name in one if re.search("PASSWORD|TOKEN|SECRET", name)]
    assert len(secrets) >= 8
    assert not [name for name in secrets if one[name] == other[name] or len(one[name]) < 43]
    assert len({one[name] for name in secrets}) == len(secrets)


@pytest.mark.parametrize(
    ("profiles", "domain", "reason"),
    [(["mongodb"], "", "no profile named 'mongodb'"), (["keycloak"], "a.example.com", "keycloak needs the profile tls"),
     (["tls", "keycloak"], "", "keycloak needs the profile tls and DOMAIN")],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_it_is_written(profiles: list[str], domain: str, reason: str) -> None:
    refused = run(str(DOCKER / "make-env"), *profiles, env={"DOMAIN": domain} if domain else {})
    assert refused.returncode == 2
    assert reason in refused.stderr
    assert refused.stdout == ""


def test_the_registry_takes_what_compose_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everything: Mapping[str, dict[str, JsonValue]]
) -> None:
    environment = everything["airegistry"]["environment"]
    assert isinstance(environment, dict)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIREGISTRY_HOST", "0.0.0.0")
    for name, value in environment.items():
        if value is not None:
            monkeypatch.setenv(name, str(value))
    settings = load()
    assert settings.url == "https://registry.example.com"
    assert settings.shared_store is not None
    assert settings.egress_allow == ["weather:9000", "planner:9000", "auth.registry.example.com", "collector:4318"]
    assert settings.telemetry_url == "http://collector:4318"
    assert [provider["name"] for provider in settings.identity_providers] == ["keycloak"]
    assert [provider["group_map"] for provider in settings.identity_providers] == [{GROUP: "administrators"}]


def test_every_file_that_is_mounted_is_there(everything: Mapping[str, dict[str, JsonValue]]) -> None:
    mounts = [
        each for service in everything.values() for each in cast(list[dict[str, str]], service.get("volumes", []))
    ]
    sources = [Path(each["source"]) for each in mounts if each["type"] == "bind"]
    assert len(sources) > 8
    assert [source for source in sources if not source.exists()] == []


def test_the_realm_is_what_setup_would_make_of_it() -> None:
    """So `airegistry setup keycloak` changes nothing there, and whoever is in the group administers the registry."""
    realm = json.loads((DOCKER / "keycloak" / "realm.json").read_text(encoding="utf-8"))
    wanted = Wanted("${AIREGISTRY_PUBLIC_URL}", "airegistry", "airegistry", "keycloak")
    assert differing(wanted.realm_fields(), realm) == []
    (client,) = realm["clients"]
    assert differing(wanted.clients()["airegistry"], client) == []
    assert added(wanted.clients()["airegistry"], client) == []
    assert client["protocolMappers"] == [*wanted.mappers("airegistry").values()]
    assert [group["name"] for group in realm["groups"]] == [GROUP]


def test_keycloak_reaches_the_registry_by_its_public_name(everything: Mapping[str, dict[str, JsonValue]]) -> None:
    def networks(name: str) -> dict[str, dict[str, list[str]] | None]:
        return cast(dict[str, dict[str, list[str]] | None], everything[name]["networks"])

    shared = networks("keycloak").keys() & networks("caddy").keys()
    assert [name for name in shared if "registry.example.com" in (networks("caddy")[name] or {}).get("aliases", [])]
