"""Puts together what asks or tells others of assets: the registration gate, webhooks, the Agent Name Service, scanners
that are no part of the registry."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from airegistry.auditing import open_audit_care
from airegistry.core.admission import Gate
from airegistry.core.ans import AnsLinks, NameService
from airegistry.core.audit_care import AuditCare
from airegistry.core.breaker import Breakers
from airegistry.core.catalog import Catalog
from airegistry.core.errors import Invalid
from airegistry.core.events import Events
from airegistry.core.ports import OutsideScanner
from airegistry.core.repository_facts import RepositoryFacts
from airegistry.core.telemetry import Telemetry
from airegistry.core.webhooks import Webhooks
from airegistry.egress.ans import HttpNameService
from airegistry.egress.gate import GateSettings, HttpGate
from airegistry.egress.git_hosts.hosts import GitHosts, declared_kinds, declared_tokens
from airegistry.egress.guard import Guard
from airegistry.egress.webhooks import WebhookPost
from airegistry.oauth.server import Foundation
from airegistry.observing import watched_post
from airegistry.settings import Settings


@dataclass(frozen=True, slots=True)
class Outside:
    """Who is asked, and who is told. `gate` and `names` are None where none is configured."""

    webhooks: Webhooks
    gate: Gate | None
    names: NameService | None
    scanners: Sequence[OutsideScanner]
    audit_care: AuditCare
    git_hosts: GitHosts


@asynccontextmanager
async def open_outside(settings: Settings, rules: Foundation) -> AsyncIterator[Outside]:
    """Their clients, open; webhooks know what the last process left in the middle.

    Raises:
        Invalid: an address of the settings may not be called.
    """
    async with AsyncExitStack() as stack:
        post = await stack.enter_async_context(WebhookPost(rules.guard))
        webhooks = Webhooks(
            rules.store, rules.shelf, rules.cipher, watched_post(post, rules.telemetry), rules.access, rules.audit,
            rules.clock, shared=rules.shared,
        )  # fmt: skip
        await webhooks.open()
        gate = None if settings.gate_url is None else HttpGate(_gate(settings, settings.gate_url), rules.guard)
        names = None
        if settings.ans_url is not None:
            names = HttpNameService(
                settings.ans_url, rules.guard, key=settings.ans_key, secret=settings.ans_secret
            )  # fmt: skip
        for client in (gate, names):
            if client is not None:
                await stack.enter_async_context(client)
        scanners = await stack.enter_async_context(outside_scanners(settings, rules.guard))
        care = await stack.enter_async_context(
            open_audit_care(settings, rules.store, rules.access, rules.audit, rules.clock, rules.guard)
        )
        git_hosts = await stack.enter_async_context(_git_hosts(settings, rules.guard))
        yield Outside(webhooks, gate, names, scanners, care, git_hosts)


@asynccontextmanager
async def outside_scanners(settings: Settings, guard: Guard) -> AsyncIterator[Sequence[OutsideScanner]]:
    """The scanners that settings name beside the built-in ones.

    Raises:
        Invalid: the address of one may not be called, or the model at it has no name.
    """
    async with AsyncExitStack() as stack:
        scanners: list[OutsideScanner] = []
        if settings.scan_cisco_python is not None:
            from airegistry.scanners.cisco import Cisco

            scanners.append(await stack.enter_async_context(Cisco(settings.scan_cisco_python)))
        if settings.scan_llm_url is not None:
            if settings.scan_llm_model is None:
                raise Invalid("AIREGISTRY_SCAN_LLM_URL needs AIREGISTRY_SCAN_LLM_MODEL", field="scan_llm_model")
            from airegistry.scanners.llm import LanguageModel

            model = LanguageModel(guard, settings.scan_llm_url, settings.scan_llm_model, settings.scan_llm_key)
            scanners.append(await stack.enter_async_context(model))
        yield scanners


async def open_ans(
    rules: Foundation, outside: Outside, catalog: Catalog, events: Events, telemetry: Telemetry, *, hours: float
) -> AnsLinks:
    """The links to names, each due when its last look-up says."""
    breakers = Breakers(rules.clock, telemetry)
    links = AnsLinks(
        rules.shelf, catalog, rules.audit, events, rules.clock, breakers, outside.names, hours=hours
    )  # fmt: skip
    await links.rebuild()
    events.subscribe(links.on_event)
    return links


def open_repositories(rules: Foundation, outside: Outside, events: Events, settings: Settings) -> RepositoryFacts:
    """What asks the hosts of source repositories for facts."""
    hours = settings.repository_hours
    facts = RepositoryFacts(rules.store, rules.shelf, outside.git_hosts, rules.clock, hours=hours)
    events.subscribe(facts.on_event)
    return facts


def _git_hosts(settings: Settings, guard: Guard) -> GitHosts:
    """The Git hosts that settings declare, and those that are known, with their tokens.

    Raises:
        Invalid: a host or a token is stated in another form, or the file of tokens cannot be read.
    """
    stated = settings.git_tokens.get_secret_value() if settings.git_tokens is not None else ""
    if settings.git_tokens_file is not None:
        try:
            stated = f"{stated}\n{settings.git_tokens_file.read_text('utf-8')}"
        except (OSError, UnicodeDecodeError):
            raise Invalid(f"{settings.git_tokens_file} cannot be read", field="GIT_TOKENS_FILE") from None
    return GitHosts(guard, kinds=declared_kinds(settings.git_hosts), tokens=declared_tokens(stated))


def _gate(settings: Settings, url: str) -> GateSettings:
    return GateSettings(
        url=url, auth=settings.gate_auth, secret=settings.gate_secret, header=settings.gate_header,
        client_id=settings.gate_client_id, token_url=settings.gate_token_url or "", scope=settings.gate_scope,
        seconds=settings.gate_seconds,
    )  # fmt: skip
