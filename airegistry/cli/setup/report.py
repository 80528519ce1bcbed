"""What every `airegistry setup` ends with: a table, or JSON; whether all is ready, and else what is not."""

import sys
from collections.abc import Sequence

from airegistry.cli.doctor.findings import Check, P, Row, skip
from airegistry.cli.errors import Refused
from airegistry.cli.output import note, show_json, show_table


def planned(checks: Sequence[Check[P]]) -> list[Row]:
    """The checks that would be made, none of them made."""
    return [Row(check.id, check.looks_at, skip("not looked at: `--dry-run`")) for check in checks]


def report(rows: Sequence[Row], what: str, *, json: bool, dry_run: bool) -> None:
    """Print them, and whether `what` is ready.

    Raises:
        Refused: something fails.
    """
    failed = [row.id for row in rows if row.finding.verdict == "fail"]
    if json:
        show_json({"ready": None if dry_run else not failed, "checks": [row.json() for row in rows]})
    else:
        show_table(("check", "verdict", "seen"), [[row.id, row.finding.verdict, row.finding.saw] for row in rows])
        sys.stdout.flush()
        for row in rows:
            if row.finding.do:
                note(f"\n{row.finding.verdict}: {row.id}: {row.finding.saw}\n  {row.finding.do}")
    if failed:
        raise Refused("not_ready", f"{what} is not ready: {', '.join(failed)}")
    if not dry_run:
        note(f"{what} is ready")
