"""Output of the processes under test beside a failure."""

from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
