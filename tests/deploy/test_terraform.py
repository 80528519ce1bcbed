"""terraform/: formatted, valid, tested, planned, made and planned again, against the AWS provider's schema without AWS.

Every folder and every test of Terraform's own with AIREGISTRY_TEST_ROUNDS of 20; else what matters most.
"""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import JsonValue

from airegistry.cli.doctor.findings import examine
from airegistry.cli.doctor.patient import Patient
from airegistry.cli.doctor.production_checks import CHECKS
from airegistry.settings import load
from tests.deploy.terraform import ALERTS, KEYCLOAK, SECRETS, SOURCE, Container, Refused, Workplace, missing, modules

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
FULL = int(os.environ.get("AIREGISTRY_TEST_ROUNDS", "1")) >= 20
PRODUCTION = "examples/production"
TASK = "module.service.aws_ecs_task_definition.this"
WITHOUT_A_RESOURCE = {
    "ecr:GetAuthorizationToken", "logs:DescribeLogGroups", "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}  # fmt: skip
"""Acts that AWS knows no resource of."""


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("bootstrap"), "bootstrap")


def hardening() -> Iterator[dict[str, JsonValue]]:
    for item in yaml.safe_load((SOURCE / "hardening.yaml").read_text(encoding="utf-8")):
        if "resource" in item:
            yield item


def found(value: JsonValue, path: str) -> JsonValue:
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)]
        else:
            assert isinstance(value, dict), f"{path}: nothing at {part}"
            value = value[part]
    return value


def test_everything_is_formatted() -> None:
    command = ["terraform", "fmt", "-check", "-recursive", "-diff", str(SOURCE)]
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_every_resource_of_the_hardening_list_is_planned_as_it_says(
    production: Workplace, bootstrap: Workplace
) -> None:
    for item in hardening():
        place = bootstrap if item.get("plan") == "bootstrap" else production
        planned = place.resources.get(str(item["resource"]))
        assert planned is not None, f"{item['item']}: no {item['resource']} in the plan"
        where = item.get("where", {})
        assert isinstance(where, dict)
        for path, wanted in where.items():
            assert found(planned, path) == wanted, f"{item['item']}: {path}"


def test_every_alarm_tells_somebody_and_says_so_when_it_is_over(production: Workplace) -> None:
    topic = production.attributes("module.observability.aws_sns_topic.alarms")["arn"]
    alarms = [each for each in production.made if each.type == "aws_cloudwatch_metric_alarm"]
    assert len(alarms) > 15
    for alarm in alarms:
        assert alarm.values["alarm_actions"] == alarm.values["ok_actions"] == [topic], alarm.address
    mails = [each.values["endpoint"] for each in production.made if each.type == "aws_sns_topic_subscription"]
    assert mails == ["oncall@example.com"]


def test_a_second_plan_of_production_changes_nothing(production: Workplace) -> None:
    assert not production.changes_again()


def test_no_secret_is_in_a_plan_or_a_state(production: Workplace) -> None:
    files = [production.folder / name for name in ("terraform.tfstate", "plan", "plan.json", "made.json")]
    for secret in [*SECRETS.values(), *KEYCLOAK.values()]:
        assert not [path.name for path in files if secret.encode() in path.read_bytes()]


def test_roles_may_do_named_acts_at_named_resources(production: Workplace) -> None:
    statements = list(production.statements())
    assert len(statements) > 10
    for address, statement in statements:
        acts = [statement.action] if isinstance(statement.action, str) else statement.action
        resources = [statement.resource] if isinstance(statement.resource, str) else statement.resource
        assert not [act for act in acts if "*" in act], f"{address} allows {acts}"
        assert resources, address
        if "*" in resources:
            assert set(acts) <= WITHOUT_A_RESOURCE, f"{address} allows {acts} everywhere"


def test_nothing_but_the_way_out_is_open_to_the_internet(production: Workplace) -> None:
    for address, resource in production.resources.items():
        if "ingress_rule" in address:
            assert resource.get("cidr_ipv4") != "0.0.0.0/0", address


def environment_of(task: Container) -> dict[str, str]:
    given = {each.name: each.value for each in task.environment}
    return given | {each.name: SECRETS["secret_key"] for each in task.secrets}


@pytest.mark.anyio
async def test_the_task_gives_the_registry_settings_that_it_takes_and_its_doctor_finds_safe(
    production: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = production.containers(TASK)["airegistry"]
    for name, value in environment_of(task).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    settings = load()
    assert settings.shared_store is not None
    assert settings.url == "https://registry.example.com"
    # The first start, and no other, has a password among its settings.
    unsafe = {row.id for row in await examine(CHECKS, Patient(settings, tmp_path)) if row.finding.verdict == "fail"}
    assert unsafe == {"production.operator"}


def test_what_prepares_a_task_opens_its_folders_and_lays_down_the_certificates(
    production: Workplace, tmp_path: Path
) -> None:
    prepare = production.containers(TASK)["prepare"]
    assert prepare.command
    for folder in ("data", "tmp", "certificates"):
        (tmp_path / folder).mkdir(mode=0o755)
    script = re.sub(r'"/(data|tmp|certificates)', rf'"{tmp_path}/\1', prepare.command[0])
    subprocess.run([sys.executable, "-I", "-c", script], env={"CA": "the certificates"}, check=True)
    assert (tmp_path / "certificates/database-ca.pem").read_text(encoding="utf-8") == "the certificates"
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("data", "tmp")] == [0o1777] * 2
    assert stat.S_IMODE((tmp_path / "certificates").stat().st_mode) == 0o755


def collector_of(production: Workplace) -> Any:
    return yaml.safe_load(environment_of(production.containers(TASK)["collector"])["COLLECTOR"])


def test_the_collector_takes_the_audit_trail_from_where_the_registry_sends_it(production: Workplace) -> None:
    configuration = collector_of(production)
    registry = environment_of(production.containers(TASK)["airegistry"])
    endpoint = configuration["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert registry["AIREGISTRY_AUDIT_OTLP_URL"] == f"http://{endpoint}"
    assert registry["AIREGISTRY_EGRESS_ALLOW"] == endpoint
    assert configuration["exporters"]["awscloudwatchlogs"]["log_group_name"] == "/air/audit"


def test_figures_and_traces_go_by_the_collector_to_where_they_are_kept_and_alerted_on(production: Workplace) -> None:
    configuration = collector_of(production)
    registry = environment_of(production.containers(TASK)["airegistry"])
    workspace = production.attributes("module.observability.aws_prometheus_workspace.this[0]")
    assert registry["AIREGISTRY_TELEMETRY_URL"] == registry["AIREGISTRY_AUDIT_OTLP_URL"]
    written = configuration["exporters"]["prometheusremotewrite"]
    assert written["endpoint"] == f"{workspace['prometheus_endpoint']}api/v1/remote_write"
    assert written["auth"]["authenticator"] in configuration["service"]["extensions"]
    pipelines = configuration["service"]["pipelines"]
    assert pipelines.keys() == {"logs", "metrics", "traces"}
    for part in ("receivers", "processors", "exporters"):
        named = {name for pipeline in pipelines.values() for name in pipeline.get(part, [])}
        assert named == configuration[part].keys()
    allowed = {str(each.action): each.resource for _, each in production.statements()}
    assert allowed["['aps:RemoteWrite']"] == [workspace["arn"]]
    rules = {ALERTS / f"{name}.yaml" for name in ("federation", "gateway", "security", "system")}
    assert rules == {*ALERTS.glob("*.yaml")}
    for file in rules:
        kept = production.attributes(f'module.observability.aws_prometheus_rule_group_namespace.this["{file.stem}"]')
        assert kept["data"] == file.read_text(encoding="utf-8")
        assert kept["workspace_id"] == workspace["id"]
    told = production.attributes("module.observability.aws_prometheus_alert_manager_definition.this[0]")
    routes = yaml.safe_load(yaml.safe_load(str(told["definition"]))["alertmanager_config"])
    topic = production.attributes("module.observability.aws_sns_topic.alarms")["arn"]
    assert [each["topic_arn"] for each in routes["receivers"][0]["sns_configs"]] == [topic]


def test_production_refuses_a_stage_it_does_not_know(production: Workplace) -> None:
    with pytest.raises(Refused, match="dev, staging or production"):
        production.run("plan", "-input=false", "-var-file=environments/production.tfvars", "-var=stage=test")


@pytest.mark.parametrize("folder", modules() if FULL else ["modules/observability"])
def test_terraforms_own_tests_pass(folder: str, tmp_path: Path) -> None:
    place = Workplace(tmp_path, folder)
    place.run("validate")
    said = place.run("test")
    assert "0 failed." in said


OTHERS = [
    ("bootstrap", None),
    ("examples/poc-cloudfront", None),
    ("examples/private-domain", None),
    (PRODUCTION, "environments/dev.tfvars"),
    (PRODUCTION, "environments/staging.tfvars"),
]


@pytest.mark.parametrize(("folder", "variables"), OTHERS if FULL else OTHERS[:1])
def test_each_example_is_valid_made_and_planned_again_without_a_change(
    folder: str, variables: str | None, tmp_path: Path
) -> None:
    place = Workplace(tmp_path, folder, *([variables] if variables else []))
    place.run("validate")
    place.apply()
    assert not place.changes_again()
