"""Every command but `serve`, which lives long and needs none of their modules in memory."""

from cyclopts import App

from airegistry.cli import (
    access,
    agentcore,
    agents,
    ans,
    approvals,
    assets,
    audit,
    browse,
    clients,
    config,
    connect,
    credentials,
    data,
    definitions,
    entities,
    entity_types,
    health,
    importing,
    index,
    issuers,
    login,
    logs,
    people,
    profile,
    protection,
    providers,
    ratings,
    scan,
    scan_eval,
    scans,
    search,
    search_eval,
    skills,
    stages,
    sync,
    usage,
    versions,
    virtual,
    webhooks,
)
from airegistry.cli.doctor.command import doctor
from airegistry.cli.setup.command import setup


def add_all(app: App) -> None:
    """Add them to the program."""
    for command in (
        assets.register, assets.show, assets.update, assets.toggle, assets.refresh, assets.delete,
        search.search, search.find, search.tools, search.call, health.health, ratings.rate, ratings.unrate,
        search_eval.search_eval, scan.scan, scan_eval.scan_eval, login.login, login.logout,
        connect.connect, usage.usage, logs.logs, doctor, browse.browse, browse.whoami,
    ):  # fmt: skip
        app.command(command)
    app.command(assets.list_assets, name="list")
    app.command(importing.import_servers, name="import")
    for group in (
        agents.agent, skills.skill, entities.entity, virtual.virtual, versions.versions,
        access.token, access.scope, access.group, access.policy, access.access, people.user, providers.provider,
        clients.client, issuers.issuer, credentials.credential, stages.stage, definitions.definition,
        approvals.approval, protection.limit, protection.quarantine, scans.scans, index.index, webhooks.webhook,
        ans.ans, audit.audit, data.data, entity_types.entity_type, sync.sync, agentcore.agentcore,
        config.config, profile.profile, setup,
    ):  # fmt: skip
        app.command(group)
