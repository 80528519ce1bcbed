"""The alerts as Prometheus reads them, and in the cases that stand beside them."""

from pathlib import Path

import pytest
import yaml

from tests.observability.expressions import ALERTS, alert_files
from tests.observability.prometheus import promtool

every_file = pytest.mark.parametrize("file", alert_files(), ids=lambda file: str(file.stem))


@every_file
def test_prometheus_reads_the_alerts(file: Path) -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@every_file
def test_each_alert_fires_and_is_quiet_as_its_cases_say(file: Path) -> None:
    tried = promtool("test", "rules", str(ALERTS / "tests" / f"{file.stem}_test.yaml"))
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_a_case_fails_when_its_alert_never_fires(tmp_path: Path) -> None:
    broken = yaml.safe_load((ALERTS / "federation.yaml").read_text("utf-8"))
    for rule in broken["groups"][0]["rules"]:
        rule["expr"] = f"({rule['expr']}) > 1e9"
    (tmp_path / "federation.yaml").write_text(yaml.safe_dump(broken), encoding="utf-8")
    (tmp_path / "tests").mkdir()
    cases = ALERTS / "tests" / "federation_test.yaml"
    (tmp_path / "tests" / cases.name).write_bytes(cases.read_bytes())
    tried = promtool("test", "rules", str(tmp_path / "tests" / cases.name))
    assert tried.returncode != 0
    for rule in broken["groups"][0]["rules"]:
        assert f"alertname: {rule['alert']}" in tried.stdout + tried.stderr
