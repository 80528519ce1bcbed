"""One run of `airegistry setup keycloak`: Keycloak first, then the secrets, then the registry."""

from dataclasses import dataclass
from pathlib import Path

import anyio

from airegistry.cli.client import Target, items, place_of, token_for
from airegistry.cli.errors import Usage
from airegistry.cli.logins import guard_of
from airegistry.cli.output import note, show_json, show_table
from airegistry.cli.session import Session
from airegistry.cli.setup.keycloak import Realm, Step
from airegistry.cli.setup.keycloak_admin import KeycloakAdmin, Login
from airegistry.cli.setup.keycloak_wanted import Wanted, differing
from airegistry.cli.values import Json, split_url
from airegistry.egress.json_http import JsonHttp
from airegistry.stores.files import fresh_path, make_folder, open_private, replace, write_all


@dataclass(frozen=True, slots=True)
class Choices:
    """What was asked for: `base` is Keycloak's URL, `administrators` a group of Keycloak, `secrets` a folder."""

    base: str
    login: Login
    wanted: Wanted
    administrators: str
    connect: bool
    secrets: Path | None
    dry_run: bool


def run(choices: Choices, target: Target) -> None:
    """Do it and print what was done.

    Raises:
        Usage, NoAnswer, Refused: see `airegistry setup keycloak`.
    """
    split_url(choices.base)
    if (client := choices.wanted.client) in choices.wanted.machines:
        raise Usage(f"`{client}` cannot be a machine's client too", "choose another name with `--machine`")
    steps = anyio.run(_run, choices, target)
    changed = sum(step.did != "unchanged" for step in steps)
    if target.json:
        rows = [step.json() for step in steps]
        show_json({"changes": changed, "dry_run": choices.dry_run,
                   "steps": [*rows]})  # fmt: skip
    else:
        columns = ("kind", "name", "did", "fields", "kept")
        show_table(columns, [[s.kind, s.name, s.did, [*s.fields], [*s.kept]] for s in steps])
    would = "would change" if choices.dry_run else "changed"
    note(f"{changed} of {len(steps)} {would}")
    if not choices.connect:
        note("the registry is not told: `--connect` makes it an identity provider there")


async def _run(choices: Choices, target: Target) -> list[Step]:
    async with JsonHttp(guard_of(choices.base)) as http:
        admin = KeycloakAdmin(choices.base, choices.login, http)
        realm = Realm(admin, choices.wanted, dry_run=choices.dry_run)
        steps = await realm.bring()
        if choices.secrets is not None and not choices.dry_run:
            for name in choices.wanted.clients():
                steps.append(_keep(choices.secrets, name, await realm.secret(name)))
        if choices.connect:
            steps.append(await _connect(choices, target, realm))
    return steps


def _keep(folder: Path, client: str, secret: str) -> Step:
    """The secret of a client in a file that only its owner may read."""
    path = folder / f"{client}.secret"
    there = path.read_text(encoding="utf-8").strip() if path.exists() else None
    if there == secret:
        return Step("secret", str(path), "unchanged")
    make_folder(folder)
    fresh = fresh_path(path)
    fresh.unlink(missing_ok=True)
    with open_private(fresh, create=True) as file:
        write_all(file, [secret.encode(), b"\n"])
    replace(fresh, path)
    return Step("secret", str(path), "created" if there is None else "updated")


async def _connect(choices: Choices, target: Target, realm: Realm) -> Step:
    """Persons of the realm may log in at the registry.

    Keycloak shows the secret and the registry does not: it is given whenever anything else is.
    """
    wanted = choices.wanted
    base, file = place_of(None, target.profile) if target.profile else (wanted.url, None)
    if base != wanted.url:
        raise Usage(f"the profile is for {base}, not for {wanted.url}", "name the registry's own profile, or none")
    session = Session(wanted.url, await token_for(target.token_file or file, wanted.url))
    fields: Json = {
        "name": wanted.provider, "profile": "keycloak", "client_id": wanted.client,
        "issuer": f"{choices.base}/realms/{wanted.realm}", "group_map": {choices.administrators: "administrators"},
    }  # fmt: skip
    told = (await session.call("list_identity_providers", {})).structured
    known = items(told.get("providers")) if isinstance(told, dict) else []
    there = next((each for each in known if each.get("name") == wanted.provider), None)
    if there is not None and not (different := differing(fields, there)):
        return Step("provider", wanted.provider, "unchanged")
    if not choices.dry_run:
        secret = await realm.secret(wanted.client)
        await session.call("put_identity_provider", {**fields, "client_secret": secret})
    if there is None:
        return Step("provider", wanted.provider, "created")
    return Step("provider", wanted.provider, "updated", tuple(different))
