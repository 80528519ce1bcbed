"""`airegistry scan`: what the built-in scanners say of a file, a folder or a URL; without a registry."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import anyio
from cyclopts import Parameter

from airegistry import __version__
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_json, show_table
from airegistry.core.errors import Invalid

if TYPE_CHECKING:
    from airegistry.evaluation.scanning import Judged

COLUMNS = ("verdict", "asset", "severity", "rule", "field", "message")
_FAILING = {"block": {"block"}, "review": {"block", "review"}, "never": set[str]()}


def scan(
    source: Annotated[
        str,
        Parameter(
            help="A file (tools as `tools/list` gives them, server.json, agent card, client settings, SKILL.md), a "
            "folder of skills, or the URL of such a document or of an MCP server."
        ),
    ],
    /,
    *,
    fail_on: Annotated[
        Literal["block", "review", "never"], Parameter(help="Which verdict ends the command with status 1.")
    ] = "block",
    json: Annotated[bool, Parameter(help="Print reports as JSON.", show_default=False)] = False,
    sarif: Annotated[bool, Parameter(help="Print them as SARIF 2.1.0.", show_default=False)] = False,
) -> None:
    """Scan something before it is registered, or in a pipeline; no registry is asked, and nothing of it is run."""
    # The product hangs on these imports, which `--help` must not wait for.
    from airegistry.core.sarif import Scanned
    from airegistry.core.sarif import sarif as as_sarif

    if json and sarif:
        raise Usage("`--json` and `--sarif` are two forms of the same answer")
    try:
        found = anyio.run(_judged, source)
    except Invalid as error:
        raise Usage(error.message) from None
    if sarif:
        scanned = [Scanned(each.source.asset, each.report.findings, uri=each.source.uri) for each in found]
        show_json(as_sarif(scanned, version=__version__, ruleset=found[0].report.ruleset if found else ""))
    elif json:
        show_json([{"source": each.source.uri, **each.report.model_dump(mode="json")} for each in found])
    else:
        _show(found)
    if failing := [each for each in found if each.report.verdict in _FAILING[fail_on]]:
        verdicts = sorted({each.report.verdict for each in failing})
        raise Refused("scan_failed", f"{len(failing)} of {len(found)} assets: {' and '.join(verdicts)}")


async def _judged(source: str) -> Sequence["Judged"]:
    from airegistry.egress.backends import McpBackends
    from airegistry.egress.guard import Guard
    from airegistry.evaluation.scanning import judged_sources
    from airegistry.evaluation.sources import read_path, read_url
    from airegistry.settings import load

    if "://" not in source:
        return await judged_sources(await anyio.to_thread.run_sync(read_path, Path(source)))
    settings = load()
    guard = Guard(settings.egress_allow, loopback=settings.loopback)
    return await judged_sources(await read_url(source, McpBackends(guard, deadline=settings.fetch_timeout)))


def _show(found: Sequence["Judged"]) -> None:
    """Print all findings, and what was not looked at."""
    rows = [
        (finding.tier, each.report.asset, finding.severity, finding.rule, finding.field, finding.message)
        for each in found
        for finding in each.report.findings
    ]
    if rows:
        show_table(COLUMNS, rows)
    for each in found:
        note(f"{each.report.asset}: {each.report.verdict}")
        if each.source.unread:
            note(f"{each.report.asset}: not read as text: {', '.join(each.source.unread[:10])}")
