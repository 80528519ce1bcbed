"""What the everyday suite leaves to CI: tests that start many processes, or need minutes for what they prove."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
LONG = frozenset(
    (
        "attack benchmarks chaos clients clients_agents/test_agents.py clients_python "
        "conformance distributed federation stores/mongo oauth/providers "
        "egress/git_hosts sources/agentcore sources/skills gateway/probes gateway/approvals/test_queue.py "
        "gateway/approvals/test_world.py test_replicas.py test_replicas_calls.py test_replicas_sync.py "
        "core/test_switch_replicas.py "
        "sources/mcp_registry/test_imports.py sources/mcp_registry/test_reading.py sources/peer/test_lying.py "
        "contract/test_process.py contract/test_bad_input.py contract/test_sync.py contract/test_index_care.py "
        "contract/test_approvals.py contract/test_footprint.py contract/test_gateway_hostile.py contract/test_drift.py "
        "contract/test_commands.py contract/test_replicas.py contract/test_kill.py contract/test_webhooks.py "
        "contract/test_rolling.py contract/test_git_skills.py contract/test_shutdown.py contract/test_audit.py "
        "contract/test_logs.py test_secret_watch_fails.py "
        "cli/test_login_product.py cli/test_product.py cli/test_search_eval.py cli/test_agentcore.py "
        "cli/setup skills rest/scim/test_lists.py docs/test_runbook.py docs/test_runbook_revoke.py "
        "docs/test_runbook_replicas.py docs/test_runbook_versions.py docs/test_site.py "
        "data/test_transfer.py data/test_mongo.py docs/test_commands.py docs/test_tutorial.py stores/test_kill.py "
        "stores/test_full_disk.py "
        "egress/test_ssrf.py egress/test_webhooks_killed.py egress/test_backends_bad.py egress/test_gate.py "
        "oauth/test_exchange.py oauth/test_assertions.py oauth/test_issuers.py oauth/test_foreign_jwt.py "
        "policy/test_no_leaks.py policy/test_matrix_tools.py registry_api/test_official_description.py "
        "registry_api/test_open.py rest/test_description.py rest/scim/test_product.py "
        "rest/scim/test_replicas.py scanners/test_patterns.py scanners/test_evasion.py "
        "tools/test_lifecycle.py tools/test_confirm.py tools/test_listen.py core/test_search_visible.py test_memory.py "
        "telemetry/test_traces.py telemetry/test_table.py telemetry/test_off.py "
        "observability/test_seen.py observability/test_promtool.py "
        "evaluation/test_scanning.py test_everyday.py web deploy/test_terraform.py "
        "deploy/test_alarms.py deploy/test_chart.py deploy/test_compose.py deploy/test_image.py"
    ).split()
)
"""Folders and files below `tests/`."""


def is_long(path: Path) -> bool:
    """Whether a test file is one of them."""
    if not path.is_relative_to(TESTS):
        return False
    parts = path.relative_to(TESTS).parts
    return any("/".join(parts[:length]) in LONG for length in range(1, len(parts) + 1))
