"""`airegistry webhook`: who outside is told of what happens to assets."""

from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.errors import Refused
from airegistry.cli.output import note, show_fields, show_table

webhook = App("webhook", help="Create, list, change, test and remove webhooks, and send events once more.")

_SHOWN = ("name", "url", "events", "kinds", "paths", "active", "waiting", "paused")
_DELIVERED = ("id", "event", "asset", "state", "attempts", "due", "answer")
Named = Annotated[str, Parameter(help="Name of the webhook.")]
EventGlobs = Annotated[
    list[str] | None, Parameter(name="--event", help="Events to send, a glob as in `*:drift`; may be repeated.")
]
Kinds = Annotated[list[str] | None, Parameter(name="--kind", help="Kinds of assets; may be repeated.")]
Paths = Annotated[list[str] | None, Parameter(name="--path", help="Paths of assets, a glob; may be repeated.")]
Since = Annotated[str | None, Parameter(help="From this moment on, in ISO 8601.")]
Until = Annotated[str | None, Parameter(help="Up to this moment.")]


@webhook.command(name="create")
def create_webhook(
    name: Named, url: Annotated[str, Parameter(help="Where events are sent by POST.")], /, *,
    event: EventGlobs = None, kind: Kinds = None, path: Paths = None,
    description: Annotated[str | None, Parameter(help="What it is for.")] = None,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Have events sent to a URL; the secret that they are signed with is shown once."""
    wanted = given(name=name, url=url, events=event, kinds=kind, paths=path, description=description)
    if (made := fetch(target, "create_webhook", wanted)) is not None:
        show_fields({"name": made.get("name"), "url": made.get("url"), "secret": made.get("secret")})
        note(f"the secret is not shown again; try it with `airegistry webhook test {name}`")


@webhook.command(name="list")
def list_webhooks(*, target: Target = HERE) -> None:
    """List webhooks, how many events wait for each, and why one is paused; never their secrets."""
    if (answer := fetch(target, "list_webhooks", {})) is not None:
        show_table(_SHOWN, [[one.get(column) for column in _SHOWN] for one in items(answer["webhooks"])])


@webhook.command(name="update")
def update_webhook(
    name: Named, /, *,
    url: Annotated[str | None, Parameter(help="Where events are sent.")] = None,
    event: EventGlobs = None, kind: Kinds = None, path: Paths = None,
    description: Annotated[str | None, Parameter(help="What it is for.")] = None,
    active: Annotated[
        bool | None, Parameter(name="--active", negative="--paused", help="Go on with what waits, or pause.")
    ] = None,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Change what is given of a webhook, pause it, or go on with one that was paused."""
    wanted = given(name=name, url=url, events=event, kinds=kind, paths=path, description=description, active=active)
    if fetch(target, "update_webhook", wanted) is not None:
        note(f"changed webhook `{name}`")


@webhook.command(name="remove")
def remove_webhook(name: Named, /, *, yes: Yes = False, target: Target = HERE) -> None:
    """Remove a webhook, with its log and all that waits for it."""
    make_sure(f"Remove webhook `{name}`? Its subscriber is told of nothing any more.", yes)
    if fetch(target, "delete_webhook", {"name": name}) is not None:
        note(f"removed webhook `{name}`")


@webhook.command(name="rotate")
def rotate_secret(
    name: Named, /, *,
    overlap_hours: Annotated[float | None, Parameter(help="Hours for which the old secret signs as well.")] = None,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Give a webhook a new secret, shown once."""
    wanted = given(name=name, overlap_hours=overlap_hours)
    if (made := fetch(target, "rotate_webhook_secret", wanted)) is not None:
        show_fields({"name": made.get("name"), "secret": made.get("secret")})


@webhook.command(name="test")
def try_webhook(name: Named, /, *, target: Target = HERE) -> None:
    """Send one `webhook:test` now, and say what was answered."""
    answer = fetch(target, "test_webhook", {"name": name})
    if answer is None:
        return
    if not answer.get("ok"):
        raise Refused("upstream_failed", str(answer.get("error") or f"HTTP {answer.get('status')}"))
    note(f"`{name}` answered HTTP {answer.get('status')}")


@webhook.command(name="deliveries")
def list_deliveries(
    name: Named, /, *,
    state: Annotated[str | None, Parameter(help="waiting, delivered or dead.")] = None,
    since: Since = None, until: Until = None,
    limit: Annotated[int | None, Parameter(help="At most this many, the newest.")] = None,
    target: Target = HERE,
) -> None:  # fmt: skip
    """List what waits for a webhook, arrived there or is dead, newest first."""
    wanted = given(name=name, state=state, since=since, until=until, limit=limit)
    if (answer := fetch(target, "list_webhook_deliveries", wanted)) is not None:
        rows = [{**one, "answer": _answer(one.get("last"))} for one in items(answer["deliveries"])]
        show_table(_DELIVERED, [[one.get(column) for column in _DELIVERED] for one in rows])


@webhook.command(name="replay")
def replay_events(
    name: Named, /, *,
    event: Annotated[str | None, Parameter(help="One event by its id.")] = None,
    state: Annotated[str | None, Parameter(help="dead, delivered or all; else dead.")] = None,
    since: Since = None, until: Until = None,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Send one event once more, or all dead ones, or all of a span of time."""
    wanted = given(name=name, event=event, state=state, since=since, until=until)
    if (answer := fetch(target, "replay_webhook", wanted)) is not None:
        note(f"{answer.get('replayed')} events are sent once more to `{name}`")


def _answer(last: object) -> str:
    if not isinstance(last, dict):
        return ""
    return str(last.get("error") or f"HTTP {last.get('status')}")
