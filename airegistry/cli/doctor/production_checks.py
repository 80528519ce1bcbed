"""What more is wanted of a registry that others rely on: the part of the hardening list that settings can tell."""

import ipaddress
from urllib.parse import parse_qsl, urlsplit

from airegistry.cli.doctor.findings import Check, Finding, fail, ok, warn
from airegistry.cli.doctor.patient import Patient
from airegistry.cli.doctor.settings_checks import LOOPBACK

WIDEST = 65_536
"""Addresses of a network that may be exempted from the egress rule."""


async def _address(patient: Patient) -> Finding:
    url = patient.settings.public_url
    if url is None or not url.startswith("https://"):
        return fail(f"{patient.settings.url} is for one machine", "set AIREGISTRY_PUBLIC_URL to an https address")
    if not patient.settings.tls_terminated:
        return fail("nothing says that TLS ends in front", "set AIREGISTRY_TLS_TERMINATED=true once a proxy does that")
    return ok(url)


async def _environment(patient: Patient) -> Finding:
    if patient.settings.environment == "dev":
        return warn("dev: assets approved for development are shown", "set AIREGISTRY_ENVIRONMENT=production")
    return ok(patient.settings.environment)


async def _stage(patient: Patient) -> Finding:
    if patient.settings.first_stage == "approved_dev":
        return warn(
            "what passes the scan is callable in dev at once, by nobody's decision",
            "set AIREGISTRY_FIRST_STAGE=submitted, so that somebody approves it",
        )
    return ok(patient.settings.first_stage)


async def _operator(patient: Patient) -> Finding:
    settings = patient.settings
    if settings.admin_password is not None:
        return fail(
            "the first password is in the settings", "change it at /account, and unset AIREGISTRY_ADMIN_PASSWORD"
        )
    if settings.admin_token is not None:
        return warn(
            "a token with every right is in the settings",
            "make named ones (`airegistry token create`), and unset AIREGISTRY_ADMIN_TOKEN",
        )
    return ok("no administrator's secret in the settings")


async def _persons(patient: Patient) -> Finding:
    stored = False
    if patient.stores is not None:
        async for _ in patient.stores.documents.find("identity_providers", limit=1):
            stored = True
    if patient.settings.identity_providers or stored:
        return ok("persons log in at an identity provider")
    return warn(
        "persons have passwords of this registry's own",
        "set up an identity provider (`airegistry provider put`), where who leaves loses access",
    )


async def _clients(patient: Patient) -> Finding:
    if patient.settings.client_registration == "open":
        return warn(
            "any program may register itself as a client, and ask persons for consent",
            "set AIREGISTRY_CLIENT_REGISTRATION=off, and add clients with `airegistry client add`",
        )
    return ok("administrators add clients")


async def _catalog(patient: Patient) -> Finding:
    settings = patient.settings
    if settings.public_catalog and not settings.public_tags:
        return warn("all public servers are told to anybody", "name the tags of those with AIREGISTRY_PUBLIC_TAGS")
    return ok("open by tag" if settings.public_catalog else "nothing is told without a token")


async def _egress(patient: Patient) -> Finding:
    wide = [entry for entry in patient.settings.egress_allow if _wide(entry)]
    if wide:
        return fail(f"{', '.join(wide)} is a large part of the network", "name single hosts in AIREGISTRY_EGRESS_ALLOW")
    return ok(f"{len(patient.settings.egress_allow)} exemptions, all narrow")


def _wide(entry: str) -> bool:
    try:
        return ipaddress.ip_network(entry, strict=False).num_addresses > WIDEST
    except ValueError:  # a host
        return entry.strip() in {"*", ""}


async def _transit(patient: Patient) -> Finding:
    settings = patient.settings
    store = settings.store_url.get_secret_value() if settings.store_url is not None else None
    if store is not None and _believes_anybody(store):
        return fail("whoever answers as the database is believed", "set tlsCAFile in AIREGISTRY_STORE_URL instead")
    ways = {
        "AIREGISTRY_STORE_URL": store is not None and not _encrypted(store),
        "AIREGISTRY_AUDIT_OTLP_URL": _plain(settings.audit_otlp_url),
        "AIREGISTRY_TELEMETRY_URL": _plain(settings.telemetry_url),
    }
    if clear := [name for name, way in ways.items() if way]:
        return warn(
            f"{', '.join(clear)}: in the clear, beyond loopback",
            "use TLS (tls=true for the database), unless they share this machine or a network of their own",
        )
    return ok("encrypted, or inside this machine")


def _options(url: str) -> dict[str, str]:
    return {name.lower(): value.lower() for name, value in parse_qsl(urlsplit(url).query)}


def _believes_anybody(url: str) -> bool:
    lax = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")
    return any(_options(url).get(name) == "true" for name in lax)


def _encrypted(url: str) -> bool:
    """Whether a URL of a database asks for TLS, or leads nowhere else."""
    parts, options = urlsplit(url), _options(url)
    hosts = [urlsplit(f"//{host}").hostname for host in parts.netloc.rpartition("@")[2].split(",")]
    asked = options.get("tls", options.get("ssl", "true" if parts.scheme == "mongodb+srv" else "false"))
    return asked == "true" or LOOPBACK.issuperset(hosts)


def _plain(url: str | None) -> bool:
    parts = urlsplit(url or "")
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


async def _proxies(patient: Patient) -> Finding:
    settings = patient.settings
    if settings.tls_terminated and not settings.trusted_proxies:
        return warn(
            "all callers seem to come from the proxy: limits of one are those of all",
            "name its addresses in AIREGISTRY_TRUSTED_PROXIES",
        )
    return ok(", ".join(settings.trusted_proxies) or "none in front")


async def _trail(patient: Patient) -> Finding:
    if patient.settings.audit_calls == "batched":
        return warn(
            f"a crash may lose {patient.settings.audit_window_ms:g} ms of calls from the trail",
            "set AIREGISTRY_AUDIT_CALLS=durable",
        )
    return ok("every call is on disk before it goes out")


async def _elsewhere(patient: Patient) -> Finding:
    if patient.settings.audit_otlp_url is None:
        return warn(
            "the trail is in one place, which its administrator can remove",
            "send it on with AIREGISTRY_AUDIT_OTLP_URL, or keep `airegistry audit heads` elsewhere",
        )
    return ok("sent on to a collector")


async def _replicas(patient: Patient) -> Finding:
    if patient.settings.store_url is None:
        return warn(
            "one process over one folder: while it is down, so is everything",
            "keep back-ups (`airegistry data export`), or let replicas share a database (AIREGISTRY_STORE_URL)",
        )
    return ok("replicas may share the database")


async def _logs(patient: Patient) -> Finding:
    if patient.settings.log_level == "debug":
        return warn("debug: more is logged than anybody reads", "set AIREGISTRY_LOG_LEVEL=info")
    return ok(patient.settings.log_level)


CHECKS: list[Check[Patient]] = [
    Check("production.address", "a public https address", _address, "set AIREGISTRY_PUBLIC_URL"),
    Check("production.environment", "whose assets callers see", _environment, "set AIREGISTRY_ENVIRONMENT"),
    Check("production.first-stage", "who decides about new assets", _stage, "set AIREGISTRY_FIRST_STAGE"),
    Check("production.operator", "an administrator's secrets in the settings", _operator, "unset them"),
    Check("production.persons", "where persons log in", _persons, "set up an identity provider"),
    Check("production.clients", "who may add OAuth clients", _clients, "set AIREGISTRY_CLIENT_REGISTRATION"),
    Check("production.catalog", "what is told without a token", _catalog, "set AIREGISTRY_PUBLIC_TAGS"),
    Check("production.egress", "how much is exempted from the egress rule", _egress, "set AIREGISTRY_EGRESS_ALLOW"),
    Check("production.transit", "what goes to other machines in the clear", _transit, "encrypt it"),
    Check("production.proxies", "whose word on addresses is taken", _proxies, "set AIREGISTRY_TRUSTED_PROXIES"),
    Check("production.audit-calls", "what a crash loses of the trail", _trail, "set AIREGISTRY_AUDIT_CALLS"),
    Check("production.audit-copy", "a copy of the trail elsewhere", _elsewhere, "set AIREGISTRY_AUDIT_OTLP_URL"),
    Check("production.replicas", "what happens while a process is down", _replicas, "set AIREGISTRY_STORE_URL"),
    Check("production.logs", "how much is logged", _logs, "set AIREGISTRY_LOG_LEVEL"),
]
"""The hook for the hardening list: an item that can be checked is one more line."""
