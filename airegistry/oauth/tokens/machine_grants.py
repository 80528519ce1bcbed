"""The grant of machines on their own account: `client_credentials` (RFC 6749 section 4.4)."""

from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.principals import Principal
from airegistry.oauth.callers import Callers
from airegistry.oauth.forms import Form
from airegistry.oauth.model import CLIENT_GRANT, MCP_SCOPE, OFFLINE_SCOPE, Client
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import AccessTokens, Issued
from airegistry.oauth.tokens.authorizations import Refusal


class ClientCredentials:
    """Gives a client a token for what the client itself holds."""

    def __init__(self, tokens: AccessTokens, callers: Callers, resources: Resources, audit: Audit) -> None:
        self._tokens = tokens
        self._callers = callers
        self._resources = resources
        self._audit = audit

    async def __call__(self, client: Client, form: Form) -> Json:
        """The token response; there is no refresh token.

        Raises:
            OAuthError: `unauthorized_client`, `invalid_target` or `invalid_scope`.
        """
        who = machine(self._callers, client)
        async with self._audit.attempt(who, "token:mint", f"client/{client.client_id}") as attempt:
            check_machine(client, CLIENT_GRANT)
            attempt.target = resource = target(self._resources, form.get("resource"))
            asked = asked_scopes(form) or [MCP_SCOPE]
            if asked != self._callers.grantable(who.subject, asked):
                raise Refusal("invalid_scope", "a scope that was asked for does not exist, or the client lacks it")
            token, issued = self._tokens.mint(
                subject=who.subject, client_id=client.client_id, scopes=asked, resource=resource
            )
            attempt.reason = f"{CLIENT_GRANT}: {' '.join(asked)}"
        return token_response(token, issued)


def machine(callers: Callers, client: Client) -> Principal:
    """A client, as the audit trail names it."""
    subject = f"client:{client.client_id}"
    return callers.by_subject(subject, client=client.client_id) or Principal(subject, client=client.client_id)


def check_machine(client: Client, grant: str) -> None:
    """Grants without a person at the door are for clients that prove themselves and that an administrator made.

    Raises:
        OAuthError: the client is none of these.
    """
    if client.origin != "registered" or not client.confidential or not client.active:
        raise Refusal("unauthorized_client", f"{grant} is for confidential clients made by an administrator")


def target(resources: Resources, asked: str | None) -> str:
    """The resource a token is to be for.

    Raises:
        OAuthError: it is none of this registry's.
    """
    resource = resources.canonical(asked)
    if resource is None:
        raise Refusal("invalid_target", "this registry issues no tokens for that resource")
    return resource


def asked_scopes(form: Form) -> list[str]:
    """The scopes asked for; `offline_access` asks for what no machine is given, and is passed over."""
    return [scope for scope in form.scopes() if scope != OFFLINE_SCOPE]


def token_response(token: str, issued: Issued) -> Json:
    """RFC 6749 section 5.1."""
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(issued.expires_at - issued.issued_at),
        "scope": " ".join(sorted(issued.scopes)),
    }
