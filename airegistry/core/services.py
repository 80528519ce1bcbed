"""What surfaces are given: one object per capability, built once in `app.py`."""

from dataclasses import dataclass

from airegistry.core.access import Access
from airegistry.core.ans import AnsLinks
from airegistry.core.approvals import Approvals
from airegistry.core.audit import Audit
from airegistry.core.audit_care import AuditCare
from airegistry.core.catalog import Catalog
from airegistry.core.changes import Changes
from airegistry.core.definition_approvals import DefinitionApprovals
from airegistry.core.entity_types import EntityTypes
from airegistry.core.events import Events
from airegistry.core.explain import Explainer
from airegistry.core.federation import Federation
from airegistry.core.found_findings import FoundFindings
from airegistry.core.health import HealthChecks
from airegistry.core.index_care import IndexCare
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.logs import Logs
from airegistry.core.parts import Parts
from airegistry.core.policy import Policy
from airegistry.core.protection import Guards
from airegistry.core.ratings import Ratings
from airegistry.core.repository_facts import RepositoryFacts
from airegistry.core.rescans import Rescans
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.skill_looks import SkillLooks
from airegistry.core.stages import Retirements, Stages
from airegistry.core.tokens import Tokens
from airegistry.core.usage_views import UsageViews
from airegistry.core.versions import Versions
from airegistry.core.virtual import Compositions
from airegistry.core.vitals import Vitals
from airegistry.core.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Services:
    """The core, as surfaces see it.

    `url` is where clients reach the registry, `gateway_url` where they call through it: empty where they do not.
    """

    url: str
    gateway_url: str
    access: Access
    policy: Policy
    tokens: Tokens
    catalog: Catalog
    compositions: Compositions
    versions: Versions
    stages: Stages
    retirements: Retirements
    changes: Changes
    parts: Parts
    events: Events
    intake: Intake
    skill_looks: SkillLooks
    entity_types: EntityTypes
    ratings: Ratings
    search: Search
    index_care: IndexCare
    scans: Scans
    rescans: Rescans
    definitions: DefinitionApprovals
    findings: FoundFindings
    invocation: Invocation
    approvals: Approvals
    audit: Audit
    audit_care: AuditCare
    explainer: Explainer
    guards: Guards
    health: HealthChecks
    vitals: Vitals
    usage: UsageViews
    webhooks: Webhooks
    federation: Federation
    ans: AnsLinks
    repositories: RepositoryFacts
    logs: Logs
