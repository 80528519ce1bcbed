"""`airegistry scan-eval`: what the built-in scanners say of a file of cases."""

import json as json_text
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import anyio
from cyclopts import Parameter

from airegistry.cli.errors import Usage
from airegistry.cli.output import note
from airegistry.cli.search_eval import Progress
from airegistry.core.errors import Invalid


def scan_eval(
    *,
    cases: Annotated[
        Path, Parameter(help="File of cases: id, kind (mcp_tool, agent_card or skill) and payload, a line.")
    ],
    verdicts: Annotated[Path, Parameter(help="File to write to, as {id: true or false}.")],
    tier: Annotated[
        Literal["block", "review"],
        Parameter(help="What counts: `block` what would be held, `review` also what a person would be asked about."),
    ],
) -> None:
    """Judge a file of tools, agent cards and skills as registrations are judged, and write the verdicts.

    Of a case `id`, `kind` and `payload` are read. What a scanner breaks on counts as flagged.
    """
    # The product hangs on this import, which `--help` must not wait for.
    from airegistry.evaluation.scanning import judged_cases, read_cases

    if not verdicts.parent.is_dir():
        raise Usage(f"cannot write `{verdicts}`: there is no such folder")
    try:
        found = anyio.run(partial(judged_cases, read_cases(cases), Progress()))
    except Invalid as error:
        raise Usage(error.message) from None
    if found.failed:
        id_, why = next(iter(found.failed.items()))
        note(f"{len(found.failed)} cases could not be scanned and count as flagged, among them `{id_}`: {why}")
    flagged = found.flagged(tier)
    try:
        verdicts.write_text(json_text.dumps(flagged, indent=0) + "\n", encoding="utf-8")
    except OSError as error:
        raise Usage(f"cannot write `{verdicts}`: {error}") from None
    note(f"{sum(flagged.values())} of {len(flagged)} cases flagged")
