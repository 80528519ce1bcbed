"""`airegistry agentcore`: tokens of the gateways and runtimes of Amazon Bedrock AgentCore that want JWTs."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, ask, items
from airegistry.cli.errors import NoAnswer, Refused
from airegistry.cli.output import note, show_json
from airegistry.cli.values import read_input

agentcore = App("agentcore", help="Keep tokens of AgentCore gateways and runtimes fresh.")

INTERVAL = 2700.0
_PAGE = 200
_LISTS = (("server", "list_services", "services"), ("agent", "list_agents", "agents"))


@agentcore.command(name="refresh-tokens")
def refresh_tokens(
    *,
    manifest: Annotated[
        Path, Parameter(help="JSON file that names servers, token endpoints and clients; `-` is stdin.")
    ],
    once: Annotated[bool, Parameter(help="Refresh each once and end, with status 1 if one failed.")] = False,
    interval: Annotated[
        float, Parameter(help="Seconds between two tokens of a server, unless they end sooner.")
    ] = INTERVAL,
    target: Target = HERE,
) -> None:
    """Get a token for each server of a manifest and set it as the server's credential, before the last one ends."""
    # Nothing of this may cost `--help` anything.
    from airegistry.cli.token_manifest import read_manifest
    from airegistry.cli.token_refresh import FIRST_PAUSE, Refresher
    from airegistry.egress.guard import Guard
    from airegistry.settings import load

    entries = read_manifest(read_input(manifest))
    guard = Guard(load().egress_allow, loopback=True)
    refresher = Refresher(guard, entries, lambda tool, given: ask(target, tool, given), note, interval)
    while True:
        try:
            done = refresher.refresh(time.monotonic())
        except NoAnswer as error:
            if once or error.code != "unreachable":
                raise
            note(error.message)
            time.sleep(FIRST_PAUSE)
            continue
        if once:
            if not done:
                raise Refused("upstream_failed", "not every token was refreshed")
            return
        time.sleep(refresher.wait(time.monotonic()))


@agentcore.command(name="manifest")
def print_manifest(*, target: Target = HERE) -> None:
    """Print a manifest of the registered AgentCore servers and agents that want JWTs, as far as AWS tells of it."""
    from airegistry.cli.token_manifest import entry_of

    entries: list[JsonValue] = []
    for kind, tool, member in _LISTS:
        cursor: JsonValue = None
        while True:
            answer = ask(
                target, tool, {"limit": _PAGE, "tags": ["AGENTCORE"], **({"cursor": cursor} if cursor else {})}
            )
            page = answer.structured if isinstance(answer.structured, dict) else {}
            entries += [entry for one in items(page.get(member)) if (entry := entry_of(one, kind)) is not None]
            cursor = page.get("next_cursor")
            if not cursor:
                break
    show_json(entries)
