from collections.abc import Iterator

import pytest

from tests.distributed.cluster import Cluster, cluster


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three started registries, one cluster a worker; tests use paths of their own."""
    with cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started
