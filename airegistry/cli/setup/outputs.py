"""What `terraform output -json` says of a deployment, as the examples in terraform/ name it."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from airegistry.cli.client import check_url
from airegistry.cli.errors import Usage
from airegistry.cli.values import Json, parse_object, read_input, split_url

NEEDED = ("url", "region", "cluster_name", "service_name", "log_groups", "secret_arns", "alarm_topic_arn")
"""Outputs of every example."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The values by name. `missing` are those every example has and this deployment has not."""

    values: Json
    missing: tuple[str, ...]

    def text(self, name: str) -> str | None:
        """A value that is text; None when there is none."""
        value = self.values.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def url(self) -> str:
        """Where clients reach the registry.

        Raises:
            Usage: nothing says so, or it is no URL.
        """
        if (url := self.text("url")) is None:
            raise Usage("the outputs have no `url`", "run `terraform output -json` where `terraform apply` was run")
        return check_url(url)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names that clients come by, that of the URL first."""
        named = self.values.get("hosts")
        others = named.values() if isinstance(named, dict) else named if isinstance(named, list) else ()
        known = [str(split_url(self.url).hostname), *(host for host in others if isinstance(host, str))]
        return tuple(dict.fromkeys(known))


def read_outputs(file: Path) -> Outputs:
    """The outputs in a file, or on stdin for `-`.

    Raises:
        Usage: it cannot be read, or is not what `terraform output -json` prints.
    """
    named = parse_object(read_input(file), "OUTPUTS")
    values: Json = {}
    for name, output in named.items():
        if not isinstance(output, dict) or "value" not in output:
            raise Usage(f"`{name}` is no output of Terraform", "it takes what `terraform output -json` prints")
        values[name] = output["value"]
    return Outputs(values, tuple(name for name in NEEDED if _empty(values.get(name))))


def _empty(value: JsonValue) -> bool:
    return value is None or value in ("", [], {})
