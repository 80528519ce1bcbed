"""`airegistry sync`: sources whose assets are brought in: other registries, clouds, hosts."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, ask, fetch, given, items
from airegistry.cli.consent import OnlyLook, Yes, make_sure
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_fields, show_json, show_table
from airegistry.cli.progress import progress, watched
from airegistry.cli.values import Json, parse_object, parse_pairs, path_from_url, read_input

sync = App("sync", help="Add, list, change and remove sources of assets, and ask them now.")

PAUSE = 1.0
"""Seconds between two looks at a pass that goes on."""
_SHOWN = ("name", "kind", "url", "enabled", "circuit", "due", "lag", "last")
_COUNTS = ("added", "changed", "retired", "deleted", "unchanged", "held", "filtered", "repeated", "refused")
_REFUSED = ("code", "id", "reason")
_PLANNED = ("change", "kind", "path", "version", "id")
_FIELDS = (
    "name", "kind", "url", "description", "enabled", "interval", "options", "has_secrets", "visibility", "groups",
    "prefix", "tags", "names", "namespace", "on_duplicate", "circuit", "failures", "due", "lag", "generation",
)  # fmt: skip
Named = Annotated[str, Parameter(help="Name of the source.")]
Filters = Annotated[
    list[str] | None,
    Parameter(name=["--filter", "--allow"], help="Glob of names, ids or paths that come in; may be repeated."),
]
Tags = Annotated[list[str] | None, Parameter(name="--tag", help="Only what has such a tag; may be repeated.")]
Namespaces = Annotated[
    list[str] | None, Parameter(name="--namespace", help="What names may begin with, else refused; may be repeated.")
]
Options = Annotated[
    list[str] | None, Parameter(name="--option", help="A setting of the kind as `name=value`; may be repeated.")
]
SecretFile = Annotated[
    Path | None,
    Parameter(help="File that holds its credentials as a JSON object; `-` reads stdin.", allow_leading_hyphen=True),
]
SecretEnv = Annotated[
    list[str] | None,
    Parameter(name="--secret-env", help="A credential and the variable it is in, as `token=TOKEN`; may be repeated."),
]
Groups = Annotated[list[str] | None, Parameter(name="--group", help="Group that sees it; may be repeated.")]
Prefix = Annotated[str | None, Parameter(help="Put before each path.")]
Visibility = Annotated[str | None, Parameter(help="public, group or private.")]
Interval = Annotated[float | None, Parameter(help="Seconds between two passes, 60 at least; else 3600.")]
Duplicates = Annotated[str | None, Parameter(help="`reject` refuses what looks like an asset that is here.")]
Description = Annotated[str | None, Parameter(help="What it is for.")]
DryRun = Annotated[bool, Parameter(help="Only say what would be done.", show_default=False)]


@sync.command(name="add")
def add_source(
    kind: Annotated[str, Parameter(help="mcp-registry, peer, asor, agentcore, agentcore-registry or skills.")],
    url: Annotated[str, Parameter(help="Where it is.")] = "",
    /, *,
    name: Annotated[str | None, Parameter(help="Its name here, else one made of its URL.")] = None,
    filter_: Filters = None, tag: Tags = None, namespace: Namespaces = None, option: Options = None,
    secret_file: SecretFile = None, secret_env: SecretEnv = None, prefix: Prefix = None,
    visibility: Visibility = None, group: Groups = None,
    interval: Interval = None, on_duplicate: Duplicates = None, description: Description = None,
    dry_run: DryRun = False,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Add a source and bring in what it has; with `--dry-run` it is added switched off, and nothing comes in."""
    named = name or (path_from_url(url) if url else kind)
    wanted = given(
        name=named, kind=kind, url=url or None, names=filter_, tags=tag, namespace=namespace,
        options=_options(option), secrets=_secrets(secret_file, secret_env), prefix=prefix,
        visibility=visibility, groups=group, interval=interval, on_duplicate=on_duplicate, description=description,
        enabled=False if dry_run else None,
    )  # fmt: skip
    ask(target, "add_source", wanted)
    if dry_run:
        note(f"added source `{named}`, switched off; `airegistry sync update {named} --enabled` begins")
        _show_run(target, _synced(target, {"name": named, "dry_run": True}))
        return
    note(f"added source `{named}`")
    _show_run(target, _followed(target, named, _details(target, named)))


@sync.command(name="list")
def list_sources(*, target: Target = HERE) -> None:
    """List sources, how each stands and what its last pass did; never their secrets."""
    if (answer := fetch(target, "list_sources", {})) is not None:
        rows = [{**one, "last": _said(one.get("last"))} for one in items(answer["sources"])]
        show_table(_SHOWN, [[one.get(column) for column in _SHOWN] for one in rows])


@sync.command(name="show")
def show_source(name: Named, /, *, target: Target = HERE) -> None:
    """Show a source, its last passes, and what the last one refused."""
    if (answer := fetch(target, "get_source", {"name": name})) is None:
        return
    show_fields({field: answer.get(field) for field in _FIELDS})
    runs = items(answer["runs"])
    show_table(("started", "outcome", "did"), [[run.get("started"), run.get("outcome"), _said(run)] for run in runs])
    for run in runs[:1]:
        _show_refusals(run)


@sync.command(name="update")
def update_source(
    name: Named, /, *,
    url: Annotated[str | None, Parameter(help="Where it is.")] = None,
    filter_: Filters = None, tag: Tags = None, namespace: Namespaces = None, option: Options = None,
    secret_file: SecretFile = None, secret_env: SecretEnv = None, prefix: Prefix = None,
    visibility: Visibility = None, group: Groups = None,
    interval: Interval = None, on_duplicate: Duplicates = None, description: Description = None,
    enabled: Annotated[
        bool | None, Parameter(name="--enabled", negative="--disabled", help="Ask it, or let it be.")
    ] = None,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Change what is given of a source, switch it off or on."""
    wanted = given(
        name=name, url=url, names=filter_, tags=tag, namespace=namespace, options=_options(option),
        secrets=_secrets(secret_file, secret_env), prefix=prefix, visibility=visibility, groups=group,
        interval=interval, on_duplicate=on_duplicate, description=description, enabled=enabled,
    )  # fmt: skip
    if fetch(target, "update_source", wanted) is not None:
        note(f"changed source `{name}`")


@sync.command(name="remove")
def remove_source(name: Named, /, *, yes: Yes = False, dry_run: OnlyLook = False, target: Target = HERE) -> None:
    """Remove a source and all that came from it."""
    make_sure(f"Remove source `{name}`? All assets that came from it are deleted.", yes or dry_run)
    answer = fetch(target, "remove_source", {"name": name, **given(dry_run=dry_run or None)})
    if answer is None:
        return
    if dry_run:
        named = answer.get("assets")
        show_table(("asset",), [[each] for each in (named if isinstance(named, list) else [])])
        note(f"nothing is removed; source `{name}` would be, and {answer.get('total')} assets with it")
    else:
        done = f"removed source `{name}`, and all that came from it"
        note(done if answer.get("ok") else f"source `{name}` is being removed, and all that came from it")


@sync.command(name="now")
def sync_now(
    name: Named, /, *,
    dry_run: DryRun = False,
    cancel: Annotated[bool, Parameter(help="End the pass that is under way.", show_default=False)] = False,
    force: Annotated[
        bool, Parameter(help="Retire what it does not name, even if that is most of it.", show_default=False)
    ] = False,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Ask a source now, and show what came of it."""
    if dry_run + cancel + force > 1:
        raise Usage("`--dry-run`, `--cancel` and `--force` do not go together")
    answer = _synced(target, {"name": name, "dry_run": dry_run, "cancel": cancel, **({"force": True} if force else {})})
    if cancel:
        note(f"the pass over `{name}` ends")
    elif answer.get("running"):
        answer = _followed(target, name, answer)
    _show_run(target, answer)


def _followed(target: Target, name: str, answer: Json) -> Json:
    """Wait for a pass that goes on, and tell how far it is; the answer with the last pass as `run`."""
    told = ""
    with progress(lines=False) as tell:
        while True:
            running = answer.get("running")
            last = answer.get("run", answer.get("last"))
            if not running and last is not None:
                return {"name": name, "running": False, "run": last}
            counts = running if isinstance(running, dict) else last
            if watched():
                tell(f"syncing {name}", _seen(counts))
            elif (said := _said(counts)) != told and said:
                note(f"  {said}")
                told = said
            time.sleep(PAUSE)
            answer = _details(target, name)


def _seen(run: JsonValue) -> int:
    """How many things a pass has dealt with."""
    return sum(count for name in _COUNTS if isinstance(run, dict) and isinstance(count := run.get(name), int))


def _details(target: Target, name: str) -> Json:
    return _structured(target, "get_source", {"name": name})


def _synced(target: Target, wanted: Json) -> Json:
    return _structured(target, "sync_source", wanted)


def _structured(target: Target, tool: str, wanted: Json) -> Json:
    structured = ask(target, tool, wanted).structured
    if not isinstance(structured, dict):
        raise Refused("internal", f"{tool} answered without structured content")
    return structured


def _show_run(target: Target, answer: Json) -> None:
    """Show what a pass did; a pass that failed is a command that failed."""
    run = answer.get("run")
    if target.json:
        show_json(answer)
    elif isinstance(run, dict):
        show_fields({**{count: run.get(count) or None for count in _COUNTS}, "outcome": run.get("outcome")})
        if planned := items(run.get("planned")):
            show_table(_PLANNED, [[one.get(column) for column in _PLANNED] for one in planned])
        _show_refusals(run)
    if isinstance(run, dict) and run.get("outcome") == "failed":
        raise Refused(str(run.get("code") or "upstream_failed"), str(run.get("error")))


def _show_refusals(run: Json) -> None:
    refusals = items(run.get("refusals"))
    if refusals:
        show_table(_REFUSED, [[one.get(column) for column in _REFUSED] for one in refusals])
    if isinstance(count := run.get("refused"), int) and count > len(refusals) > 0:
        note(f"and {count - len(refusals)} more")


def _said(run: JsonValue) -> str:
    """What a pass did, in a line."""
    if not isinstance(run, dict):
        return ""
    counts = ", ".join(f"{run[count]} {count}" for count in _COUNTS if run.get(count))
    return str(run.get("error") or counts or run.get("outcome") or "")


def _options(pairs: Sequence[str] | None) -> Json | None:
    return parse_pairs(pairs, "--option") if pairs else None


def _secrets(file: Path | None, variables: Sequence[str] | None) -> Json | None:
    """Credentials of a file and of the environment: a command line can be read by others."""
    found = {} if file is None else parse_object(read_input(file), "--secret-file")
    for name, variable in parse_pairs(variables or (), "--secret-env").items():
        value = os.environ.get(str(variable))
        if not value:
            raise Usage(f"the environment variable `{variable}` of `--secret-env {name}` is not set")
        found[name] = value
    return found or None
