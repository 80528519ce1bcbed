"""POST /token: who may ask for what, and the words of every refusal (RFC 6749 section 5.2)."""

from collections.abc import Mapping

import httpx2
import pytest
from starlette.applications import Starlette

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Internal, Invalid, RateLimited
from airegistry.core.limits import Limiter
from airegistry.oauth.forms import MAX_FORM, Form, OAuthError
from airegistry.oauth.model import Client
from airegistry.oauth.tokens.token_endpoint import TokenEndpoint
from tests.oauth.issuing import URL, Issuer, TableAuthenticator, build_issuer, client

pytestmark = pytest.mark.anyio
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def issuer() -> Issuer:
    return await build_issuer()


async def send(issuer: Issuer, method: str, content: str = "", headers: Mapping[str, str] = FORM) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=issuer.app), base_url=URL) as http:
        return await http.request(method, "/token", content=content, headers=headers)


def error(response: httpx2.Response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert sorted(response.json()) == ["error", "error_description"]
    return str(response.json()["error"])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_only_post_is_served(issuer: Issuer, method: str) -> None:
    response = await send(issuer, method, "")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_a_body_that_is_no_form_is_refused(issuer: Issuer) -> None:
    json = await send(issuer, "POST", '{"grant_type": "authorization_code"}', {"content-type": "application/json"})
    assert error(json) == "invalid_request"


async def test_a_parameter_given_twice_is_refused(issuer: Issuer) -> None:
    code = await issuer.code()
    body = f"grant_type=authorization_code&client_id=app&code={code}&code={code}"
    assert error(await send(issuer, "POST", body)) == "invalid_request"


async def test_a_body_that_is_too_long_is_refused(issuer: Issuer) -> None:
    assert error(await send(issuer, "POST", "x=" + "y" * MAX_FORM), 413) == "invalid_request"


async def test_parameters_in_the_url_do_not_count(issuer: Issuer) -> None:
    code = await issuer.code()
    response = await issuer.post(f"/token?grant_type=authorization_code&client_id=app&code={code}", {"resource": "x"})
    assert error(response, 401) == "invalid_client"


async def test_a_request_without_a_grant_type_is_refused(issuer: Issuer) -> None:
    assert error(await issuer.post("/token", {"client_id": "app"})) == "invalid_request"


@pytest.mark.parametrize("missing", ["code", "refresh_token"])
async def test_a_request_without_its_grant_is_refused(issuer: Issuer, missing: str) -> None:
    kind = {"code": "authorization_code"}.get(missing, missing)
    response = await issuer.post("/token", {"client_id": "app", "grant_type": kind})
    assert error(response) == "invalid_request"
    assert response.json()["error_description"] == f"{missing} is missing"


@pytest.mark.parametrize("kind", ["password", "implicit", "Authorization_Code", "authorization_code "])
async def test_an_unknown_kind_of_grant_is_refused(issuer: Issuer, kind: str) -> None:
    assert error(await issuer.post("/token", {"client_id": "app", "grant_type": kind})) == "unsupported_grant_type"


async def test_a_kind_of_grant_that_the_client_is_not_registered_for_is_refused_and_audited(issuer: Issuer) -> None:
    response = await issuer.redeem(await issuer.code("idle"), "idle")
    assert error(response) == "unauthorized_client"
    [event] = await issuer.events("token:mint")
    assert (event.subject, event.client, event.decision, event.outcome) == ("client:idle", "idle", "deny", "refused")
    assert event.reason.endswith("not registered for the grant_type authorization_code")


async def test_a_client_that_may_not_refresh_cannot_use_a_refresh_token(issuer: Issuer) -> None:
    token = (await issuer.tokens_of())["refresh_token"]
    assert error(await issuer.refresh(token, "once")) == "unauthorized_client"


async def test_an_unknown_client_is_told_401_and_no_scheme_it_did_not_use(issuer: Issuer) -> None:
    response = await issuer.redeem(await issuer.code(), "nobody")
    assert error(response, 401) == "invalid_client"
    assert "www-authenticate" not in response.headers


async def test_a_client_that_fails_by_http_basic_is_challenged_for_basic(issuer: Issuer) -> None:
    response = await issuer.post("/token", {"grant_type": "authorization_code"}, basic="nobody")
    assert error(response, 401) == "invalid_client"
    assert response.headers["www-authenticate"] == 'Basic realm="airegistry", charset="UTF-8"'


async def test_a_confidential_client_needs_its_id_in_the_header_only(issuer: Issuer) -> None:
    """Auth trap 1."""
    code = await issuer.code("vault")
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": "https://app.test/callback",
        "code_verifier": "a-verifier-of-forty-three-characters-or-more",
    }  # fmt: skip
    assert (await issuer.post("/token", form, basic="vault")).status_code == 200


async def test_a_client_that_asks_too_often_waits_while_others_do_not() -> None:
    issuer = await build_issuer(burst=3)
    form = {"client_id": "app", "grant_type": "none"}
    for _ in range(3):
        assert error(await issuer.post("/token", form)) == "unsupported_grant_type"
    response = await issuer.post("/token", form)
    assert error(response, 429) == "temporarily_unavailable"
    assert response.headers["retry-after"] == "20"
    assert (await issuer.post("/token", {**form, "client_id": "other"})).status_code == 400
    assert (await issuer.post("/token", form, address="127.0.0.2")).status_code == 400
    issuer.clock.pass_(20)
    assert (await issuer.post("/token", form)).status_code == 400


async def test_who_keeps_failing_to_authenticate_waits_and_costs_the_client_nothing() -> None:
    issuer = await build_issuer(burst=3)
    wrong = {"client_id": "vault", "grant_type": "none"}
    for _ in range(3):
        assert error(await issuer.post("/token", wrong), 401) == "invalid_client"
    assert error(await issuer.post("/token", wrong), 429) == "temporarily_unavailable"
    assert (await issuer.post("/token", wrong, basic="vault")).status_code == 400
    assert (await issuer.post("/token", wrong, address="127.0.0.2")).status_code == 401


async def test_who_fails_to_authenticate_is_recorded_as_often_as_they_may_try() -> None:
    issuer = await build_issuer(burst=3)
    wrong = {"client_id": "vault", "grant_type": "none"}
    for _ in range(5):
        await issuer.post("/token", wrong)
    events = await issuer.events(action="client:authenticate")
    assert [(event.subject, event.decision, event.outcome) for event in events] == [
        ("anonymous", "deny", "refused")
    ] * 3
    assert "invalid_client" in events[0].reason
    assert "'vault'" in events[0].reason
    assert "127.0.0.1" in events[0].reason


@pytest.mark.parametrize(
    ("raised", "status", "word"),
    [
        (OAuthError("invalid_target", "no"), 400, "invalid_target"),
        (OAuthError("slow_down", "no", status=503), 503, "slow_down"),
        (RateLimited("too many", retry_after=7), 429, "temporarily_unavailable"),
        (Internal("the audit log cannot be written"), 500, "server_error"),
        (Invalid("bad"), 400, "invalid_request"),
    ],
)
async def test_whatever_a_grant_refuses_for_is_told_in_oauths_words(
    issuer: Issuer, raised: AirError, status: int, word: str
) -> None:
    async def refuse(client: Client, form: Form) -> Json:
        raise raised

    issuer.clients.put("custom", client("custom", grant_types=["urn:custom"]))
    limiter = Limiter(issuer.clock, burst=9, seconds=1, what="requests")
    authenticator = TableAuthenticator(issuer.clients)
    endpoint = TokenEndpoint(authenticator, {"urn:custom": refuse}, limiter, issuer.audit)
    issuer.app = Starlette(routes=endpoint.routes())
    response = await issuer.post("/token", {"client_id": "custom", "grant_type": "urn:custom"})
    assert error(response, status) == word
    assert response.json()["error_description"] == raised.message
