"""`airegistry scans`: what the registry's scans found, waiving findings, and scanning again."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, ask, fetch, given, items
from airegistry.cli.errors import Usage
from airegistry.cli.output import note, show_fields, show_json, show_table
from airegistry.cli.progress import follow, watched
from airegistry.cli.values import Json

scans = App("scans", help="Look at security scans, scan again, and waive findings.")

Kind = Annotated[Literal["server", "agent", "skill", "virtual_server", "entity"], Parameter(help="Its kind.")]
AssetPath = Annotated[str, Parameter(help="Path of the asset.")]
Version = Annotated[str | None, Parameter(help="A version by its number, else the default one.")]
Fingerprint = Annotated[str, Parameter(help="Fingerprint of the finding, as reports show it.")]

_FINDING = ("tier", "severity", "rule", "field", "fingerprint", "message")
_LISTED = ("asset", "tier", "severity", "rule", "field", "fingerprint", "message")
_WAIVER = ("asset", "rule", "fingerprint", "until", "by", "reason")
_STATUS = ("ruleset", "why", "started", "ended", "total", "done", "held", "failures", "failed")


@scans.command
def run(path: AssetPath, /, *, kind: Kind = "server", version: Version = None, target: Target = HERE) -> None:
    """Scan an asset now, and hold it or let it go by the verdict."""
    if report := fetch(target, "scan_asset", given(kind=kind, path=path, version=version)):
        _show(report)


@scans.command
def report(
    path: AssetPath, /, *, kind: Kind = "server", version: Version = None,
    sarif: Annotated[bool, Parameter(help="Print the report as SARIF 2.1.0.", show_default=False)] = False,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Show what the last scan of an asset found."""
    if sarif and target.json:
        raise Usage("`--json` and `--sarif` are two forms of the same answer")
    wanted = {**given(kind=kind, path=path, version=version), **({"sarif": True} if sarif else {})}
    if found := fetch(target, "get_scan_report", wanted):
        if sarif:
            show_json(found.get("sarif"))
        else:
            _show(found)


@scans.command(name="list")
def list_findings(
    *,
    kind: Annotated[
        Literal["server", "agent", "skill", "virtual_server", "entity"] | None,
        Parameter(help="Of assets of this kind only."),
    ] = None,
    path: Annotated[str | None, Parameter(help="Of the asset at this path only.")] = None,
    severity: Annotated[
        Literal["info", "low", "medium", "high", "critical"] | None, Parameter(help="At least this severe.")
    ] = None,
    rule: Annotated[str | None, Parameter(help="Of this rule or family of rules.")] = None,
    verdict: Annotated[
        Literal["pass", "review", "block"] | None,
        Parameter(help="Of assets with this verdict: `review` waits for you."),
    ] = None,
    limit: Annotated[int | None, Parameter(help="At most this many.")] = None,
    cursor: Annotated[str | None, Parameter(help="The next page, as the page before names it.")] = None,
    target: Target = HERE,
) -> None:
    """List what the last scans found in all assets."""
    wanted = given(kind=kind, path=path, severity=severity, rule=rule, verdict=verdict, limit=limit, cursor=cursor)
    if (page := fetch(target, "list_findings", wanted)) is None:
        return
    if found := items(page["findings"]):
        show_table(_LISTED, [[_cell(one, column) for column in _LISTED] for one in found])
    else:
        note("no findings")
    if page.get("next_cursor"):
        note(f"more with `--cursor {page['next_cursor']}`")


@scans.command
def waive(
    path: AssetPath,
    fingerprint: Fingerprint,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why it is harmless.")],
    days: Annotated[int | None, Parameter(help="Days until it counts again, else 90.")] = None,
    kind: Kind = "server",
    version: Version = None,
    target: Target = HERE,
) -> None:
    """Let a finding count for nothing for a while; the asset is judged anew at once."""
    wanted = given(kind=kind, path=path, fingerprint=fingerprint, reason=reason, days=days, version=version)
    if (made := fetch(target, "waive_finding", wanted)) is not None:
        note(f"waived `{made['rule']}` of {made['asset']} until {made['until']}; it is {_standing(made)}")


@scans.command
def unwaive(path: AssetPath, fingerprint: Fingerprint, /, *, kind: Kind = "server", target: Target = HERE) -> None:
    """Let a waived finding count again."""
    if (made := fetch(target, "unwaive_finding", {"kind": kind, "path": path, "fingerprint": fingerprint})) is not None:
        note(f"`{made['rule']}` of {made['asset']} counts again; it is {_standing(made)}")


@scans.command
def waivers(*, target: Target = HERE) -> None:
    """List the waivers in force."""
    if (answer := fetch(target, "list_waivers", {})) is not None:
        show_table(_WAIVER, [[one.get(column) for column in _WAIVER] for one in items(answer["waivers"])])


@scans.command(name="all")
def scan_all(
    *,
    wait: Annotated[
        bool | None,
        Parameter(negative="--no-wait", help="Show how far it is until it has ended; so by itself on a terminal."),
    ] = None,
    target: Target = HERE,
) -> None:
    """Begin to scan the whole catalog again, in the background."""
    if (found := fetch(target, "rescan_all", {})) is None:
        return
    if not (watched() if wait is None else wait):
        note(f"scanning everything under rules {found['ruleset']}; follow it with `airegistry scans status`")
        return
    ended = follow(lambda: _pass(target))
    show_fields({name: ended.get(name) or None for name in _STATUS})


def _pass(target: Target) -> Json:
    """The last pass over the catalog, as `follow` takes it."""
    found = ask(target, "scan_status", {}).structured
    found = found if isinstance(found, dict) else {}
    return {**found, "what": "scanning", "running": bool(found.get("started")) and not found.get("ended")}


@scans.command
def status(*, target: Target = HERE) -> None:
    """Show how far the last scan of the whole catalog is."""
    if (found := fetch(target, "scan_status", {})) is not None:
        show_fields({name: found.get(name) or None for name in _STATUS})


def _show(found: Json) -> None:
    shown = ("asset", "version", "verdict", "scanned_at", "ruleset", "error", "failed_at")
    show_fields({name: found.get(name) for name in shown})
    if findings := items(found.get("findings")):
        print()
        show_table(_FINDING, [[_cell(one, column) for column in _FINDING] for one in findings])


def _cell(finding: Json, column: str) -> object:
    return "waived" if column == "tier" and "waiver" in finding else finding.get(column)


def _standing(made: Json) -> str:
    return "enabled" if made.get("enabled") else "disabled"
