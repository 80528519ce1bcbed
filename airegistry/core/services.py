"""What surfaces are given: one object per capability, built once in `app.py`."""

from dataclasses import dataclass

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog
from airegistry.core.entity_types import EntityTypes
from airegistry.core.explain import Explainer
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.policy import Policy
from airegistry.core.ratings import Ratings
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Services:
    """The core, as surfaces see it. `url` is where clients reach the registry."""

    url: str
    access: Access
    policy: Policy
    tokens: Tokens
    catalog: Catalog
    intake: Intake
    entity_types: EntityTypes
    ratings: Ratings
    search: Search
    scans: Scans
    invocation: Invocation
    audit: Audit
    explainer: Explainer
