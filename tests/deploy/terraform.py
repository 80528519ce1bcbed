"""Terraform over copies of terraform/, with the provider of .ci/install-terraform, which asks nobody."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, Field, JsonValue

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "terraform"
ALERTS = REPOSITORY / "observability/alerts"
TOOLS = Path(os.environ.get("AIREGISTRY_TERRAFORM", REPOSITORY / ".cache/terraform"))
EXAMPLES = ("poc-cloudfront", "private-domain", "production")
SECRETS = {"secret_key": "c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmU=", "admin_password": "the password of admin"}
KEYCLOAK = {"keycloak_admin_password": "the password of setup"}
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airegistry"
GIVEN: Mapping[str, JsonValue] = {
    "name": "air",
    "region": "eu-central-1",
    "image": f"{ECR}/airegistry:1.2.3",
    "collector_image": f"{ECR}/otel-collector:0.130.0",
    "repository_arns": ["arn:aws:ecr:eu-central-1:123456789012:repository/airegistry/*"],
    "database_ca_file": "../ca.test.pem",
    "first_start": True,
}
DOMAIN: Mapping[str, JsonValue] = {"domain": "registry.example.com", "zone_id": "Z1"}
VARIABLES: Mapping[str, Mapping[str, JsonValue]] = {
    "bootstrap": {"region": "eu-central-1"},
    "examples/poc-cloudfront": GIVEN,
    "examples/private-domain": {**GIVEN, **DOMAIN},
    # The rest is in the environment's own file.
    "examples/production": {name: GIVEN[name] for name in ("database_ca_file", "first_start")},
}


def missing() -> str | None:
    """Why no Terraform can be run here; None where it can."""
    if shutil.which("terraform") is None:
        return "terraform is not installed"
    if not (TOOLS / "terraformrc").exists():
        return "the offline provider is not built: .ci/install-terraform"
    return None


def modules() -> list[str]:
    """Every folder with tests, relative to terraform/."""
    return sorted(str(path.parent.parent.relative_to(SOURCE)) for path in SOURCE.rglob("*.tftest.hcl"))


def folders() -> list[Path]:
    """Every folder with Terraform's own files."""
    return sorted({path.parent for path in SOURCE.rglob("*.tf") if ".terraform" not in path.parts})


class Variable(BaseModel):
    """A variable of a container's environment: its value, or where its secret is."""

    name: str
    value: str = ""


class Container(BaseModel):
    """A container of a task, as ECS has it."""

    name: str
    command: list[str] = []
    environment: list[Variable] = []
    secrets: list[Variable] = []


class Refused(Exception):
    """Terraform ended with an error; what it said."""


class Change(BaseModel):
    """What becomes of a resource."""

    actions: list[str]
    after: dict[str, JsonValue] | None


class Planned(BaseModel):
    """A resource or data source of a plan."""

    address: str
    type: str
    mode: str
    change: Change


class Plan(BaseModel):
    """A plan as `terraform show -json` has it, as far as it is of use here."""

    resource_changes: list[Planned]


class Made(BaseModel):
    """A resource of a state."""

    address: str
    type: str
    values: dict[str, JsonValue]


class Module(BaseModel):
    """A module of a state."""

    resources: list[Made] = []
    child_modules: list["Module"] = []

    def all(self) -> Iterator[Made]:
        """Its resources and those of the modules in it."""
        yield from self.resources
        for child in self.child_modules:
            yield from child.all()


class Root(BaseModel):
    """The values of a state."""

    root_module: Module


class State(BaseModel):
    """A state as `terraform show -json` has it, as far as it is of use here."""

    values: Root


class Statement(BaseModel):
    """A statement of a policy of IAM."""

    effect: str = Field(alias="Effect")
    action: str | list[str] = Field(alias="Action")
    resource: str | list[str] = Field("", alias="Resource")


class Workplace:
    """A copy of terraform/ in which one folder is worked on, by one process at a time. States stay in it.

    Whoever comes later to the same place finds what was planned and made.
    """

    def __init__(self, place: Path, folder: str, *variable_files: str) -> None:
        """`folder` is relative to terraform/, `variable_files` to that."""
        self.folder = place / "terraform" / folder
        self._lock, self._held = place.parent / f"{place.name}.lock", False
        self._files = [f"-var-file={name}" for name in (*variable_files, "given.tfvars.json")]
        secrets = {} if folder == "bootstrap" else SECRETS | (KEYCLOAK if folder.endswith("production") else {})
        self._secrets = {f"TF_VAR_{name}": value for name, value in secrets.items()}
        with self._alone():
            if not place.joinpath("terraform").exists():
                self._make(place, folder)

    def _make(self, place: Path, folder: str) -> None:
        shutil.copytree(SOURCE, place / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        shutil.copytree(ALERTS, place / ALERTS.relative_to(REPOSITORY), ignore=shutil.ignore_patterns("tests"))
        if folder.startswith("examples"):
            (self.folder / "offline_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        (self.folder / "given.tfvars.json").write_text(json.dumps(VARIABLES.get(folder, {})), encoding="utf-8")
        # The folder of plug-ins is named, so that no registry is ever asked.
        self.run("init", "-input=false", f"-plugin-dir={TOOLS / 'mirror'}")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self._held:
            yield
            return
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._held = True
            try:
                yield
            finally:
                self._held = False

    def run(self, *arguments: str, allowed: frozenset[int] = frozenset({0})) -> str:
        """What a command prints.

        Raises:
            Refused: it ended with a status that is not allowed.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(TOOLS / "terraformrc"),
            "TF_IN_AUTOMATION": "1",
            "TF_CLI_ARGS": "-no-color",
            **self._secrets,
        }
        command = ["terraform", *arguments]
        with self._alone():
            ended = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300, check=False
            )
        if ended.returncode not in allowed:
            raise Refused(f"{' '.join(command)}: {ended.returncode}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}")
        return ended.stdout

    def _kept(self, name: str) -> str:
        """What `terraform show -json` says of a plan, or of the state; asked once."""
        file = self.folder / f"{name}.json"
        if not file.exists():
            file.write_text(self.run("show", "-json", *([name] if name == "plan" else [])), encoding="utf-8")
        return file.read_text(encoding="utf-8")

    @cached_property
    def plan(self) -> Plan:
        """The plan from nothing, which `apply` carries out."""
        with self._alone():
            if not (self.folder / "plan").exists():
                self.run("plan", "-input=false", *self._files, "-out=plan")
            return Plan.model_validate_json(self._kept("plan"))

    @cached_property
    def resources(self) -> dict[str, dict[str, JsonValue]]:
        """Every resource of the plan by its address, as far as it is known before it is made."""
        return {each.address: each.change.after or {} for each in self.plan.resource_changes if each.mode == "managed"}

    def apply(self) -> None:
        """Carry the plan out, as far as the offline provider goes."""
        with self._alone():
            _ = self.plan
            if not (self.folder / "made.json").exists():
                self.run("apply", "-input=false", "plan")
                self._kept("made")

    @cached_property
    def made(self) -> list[Made]:
        """Every resource that was made."""
        return list(State.model_validate_json(self._kept("made")).values.root_module.all())

    def changes_again(self) -> bool:
        """Whether a second plan would change anything."""
        allowed = frozenset({0, 2})
        said = self.run("plan", "-input=false", "-detailed-exitcode", *self._files, allowed=allowed)
        return "No changes." not in said

    def containers(self, address: str) -> dict[str, Container]:
        """The containers of a task definition that was made, by name."""
        listed = json.loads(str(self.attributes(address)["container_definitions"]))
        return {each["name"]: Container.model_validate(each) for each in listed}

    def statements(self) -> Iterator[tuple[str, Statement]]:
        """Every statement of every policy that a role was given, with the policy's address."""
        for each in self.made:
            if each.type == "aws_iam_role_policy":
                for statement in json.loads(str(each.values["policy"]))["Statement"]:
                    yield each.address, Statement.model_validate(statement)

    def attributes(self, address: str) -> dict[str, JsonValue]:
        """A resource that was made."""
        return next(each.values for each in self.made if each.address == address)
