"""Groups that no token carries: of Microsoft Graph when they are too many (overage), and of GitHub."""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from airegistry.core.documents import Json
from airegistry.core.errors import AccessDenied, Invalid, UpstreamFailed
from airegistry.egress.json_http import Answer, JsonHttp

MAX_PAGES = 50
_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="?next"?')


def github_metadata(issuer: str) -> Json:
    """What discovery would say of GitHub, or of a GitHub Enterprise Server at this address."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/login/oauth/authorize",
        "token_endpoint": f"{issuer}/login/oauth/access_token",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }


async def graph_groups(http: JsonHttp, base: str, access_token: str) -> list[str]:
    """The object ids of all security groups and directory roles a person is in, directly or not.

    Raises:
        AccessDenied: they cannot be had: with some groups missing, a person might be let in too far, or not at all.
    """
    try:
        url, names = f"{base}/me/getMemberObjects", list[str]()
        answer = await http.post_json(url, {"securityEnabledOnly": True}, headers=_bearer(access_token))
        for _ in range(MAX_PAGES):
            body = _object(answer)
            names += _ids(body.get("value"))
            after = body.get("@odata.nextLink")
            if after is None:
                return names
            answer = await http.get(_same_base(after, base), headers=_bearer(access_token))
        raise UpstreamFailed(f"more than {MAX_PAGES} pages of groups")
    except (Invalid, UpstreamFailed) as error:
        raise AccessDenied(
            "this account is in more groups than a token names, and Microsoft Graph did not name them: "
            f"{error.message}. An administrator can have Entra ID emit fewer groups, or allow `User.Read`"
        ) from error


async def github_claims(http: JsonHttp, base: str, access_token: str) -> Json:
    """The person behind a token of GitHub, as an id token would put it; groups are `ORG` and `ORG/TEAM`.

    Raises:
        UpstreamFailed: GitHub does not tell, or not all of it.
    """
    headers = {**_bearer(access_token), "accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
    user = _object(await http.get(f"{base}/user", headers=headers))
    number = user.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise UpstreamFailed("GitHub names no user")
    orgs = [_text(org, "login") for org in await _all(http, base, "/user/orgs", headers)]
    teams = [
        f"{_text(org, 'login')}/{_text(team, 'slug')}"
        for team in await _all(http, base, "/user/teams", headers)
        if isinstance(org := team.get("organization"), dict)
    ]
    groups: list[JsonValue] = [*dict.fromkeys([*orgs, *teams])]
    email = await _github_email(http, base, headers)
    name = user.get("name") or user.get("login")
    return {"sub": str(number), "name": name, "email": email, "email_verified": email is not None, "groups": groups}


async def _github_email(http: JsonHttp, base: str, headers: Mapping[str, str]) -> str | None:
    """The primary address, if it is verified. None too when the token may not see it."""
    answer = await http.get(f"{base}/user/emails", headers=headers)
    listed = answer.json() if answer.status == 200 else []
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("primary") is True and each.get("verified") is True:
            return _text(each, "email")
    return None


async def _all(http: JsonHttp, base: str, path: str, headers: Mapping[str, str]) -> list[Json]:
    """The objects on all pages of a list of GitHub's."""
    url, found = f"{base}{path}?per_page=100", list[Json]()
    for _ in range(MAX_PAGES):
        answer = await http.get(url, headers=headers)
        listed = answer.json() if answer.status == 200 else None
        if not isinstance(listed, list):
            raise UpstreamFailed(f"GitHub answered {answer.status} at {path}")
        found += [each for each in listed if isinstance(each, dict)]
        after = _NEXT.search(answer.headers.get("link", ""))
        if after is None:
            return found
        url = _same_base(after[1], base)
    raise UpstreamFailed(f"GitHub has more than {MAX_PAGES} pages at {path}")


def _object(answer: Answer) -> Json:
    if answer.status != 200:
        raise UpstreamFailed(f"it answered {answer.status}")
    return answer.object()


def _ids(value: JsonValue) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UpstreamFailed("the answer is no list of groups")
    return [str(each) for each in value]


def _same_base(url: JsonValue, base: str) -> str:
    """The address of a further page: below the same base, or the access token would go to whomever it names."""
    if not isinstance(url, str) or not url.startswith(f"{base}/"):
        raise UpstreamFailed("the next page is at another address")
    return url


def _text(value: Json, name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise UpstreamFailed(f"GitHub left out {name}")
    return text


def _bearer(access_token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {access_token}"}
