"""`airegistry setup`: what is left to do after a deployment, done or looked at, and a report that says ready or not."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, place_of, token_for
from airegistry.cli.errors import Usage
from airegistry.cli.values import parse_pairs, read_input

if TYPE_CHECKING:
    from airegistry.cli.doctor.findings import Row
    from airegistry.cli.setup.outputs import Outputs
    from airegistry.cli.setup.smoke_checks import Demo

setup = App("setup", help="Finish a deployment and see whether it is ready.")

Json = Annotated[bool, Parameter(help="Print the report as JSON.", show_default=False)]
DryRun = Annotated[bool, Parameter(help="Change nothing and register nothing.", show_default=False)]
OutputsFile = Annotated[
    Path | None, Parameter(help="What `terraform output -json` printed; `-` reads stdin.", allow_leading_hyphen=True)
]


@setup.command(name="aws")
def setup_aws(
    outputs: Annotated[
        Path, Parameter(help="What `terraform output -json` printed; `-` reads stdin.", allow_leading_hyphen=True)
    ],
    /,
    *,
    json: Json = False,
    dry_run: Annotated[bool, Parameter(help="Read the outputs and ask nobody.", show_default=False)] = False,
) -> None:
    """See whether a deployment by Terraform is reached: names, certificates, answers. Nothing is changed.

    Ends with 1 when something is not ready.

    Raises:
        Usage: the outputs cannot be read.
        Refused: something is not ready.
    """
    from airegistry.cli.setup.outputs import read_outputs
    from airegistry.cli.setup.report import report

    rows = anyio.run(_aws, read_outputs(outputs), dry_run)
    report(rows, "the deployment", json=json, dry_run=dry_run)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class There:
    """Where Keycloak is, and as whom."""

    admin_secret_file: Annotated[
        Path, Parameter(help="File that holds its password or secret; `-` reads stdin.", allow_leading_hyphen=True)
    ]
    keycloak_url: Annotated[str | None, Parameter(help="Where Keycloak is, else what the outputs say.")] = None
    outputs: OutputsFile = None
    admin: Annotated[str, Parameter(help="An administrator of the realm `master`.")] = "setup"
    admin_client: Annotated[
        bool, Parameter(help="`--admin` is a client with a service account, not a person.", show_default=False)
    ] = False


@setup.command(name="keycloak")
def setup_keycloak(
    *,
    there: There,
    realm: Annotated[str, Parameter(help="The realm.")] = "airegistry",
    client: Annotated[str, Parameter(help="The client by which persons log in.")] = "airegistry",
    machine: Annotated[
        list[str] | None, Parameter(help="A client with a service account, for a machine; may be repeated.")
    ] = None,
    group: Annotated[list[str] | None, Parameter(help="A group; may be repeated.")] = None,
    administrators: Annotated[
        str, Parameter(help="The group whose members administer the registry.")
    ] = "airegistry-administrators",
    connect: Annotated[
        bool, Parameter(help="Make it an identity provider of the registry, as an administrator.", show_default=False)
    ] = False,
    provider: Annotated[str, Parameter(help="Its name at the registry.")] = "keycloak",
    secrets: Annotated[Path | None, Parameter(help="Folder that gets a file with the secret of each client.")] = None,
    dry_run: DryRun = False,
    target: Target = HERE,
) -> None:
    """Make or correct the realm, clients, groups and mappers that the registry wants in Keycloak.

    A second run changes nothing. Secrets are never printed.

    Raises:
        Usage: options do not go together.
        NoAnswer: Keycloak does not answer.
        Refused: Keycloak or the registry says no.
    """
    from airegistry.cli.setup.keycloak_admin import Login
    from airegistry.cli.setup.keycloak_run import Choices, run
    from airegistry.cli.setup.keycloak_wanted import Wanted

    read = _outputs(there.outputs)
    base = there.keycloak_url or (read.text("keycloak_url") if read else None)
    if base is None:
        raise Usage("nothing says where Keycloak is", "name it with `--keycloak-url`, or `--outputs`")
    groups = tuple(dict.fromkeys([administrators, *(group or ())]))
    wanted = Wanted(_url(read, target), realm, client, provider, tuple(machine or ()), groups)
    login = Login(there.admin, read_input(there.admin_secret_file).strip(), there.admin_client)
    run(Choices(base.rstrip("/"), login, wanted, administrators, connect, secrets, dry_run), target)


@setup.command(name="verify")
def setup_verify(
    *,
    outputs: OutputsFile = None,
    demo: Annotated[
        str | None, Parameter(help="URL of an MCP server that is registered, found, called and removed.")
    ] = None,
    demo_tool: Annotated[str | None, Parameter(help="Its tool to call, else one that takes no arguments.")] = None,
    demo_arg: Annotated[list[str] | None, Parameter(help="An argument, as in `city=Bern`; may be repeated.")] = None,
    dry_run: Annotated[bool, Parameter(help="Name the checks and make none.", show_default=False)] = False,
    target: Target = HERE,
) -> None:
    """See whether a registry does what it is for, through its public address; with the rights of your token.

    Ends with 1 when something is not ready. Nothing is changed but for `--demo`, which cleans up after itself.

    Raises:
        Refused: something is not ready.
    """
    from airegistry.cli.setup.report import report
    from airegistry.cli.setup.smoke_checks import Demo

    arguments = parse_pairs(demo_arg or (), "--demo-arg")
    tried = None if demo is None else Demo(demo, demo_tool, arguments)
    rows = anyio.run(_verify, target, _url(_outputs(outputs), target), tried, dry_run)
    report(rows, "the registry", json=target.json, dry_run=dry_run)


def _outputs(file: Path | None) -> "Outputs | None":
    from airegistry.cli.setup.outputs import read_outputs

    return None if file is None else read_outputs(file)


def _url(outputs: "Outputs | None", target: Target) -> str:
    """The registry's URL: as it was named, else that of the outputs."""
    if outputs is not None and target.url is None and target.profile is None:
        return outputs.url
    return place_of(target.url, target.profile)[0]


async def _aws(outputs: "Outputs", dry_run: bool) -> "list[Row]":
    # Everything below takes a second to import, which `--help` must not wait for.
    from airegistry.cli.doctor.findings import examine
    from airegistry.cli.setup.aws_checks import CHECKS, Deployment
    from airegistry.cli.setup.report import planned
    from airegistry.egress.guard import Guard
    from airegistry.egress.json_http import JsonHttp

    # Names that a deployment has may lead to private addresses: that of a company's own network does.
    guard = Guard(allow=outputs.hosts, loopback=True)
    async with JsonHttp(guard) as http:
        looked_at = Deployment(outputs, guard, http)
        if dry_run:
            return [*await examine(CHECKS[:1], looked_at), *planned(CHECKS[1:])]
        return await examine(CHECKS, looked_at)


async def _verify(target: Target, url: str, demo: "Demo | None", dry_run: bool) -> "list[Row]":
    from airegistry.cli.doctor.findings import examine
    from airegistry.cli.doctor.running_checks import CHECKS as OF_RUNNING
    from airegistry.cli.doctor.running_checks import Running
    from airegistry.cli.logins import guard_of
    from airegistry.cli.session import Session
    from airegistry.cli.setup.report import planned
    from airegistry.cli.setup.smoke_checks import CHECKS, Deployed
    from airegistry.core.errors import AirError
    from airegistry.egress.json_http import JsonHttp
    from airegistry.settings import load

    if dry_run:
        return [*planned(OF_RUNNING), *planned(CHECKS)]
    try:
        settings = load()
    except AirError:
        settings = None  # those of a server are of no use here: they say where its database is, at most
    base, file = place_of(target.url, target.profile)
    token = await token_for(target.token_file or (file if base == url else None), url)  # a profile's is for its own
    async with JsonHttp(guard_of(url)) as http:
        running = Running(url, http, Session(url, token))
        return [*await examine(OF_RUNNING, running), *await examine(CHECKS, Deployed(running, settings, demo))]
