"""`index`."""

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

JOB: Json = {
    "act": "switch", "of": "none", "state": "running", "done": 3, "total": 9, "started_at": "2026-11-20T12:00:00Z",
    "by": "operator", "error": None,
}  # fmt: skip


def test_the_status_shows_what_is_in_force_and_what_is_under_way(fake: FakeRegistry, run: Run) -> None:
    fake.says({
        "embedder": "minilm", "fingerprint": "f", "ready": True, "assets": 9, "documents": 20, "missing": 1, "stale": 0,
        "names": ["server/weather"], "job": JOB,
    })  # fmt: skip
    assert [line.split(maxsplit=1) for line in run("index", "status").out.splitlines()] == [
        ["embedder", "minilm"], ["fingerprint", "f"], ["ready", "yes"], ["assets", "9"], ["documents", "20"],
        ["missing", "1"], ["stale", "0"], ["names", "server/weather"],
        ["job", "switch none: running, 3 of 9 assets"],
    ]  # fmt: skip
    assert fake.calls == [("index_status", {})]


def test_a_job_that_failed_is_shown_with_the_reason(fake: FakeRegistry, run: Run) -> None:
    fake.says({"embedder": "minilm", "job": {**JOB, "act": "reindex", "of": "", "state": "failed", "error": "no disk"}})
    assert "reindex: failed, 3 of 9 assets, no disk" in run("index", "status").out


def test_everything_or_one_asset_is_made_again(fake: FakeRegistry, run: Run) -> None:
    fake.says({**JOB, "act": "reindex", "of": ""})
    told = "reindex: running, 3 of 9 assets; follow it with `airegistry index status`\n"
    assert run("index", "reindex") == (0, "", told)
    assert run("index", "reindex", "server/weather").status == 0
    assert fake.calls == [("reindex", {}), ("reindex", {"asset": "server/weather"})]


def test_the_embedder_is_switched(fake: FakeRegistry, run: Run) -> None:
    fake.says(JOB)
    assert run("index", "switch", "none").err.startswith("switch none: running")
    assert fake.calls == [("switch_embedder", {"embedder": "none"})]
