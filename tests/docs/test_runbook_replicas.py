"""The drill of docs/mongodb.md, "Changing the key", on two replicas over a database: eight starts, in full rounds."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.docs.drills import give, replicas, sent, succeeds
from tests.stores.mongo.engine import INSTALLED, MISSING
from tests.support.backends import Backend

pytestmark = pytest.mark.skipif(not INSTALLED, reason=MISSING)


def test_the_key_of_replicas_is_changed_in_three_steps_and_nobody_waits(tmp_path: Path, backend: Backend) -> None:
    with replicas(tmp_path) as (_, both):
        for each in both:
            each.start()
        succeeds(both[0].command("register", backend.url, "--path", "desk"))
        give(both[0], tmp_path, "sealed-under-the-old-key")
        old, new = both[0].env["AIREGISTRY_SECRET_KEY"], Fernet.generate_key().decode()
        for keys in (f"{old},{new}", f"{new},{old}", new):
            if keys == new:
                succeeds(both[0].command("credential", "rotate-key"))
            for each, other in (both, both[::-1]):
                each.env["AIREGISTRY_SECRET_KEY"] = keys
                each.process.stop()
                assert sent(other) == "Bearer sealed-under-the-old-key"
                each.start()
                assert sent(each) == "Bearer sealed-under-the-old-key"
