"""`airegistry doctor`: looks at a registry, says what is wrong and what to do. It changes nothing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
from cyclopts import Parameter

from airegistry.cli.client import HERE, Target, place_of, token_for
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_json, show_table
from airegistry.core.errors import AirError

if TYPE_CHECKING:
    from airegistry.cli.doctor.findings import Row

SETTINGS_FILE = "airegistry.toml"


def doctor(
    *,
    production: Annotated[
        bool, Parameter(help="Also what is wanted where others rely on it.", show_default=False)
    ] = False,
    data: Annotated[Path | None, Parameter(help="Data folder, else what the settings name.")] = None,
    target: Target = HERE,
) -> None:
    """Look at the registry that a start here would be, or at a running one (`--url`, `--profile`); say what to do.

    Ends with 1 when something fails. Nothing is changed.

    Raises:
        Usage: options do not go together.
        Refused: something fails.
    """
    running = target.url is not None or target.profile is not None
    if running and (production or data is not None):
        raise Usage(
            "a running registry has neither `--production` nor `--data`", "these look at settings, where they are"
        )
    rows = anyio.run(_running, target) if running else anyio.run(_local, data, production)
    failed = [row for row in rows if row.finding.verdict == "fail"]
    if target.json:
        show_json({"ok": not failed, "checks": [row.json() for row in rows]})
    else:
        _show(rows)
    if failed:
        raise Refused("unhealthy", f"{len(failed)} of {len(rows)} checks fail")


async def _local(data: Path | None, production: bool) -> "list[Row]":
    # Everything below takes a second to import, which `--help` must not wait for.
    from airegistry.cli.doctor import outside_checks, production_checks, settings_checks, store_checks
    from airegistry.cli.doctor.findings import Row, examine, fail, ok
    from airegistry.cli.doctor.patient import patient_of
    from airegistry.settings import load

    looked = "settings.valid", "whether a start here would take the settings"
    try:
        settings = load(data=data)
    except AirError as error:
        do = f"correct it in the environment or in {SETTINGS_FILE}; docs/settings.md says what fits"
        return [Row(*looked, fail(error.message, do))]
    checks = [*settings_checks.CHECKS, *store_checks.CHECKS, *outside_checks.CHECKS]
    checks += production_checks.CHECKS if production else []
    async with patient_of(settings, Path(SETTINGS_FILE)) as patient:
        return [Row(*looked, ok("every value fits")), *await examine(checks, patient)]


async def _running(target: Target) -> "list[Row]":
    from airegistry.cli.doctor.findings import examine
    from airegistry.cli.doctor.running_checks import CHECKS, Running
    from airegistry.cli.logins import guard_of
    from airegistry.cli.session import Session
    from airegistry.egress.json_http import JsonHttp

    url, file = place_of(target.url, target.profile)
    token = await token_for(target.token_file or file, url)
    async with JsonHttp(guard_of(url)) as http:
        return await examine(CHECKS, Running(url, http, Session(url, token)))


def _show(rows: "list[Row]") -> None:
    """A line a check, and under them what to do."""
    show_table(("check", "verdict", "seen"), [[row.id, row.finding.verdict, row.finding.saw] for row in rows])
    sys.stdout.flush()
    for row in rows:
        if row.finding.do:
            note(f"\n{row.finding.verdict}: {row.id}: {row.finding.saw}\n  {row.finding.do}")
