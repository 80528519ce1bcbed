"""What the tests of deployment share. The image is built by `.ci/full deploy`, which installs an engine."""

import os

import pytest

from tests.deploy.terraform import Workplace, missing
from tests.support.rounds import FULL

collect_ignore = [] if FULL else ["test_image.py"]


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The production environment, planned and made: once for all processes that run tests."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    place = Workplace(shared / "production", "examples/production", "environments/production.tfvars")
    place.apply()
    return place
