"""What can be said of terraform/ without running it: its files, its settings, its READMEs, its list of hardening."""

import re
from pathlib import Path

import pytest
import yaml

from airegistry.cli.doctor import outside_checks, production_checks, running_checks, settings_checks, store_checks
from airegistry.settings import Settings
from scripts import write_terraform_docs
from tests.deploy.terraform import EXAMPLES, REPOSITORY, SOURCE, folders, modules

CHECKS = {
    check.id
    for part in (outside_checks, production_checks, running_checks, settings_checks, store_checks)
    for check in part.CHECKS
}


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: str(folder.relative_to(SOURCE)))
def test_each_module_has_its_readme_its_versions_and_its_tests(folder: Path) -> None:
    assert (folder / "README.md").exists()
    assert 'required_version = ">= 1.11"' in (folder / "versions.tf").read_text(encoding="utf-8")
    assert str(folder.relative_to(SOURCE)) in modules()


@pytest.mark.parametrize("folder", write_terraform_docs.modules(), ids=lambda folder: str(folder.relative_to(SOURCE)))
def test_the_readme_of_a_module_names_its_variables_and_outputs(folder: Path) -> None:
    said = (folder / "README.md").read_text(encoding="utf-8")
    assert said == write_terraform_docs.written(folder), "run python scripts/write_terraform_docs.py"


def test_the_tasks_settings_are_settings_of_the_registry() -> None:
    named = set(re.findall(r"\bAIREGISTRY_[A-Z_]+[A-Z]\b", (SOURCE / "modules/service/task.tf").read_text("utf-8")))
    known = {f"AIREGISTRY_{name.upper()}" for name in Settings.model_fields}
    assert len(named) > 10
    assert named <= known


@pytest.mark.parametrize("path", sorted(SOURCE.glob("examples/*/environments/*.tfvars")), ids=lambda path: path.name)
def test_an_environment_gives_settings_of_the_registry_and_no_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = {f"AIREGISTRY_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bAIREGISTRY_\w+", text)) <= known
    assert not re.search(r"^\s*(secret_key|\w*password)\s*=", text, re.M)


def blocks(kind: str, file: Path) -> list[tuple[str, str]]:
    """Name and text of each block of a kind."""
    return re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', file.read_text("utf-8"), re.M | re.S)


def checked(folder: Path) -> set[str]:
    """The variables of which more is said than their type, here or where they go, or whose type says all."""
    mine = blocks("variable", folder / "variables.tf")
    found = {name for name, said in mine if "validation {" in said or re.search(r"= bool$", said, re.M)}
    for _, module in blocks("module", folder / "main.tf"):
        (source,) = re.findall(r'^  source += "(.+)"$', module, re.M)
        known = checked(folder / source)
        given = dict(re.findall(r"^  (\w+) += (.*)$", module, re.M))
        found |= {name for to, value in given.items() if to in known for name in re.findall(r"\bvar\.(\w+)", value)}
    return found


def unchecked(folder: Path) -> set[str]:
    """The variables of a folder of which no more than their type is said."""
    return {name for name, _ in blocks("variable", folder / "variables.tf")} - checked(folder)


@pytest.mark.parametrize("folder", ["bootstrap", *(f"examples/{example}" for example in EXAMPLES)])
def test_every_variable_that_somebody_fills_in_is_checked(folder: str) -> None:
    assert unchecked(SOURCE / folder) == set()


@pytest.mark.parametrize("folder", sorted(SOURCE.glob("modules/*")), ids=lambda folder: str(folder.name))
def test_every_variable_of_a_module_is_checked_but_what_another_module_made(folder: Path) -> None:
    used = [(path.parent, text) for path in SOURCE.glob("*/*/*.tf") for _, text in blocks("module", path)]
    used = [(place, text) for place, text in used if f'/{folder.name}"' in text]
    for name in unchecked(folder):
        given = [(place, value) for place, text in used for value in re.findall(rf"^  {name} += (.+)$", text, re.M)]
        assert given, name
        for place, value in given:
            assert re.search(r"\b(module|aws_\w+|var|local)\.", value), value
            # A module may hand on what it was handed, and what is asked of here in its turn.
            assert set(re.findall(r"\bvar\.(\w+)", value)) <= unchecked(place), value


def test_the_alarms_that_an_environment_may_move_are_those_of_the_module() -> None:
    module = dict(blocks("variable", SOURCE / "modules/observability/variables.tf"))["thresholds"]
    example = dict(blocks("variable", SOURCE / "examples/production/variables.tf"))["alarm_thresholds"]
    (allowed,) = re.findall(r"contains\(\[(.*?)\]", example, re.S)
    assert set(re.findall(r'"(\w+)"', allowed)) == set(re.findall(r"(\w+) += optional", module))


def test_the_page_names_variables_and_files_that_are_there() -> None:
    page = (REPOSITORY / "docs/deploy-aws.md").read_text(encoding="utf-8")
    known = set(
        re.findall(r'^variable "(\w+)"', (SOURCE / "examples/production/variables.tf").read_text("utf-8"), re.M)
    )
    named = set(re.findall(r"\bTF_VAR_(\w+)|-var (\w+)=", page))
    assert len(named) > 3
    assert {first or second for first, second in named} <= known
    for option, path in re.findall(r"-(backend-config|var-file)=(\S+)", page):
        assert (SOURCE / "examples/production" / path).exists(), f"-{option}={path}"


def test_each_environment_has_a_state_of_its_own() -> None:
    backends = [
        path.read_text("utf-8") for path in sorted(SOURCE.glob("examples/production/environments/*.s3.tfbackend"))
    ]
    keys = [re.findall(r'^(\w+)\s*= "(.*)"$', text, re.M) for text in backends]
    assert [[name for name, _ in each] for each in keys] == [["bucket", "key", "region"]] * 3
    assert len({dict(each)["key"] for each in keys}) == 3


def test_what_the_doctor_checks_of_the_hardening_list_is_checked() -> None:
    items = yaml.safe_load((SOURCE / "hardening.yaml").read_text(encoding="utf-8"))
    named = {item["doctor"] for item in items if "doctor" in item}
    assert named <= CHECKS
    assert {check.id for check in production_checks.CHECKS} <= named, "a check of the doctor's is not in the list"
    assert all(("doctor" in item) != ("resource" in item) for item in items)


@pytest.mark.parametrize(
    "watched",
    [
        "task restarts", "4xx", "5xx", "latency", "memory", "CPU", "authentication failures", "store errors",
        "denied calls",
    ],
)  # fmt: skip
def test_each_alarm_that_a_deployment_must_have_is_an_item_of_the_list(watched: str) -> None:
    items = yaml.safe_load((SOURCE / "hardening.yaml").read_text(encoding="utf-8"))
    (alarm,) = [item["resource"] for item in items if item["item"] == f"Alarm on {watched}"]
    assert ".aws_cloudwatch_metric_alarm." in alarm


def test_every_waiver_of_checkov_has_its_reason() -> None:
    text = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.tf"))
    waivers = [line.strip() for line in text.splitlines() if "checkov" in line]
    assert len(waivers) > 10
    assert not [line for line in waivers if not re.fullmatch(r"#checkov:skip=CKV2?_AWS_\d+:\w.{9,}", line)]
