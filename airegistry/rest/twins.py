"""Which route of `/api/v1` is the twin of which tool: one row a tool and place.

In a path `{kinds}` stands for the collection of each kind that the tool takes (`servers`, `agents`, …), any other name
in braces for an argument. What is not in the path is in the query of GET and DELETE, and in the body of the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

COLLECTIONS: Final[Mapping[str, str]] = {
    "server": "servers", "agent": "agents", "skill": "skills", "virtual_server": "virtual-servers",
    "entity": "entities",
}  # fmt: skip
"""Where the assets of each kind are."""
_OTHERS = ("agent", "skill", "virtual_server", "entity")


@dataclass(frozen=True, slots=True)
class Twin:
    """A tool as a route.

    `body` names the argument that is the whole body; the others are in the query then. `kinds` narrows what `{kinds}`
    stands for. `creates` answers 201, with the place of what was made where `made` says that. `one` is an answer that
    is one asset and has an ETag; `guarded` a change of one asset, which takes If-Match. What `acts` on a backend may
    have been done when that fails.
    """

    tool: str
    method: str
    path: str
    body: str | None = None
    kinds: tuple[str, ...] = field(default=tuple(COLLECTIONS))
    creates: bool = False
    made: str = ""
    one: bool = False
    guarded: bool = False
    acts: bool = False


def _get(tool: str, path: str, *, one: bool = False, kinds: tuple[str, ...] = tuple(COLLECTIONS)) -> Twin:
    return Twin(tool, "GET", path, one=one, kinds=kinds)


def _delete(tool: str, path: str, *, guarded: bool = False) -> Twin:
    return Twin(tool, "DELETE", path, guarded=guarded)


def _post(tool: str, path: str, *, guarded: bool = False) -> Twin:
    return Twin(tool, "POST", path, guarded=guarded)


def _create(tool: str, path: str, made: str = "") -> Twin:
    return Twin(tool, "POST", path, creates=True, made=made)


def _put(tool: str, path: str, *, guarded: bool = False) -> Twin:
    return Twin(tool, "PUT", path, guarded=guarded)


_CATALOG = (
    _get("search_registry", "/search"),
    _get("intelligent_tool_finder", "/search/tools"),
    _get("browse_registry", "/catalog"), _get("whoami", "/me"),
    _get("get_service_tools", "/tools"),
    _get("get_service_tools", "/servers/{path}/tools"),
    _get("get_service_tools", "/virtual-servers/{path}/tools"),
    Twin("call_tool", "POST", "/tools/{server}/{tool}/calls", acts=True),
    _get("list_services", "/servers"), _create("register_service", "/servers", "/servers/{path}"),
    _get("list_agents", "/agents"), _create("register_agent", "/agents", "/agents/{path}"),
    _get("list_skills", "/skills"), _create("register_skill", "/skills", "/skills/{path}"),
    _get("list_virtual_servers", "/virtual-servers"),
    _create("create_virtual_server", "/virtual-servers", "/virtual-servers/{path}"),
    _get("list_entities", "/entities"), _create("register_entity", "/entities", "/entities/{path}"),
    _get("get_server_details", "/servers/{path}", one=True),
    _get("get_asset", "/{kinds}/{path}", one=True, kinds=_OTHERS),
    Twin("update_asset", "PATCH", "/{kinds}/{path}", body="changes", guarded=True,
         kinds=("server", "agent", "skill", "entity")),
    Twin("update_virtual_server", "PATCH", "/virtual-servers/{path}", guarded=True),
    _delete("delete_asset", "/{kinds}/{path}", guarded=True),
    _put("toggle_service", "/{kinds}/{path}/enabled", guarded=True),
    _post("refresh_service", "/{kinds}/{path}/refresh", guarded=True),
    _put("rate_asset", "/{kinds}/{path}/rating"), _delete("withdraw_rating", "/{kinds}/{path}/rating"),
    _get("get_skill_content", "/skills/{path}/content"),
    _post("add_virtual_tool", "/virtual-servers/{path}/tools", guarded=True),
    _delete("remove_virtual_tool", "/virtual-servers/{path}/tools", guarded=True),
    _get("list_versions", "/{kinds}/{path}/versions"),
    _put("set_default_version", "/{kinds}/{path}/default-version"),
    _put("deprecate_version", "/{kinds}/{path}/versions/{version}/deprecation"),
    _delete("delete_version", "/{kinds}/{path}/versions/{version}"),
    _get("get_lifecycle", "/{kinds}/{path}/lifecycle"),
    _post("set_lifecycle_stage", "/{kinds}/{path}/lifecycle/transitions", guarded=True),
    _get("get_usage", "/usage"),
)  # fmt: skip
_REVIEW = (
    _post("scan_asset", "/{kinds}/{path}/scans"),
    _get("get_scan_report", "/{kinds}/{path}/scans/latest"),
    _get("list_findings", "/findings"),
    _get("list_waivers", "/waivers"),
    _create("waive_finding", "/{kinds}/{path}/waivers"),
    _delete("unwaive_finding", "/{kinds}/{path}/waivers/{fingerprint}"),
    _post("rescan_all", "/scans"), _get("scan_status", "/scans/latest"),
    _get("list_definition_changes", "/definition-changes"),
    _get("get_definition_changes", "/{kinds}/{path}/definition-changes"),
    _post("approve_definition", "/{kinds}/{path}/definition-changes/approvals", guarded=True),
    _post("reject_definition", "/{kinds}/{path}/definition-changes/rejections", guarded=True),
    _get("list_approvals", "/approvals"), _post("approve_call", "/approvals/{id}/decisions"),
    _put("link_ans", "/{kinds}/{path}/ans"), _delete("unlink_ans", "/{kinds}/{path}/ans"),
    _post("verify_ans", "/{kinds}/{path}/ans/verifications"),
    _post("check_health", "/{kinds}/{path}/health-checks"),
    _get("healthcheck", "/health"),
    _get("get_logs", "/logs"), _get("query_audit", "/audit/events"), _get("export_audit", "/audit/records"),
    _get("get_audit_heads", "/audit/heads"), _get("verify_audit", "/audit/verification"),
    _delete("prune_audit", "/audit/events"), _post("rotate_audit_key", "/audit/key/rotations"),
)  # fmt: skip
_ACCESS = (
    _get("get_policy", "/policy"), _get("explain_access", "/access/explanation"),
    _post("preview_access", "/access/previews"),
    _put("put_scope", "/scopes/{name}"), _delete("delete_scope", "/scopes/{name}"),
    _put("put_group", "/groups/{name}"), _delete("delete_group", "/groups/{name}"),
    _post("import_scopes", "/scope-imports"),
    _get("list_tokens", "/tokens"), _create("create_token", "/tokens"), _delete("revoke_token", "/tokens/{id}"),
    _create("vend_token", "/tokens/vended"),
    _get("list_users", "/users"), _put("put_user", "/users/{id}"), _delete("delete_user", "/users/{id}"),
    _delete("end_sessions", "/users/{id}/sessions"), _put("set_user_password", "/users/{id}/password"),
    _delete("reset_second_factor", "/users/{id}/second-factor"),
    _get("list_clients", "/clients"), _put("put_client", "/clients/{client_id}"),
    _delete("delete_client", "/clients/{client_id}"),
    _get("list_identity_providers", "/identity-providers"), _put("put_identity_provider", "/identity-providers/{name}"),
    _delete("delete_identity_provider", "/identity-providers/{name}"),
    _post("test_identity_provider", "/identity-providers/{name}/tests"),
    _get("list_trusted_issuers", "/trusted-issuers"), _put("put_trusted_issuer", "/trusted-issuers/{name}"),
    _delete("delete_trusted_issuer", "/trusted-issuers/{name}"),
    _get("get_credential", "/{kinds}/{path}/credential"), _put("set_credential", "/{kinds}/{path}/credential"),
    _delete("delete_credential", "/{kinds}/{path}/credential"),
    _post("rotate_secret_key", "/secret-key/rotations"),
    _get("list_limits", "/limits"), _put("put_limit", "/limits/{name}"), _delete("delete_limit", "/limits/{name}"),
    _get("list_quarantine", "/quarantine"), _put("quarantine", "/quarantine/{kind}/{id}"),
    _delete("lift_quarantine", "/quarantine/{kind}/{id}"),
)  # fmt: skip
_OPERATION = (
    _get("list_entity_types", "/entity-types"), _get("get_entity_type", "/entity-types/{name}"),
    _put("define_entity_type", "/entity-types/{name}"),
    Twin("update_entity_type", "PATCH", "/entity-types/{name}"), _delete("delete_entity_type", "/entity-types/{name}"),
    _get("list_sources", "/sources"), _create("add_source", "/sources", "/sources/{name}"),
    _get("get_source", "/sources/{name}"), Twin("update_source", "PATCH", "/sources/{name}"),
    _delete("remove_source", "/sources/{name}"), _post("sync_source", "/sources/{name}/syncs"),
    _post("import_servers", "/imports"),
    _get("list_webhooks", "/webhooks"), _create("create_webhook", "/webhooks"),
    Twin("update_webhook", "PATCH", "/webhooks/{name}"), _delete("delete_webhook", "/webhooks/{name}"),
    _get("list_webhook_deliveries", "/webhooks/{name}/deliveries"), _post("replay_webhook", "/webhooks/{name}/replays"),
    _post("rotate_webhook_secret", "/webhooks/{name}/secret/rotations"),
    _post("test_webhook", "/webhooks/{name}/tests"),
    _get("index_status", "/index"), _post("reindex", "/index/jobs"), _put("switch_embedder", "/index/embedder"),
)  # fmt: skip
TWINS: Final = (*_CATALOG, *_REVIEW, *_ACCESS, *_OPERATION)
