"""The unit for one machine: nothing that the registry can do without is left to it."""

import re
from pathlib import Path

from tests.deploy.tools import DOCKER, run, tool

UNIT = DOCKER / "systemd" / "airegistry.service"
WORST = 1.5
"""Of 10, in systemd's own measure."""


def test_systemd_finds_little_left_to_take_away() -> None:
    judged = run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", str(UNIT))
    measured = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)
    assert measured, judged.stderr
    assert float(measured[1]) <= WORST


def test_systemd_knows_every_line_of_it() -> None:
    judged = run(tool("systemd-analyze"), "verify", "--man=no", str(UNIT))
    complaints = [line for line in judged.stderr.splitlines() if "airegistry" in line]
    # Nothing is installed here; the other lines would name what systemd does not understand.
    assert [line for line in complaints if "is not executable" not in line] == []


def test_a_line_that_systemd_does_not_know_would_be_seen(tmp_path: Path) -> None:
    planted = tmp_path / "airegistry.service"
    planted.write_text(UNIT.read_text("utf-8").replace("[Service]", "[Service]\nProtectHouse=yes"), encoding="utf-8")
    assert "ProtectHouse" in run(tool("systemd-analyze"), "verify", "--man=no", str(planted)).stderr


def test_secrets_are_credentials_and_never_in_the_unit() -> None:
    unit = UNIT.read_text("utf-8")
    assert "Environment=AIREGISTRY_SECRETS_FOLDER=%d" in unit
    assert not re.search(r"^Environment=.*(TOKEN|PASSWORD|KEY)=", unit, re.MULTILINE)
