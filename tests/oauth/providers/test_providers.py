"""How identity providers are kept, and what they may be."""

from typing import Any

import anyio
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import Document, DocumentStore, Json
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.principals import SYSTEM, Principal
from airegistry.oauth.providers.providers import COLLECTION, Providers
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.wiring import FakeClock

pytestmark = pytest.mark.anyio

NOBODY = Principal("token:nobody")


class Leaving(MemoryStore):
    """A store whose caller goes away as soon as a write of a provider is done."""

    def __init__(self) -> None:
        super().__init__()
        self.caller: anyio.CancelScope | None = None

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        written = await super().put(collection, key, body, expect=expect)
        await self._leave(collection)
        return written

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        gone = await super().delete(collection, key, expect=expect)
        await self._leave(collection)
        return gone

    async def _leave(self, collection: str) -> None:
        if self.caller is not None and collection == COLLECTION:
            self.caller.cancel()
            await anyio.lowlevel.checkpoint()


CIPHER = FernetCipher([Fernet.generate_key().decode()])
CORP = {"name": "corp", "issuer": "https://corp.test", "client_id": "registry"}


def providers(store: DocumentStore | None = None, *fixed: dict[str, Any]) -> Providers:
    access = Access()
    return Providers(store or MemoryStore(), access, Audit(MemoryLog(), access, FakeClock()), CIPHER, fixed)


async def test_what_is_put_is_there_after_a_restart_with_its_secret_sealed() -> None:
    store = MemoryStore()
    await providers(store).put(SYSTEM, CORP, secret="s3cret")
    again = providers(store)
    await again.reload()
    assert (again.choices(), again.secret("corp")) == ([("corp", "OpenID Connect")], "s3cret")
    kept = await store.get(COLLECTION, "corp")
    assert kept is not None
    assert "s3cret" not in str(kept.body)


@pytest.mark.parametrize("removed", [True, False])
async def test_a_provider_that_was_shut_out_stays_out_though_the_caller_went_away(removed: bool) -> None:
    store, told = Leaving(), list[str]()
    known = providers(store)

    async def tell(name: str) -> None:
        told.append(name)

    known.subscribe(tell)
    await known.put(SYSTEM, CORP)
    with anyio.CancelScope() as store.caller:
        await (known.remove(SYSTEM, "corp") if removed else known.put(SYSTEM, {**CORP, "enabled": False}))
    assert (known.choices(), told) == ([], ["corp"])


async def test_a_secret_stays_until_another_or_none_is_given() -> None:
    known = providers()
    await known.put(SYSTEM, CORP, secret="s3cret")
    await known.put(SYSTEM, {**CORP, "title": "Corp"})
    assert known.secret("corp") == "s3cret"
    await known.put(SYSTEM, CORP, secret="")
    assert known.secret("corp") is None
    assert known.secret("nowhere") is None


async def test_another_issuer_does_not_take_over_the_users_of_a_name() -> None:
    known = providers()
    await known.put(SYSTEM, CORP)
    for change in ({"issuer": "https://corp.test/"}, {"profile": "okta"}):
        with pytest.raises(Conflict, match="remove it first"):
            await known.put(SYSTEM, {**CORP, **change})
    await known.remove(SYSTEM, "corp")
    await known.put(SYSTEM, {**CORP, "profile": "okta"})


async def test_those_of_the_settings_come_first_and_are_read_only() -> None:
    store = MemoryStore()
    await providers(store).put(SYSTEM, {**CORP, "title": "Stored"})
    known = providers(store, {**CORP, "title": "Fixed", "client_secret": SecretStr("of the settings")})
    await known.reload()
    assert (known.choices(), known.secret("corp"), known.read_only("corp")) == (
        [("corp", "Fixed")], "of the settings", True,
    )  # fmt: skip
    with pytest.raises(Conflict, match="settings"):
        await known.put(SYSTEM, CORP)
    with pytest.raises(Conflict, match="settings"):
        await known.remove(SYSTEM, "corp")


@pytest.mark.parametrize("enabled", [True, False])
async def test_who_listens_is_told_of_providers_that_nobody_may_use_any_more(enabled: bool) -> None:
    known, told = providers(), list[str]()

    async def tell(name: str) -> None:
        told.append(name)

    known.subscribe(tell)
    await known.put(SYSTEM, {**CORP, "enabled": enabled})
    assert told == ([] if enabled else ["corp"])
    assert known.choices() == ([("corp", "OpenID Connect")] if enabled else [])
    told.clear()
    assert await known.remove(SYSTEM, "corp") is True
    assert await known.remove(SYSTEM, "corp") is False
    assert told == ["corp"]
    with pytest.raises(NotFound):
        known.get("corp")


async def test_a_subject_of_an_issuer_is_the_user_who_logs_in_through_it() -> None:
    known = providers()
    await known.put(SYSTEM, CORP)
    issuer = CORP["issuer"]
    assert known.person(issuer, "7") == "corp:7"
    assert known.person(f"{issuer}/", "7") is None
    await known.put(SYSTEM, {**CORP, "enabled": False})
    assert known.person(issuer, "7") == "", "nobody, and not whoever else the issuer speaks of"


async def test_the_tenants_of_one_provider_are_issuers_of_its_users() -> None:
    known, base = providers(), "https://login.microsoftonline.com"
    many = {**CORP, "profile": "entra", "issuer": f"{base}/common/v2.0", "tenants": ["t-1", "t-2"]}
    await known.put(SYSTEM, many)
    assert known.person(f"{base}/t-2/v2.0", "7") == "corp:7"
    assert known.person(f"{base}/t-3/v2.0", "7") is None


async def test_administrators_alone_see_and_change_them() -> None:
    known = providers()
    await known.put(SYSTEM, CORP)
    assert [provider.name for provider in known.providers(SYSTEM)] == ["corp"]
    with pytest.raises(AccessDenied):
        known.providers(NOBODY)
    with pytest.raises(AccessDenied):
        await known.put(NOBODY, CORP)
    with pytest.raises(AccessDenied):
        await known.remove(NOBODY, "corp")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "local"},
        {"name": "With:Colon"},
        {"name": "x" * 64},
        {"issuer": ""},
        {"issuer": "http://corp.test"},
        {"issuer": "ftp://corp.test"},
        {"client_id": ""},
        {"profile": "ldap"},
        {"tenants": ["x"]},
        {"api": "http://graph.test"},
        {"logout_endpoint": "javascript:alert(1)"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"max_age": -1},
        {"unknown": 1},
        {"profile": "github"},
    ],
)
async def test_what_does_not_fit_is_refused_wherever_it_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await providers().put(SYSTEM, {**CORP, **wrong})
    with pytest.raises(Invalid):
        providers(None, {**CORP, **wrong})


async def test_what_is_wrong_in_the_settings_is_told_by_name() -> None:
    with pytest.raises(Invalid, match="'corp': client_secret is no text"):
        providers(None, {**CORP, "client_secret": 7})
    with pytest.raises(Invalid, match="'corp': there are two"):
        providers(None, CORP, CORP)


async def test_github_needs_no_issuer_and_has_its_own_addresses() -> None:
    made = await providers().put(SYSTEM, {"name": "github", "profile": "github", "client_id": "a"}, secret="s")
    assert (made.issuer, made.api_base) == ("https://github.com", "https://api.github.com")
    there = await providers().put(
        SYSTEM,
        {"name": "ghe", "profile": "github", "client_id": "a", "issuer": "https://git.corp.test",
         "api": "https://git.corp.test/api/v3/"},
        secret="s",
    )  # fmt: skip
    assert there.api_base == "https://git.corp.test/api/v3"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "corp.localhost"])
async def test_a_provider_of_the_loopback_may_speak_http(host: str) -> None:
    made = await providers().put(SYSTEM, {**CORP, "issuer": f"http://{host}:9000"})
    assert made.issuer == f"http://{host}:9000"
