"""A session of pytest with the watch for secrets, as it fails."""

from pathlib import Path

from tests.support.processes import run_module

INSIDE = """
import logging, secrets
from tests.support.secret_watch import SecretWatch

def pytest_configure(config):
    watch = SecretWatch()
    watch.start()
    config.pluginmanager.register(watch, "secret-watch")
"""
TESTS = """
import logging, secrets
PASSWORD = "correct-horse-battery"
log = logging.getLogger("airegistry.somewhere")

def test_quiet(): log.debug("nothing of note")
def test_made(): log.debug("a code: %s", secrets.token_urlsafe(32))
def test_named(): log.info("login with %s", PASSWORD)
def test_in_a_traceback():
    try:
        raise ValueError("air_0123456789abcdef_" + "x" * 43)
    except ValueError:
        log.exception("it failed")
"""


def test_tests_that_log_secrets_fail_and_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(INSIDE, encoding="utf-8")
    (tmp_path / "test_inside.py").write_text(TESTS, encoding="utf-8")
    ran = run_module("pytest", "-p", "no:cacheprovider", "-q", str(tmp_path), "--rootdir", str(tmp_path), env={})
    assert "4 passed, 3 errors" in ran.stdout
    assert "ERROR test_inside.py::test_quiet" not in ran.stdout
