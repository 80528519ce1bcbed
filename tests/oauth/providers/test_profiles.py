"""Where groups are found and what becomes of their names: functions over claims."""

import pytest

from airegistry.core.documents import Json
from airegistry.oauth.providers.profiles import PROFILES, ProfileName, groups_in, is_template, places, refined, template

TAKEN: list[tuple[ProfileName, str | None, Json, list[str] | None]] = [
    ("oidc", None, {"groups": ["a"]}, ["a"]),
    ("oidc", None, {"groups": "a"}, ["a"]),
    ("oidc", None, {"groups": []}, []),
    ("oidc", None, {"groups": ["a", 7, None]}, ["a"]),
    ("oidc", None, {"groups": {"a": 1}}, []),
    ("oidc", None, {}, None),
    ("oidc", "https://corp.test/groups", {"https://corp.test/groups": ["a"]}, ["a"]),
    ("oidc", "cognito:groups", {"cognito:groups": ["a"]}, ["a"]),
    ("oidc", "a.b.c", {"a": {"b": {"c": ["x"]}}}, ["x"]),
    ("oidc", "a.b.c", {"a.b.c": ["literal"], "a": {"b": {"c": ["x"]}}}, ["literal"]),
    ("oidc", "a.b.c", {"a": "b", "groups": ["not asked for"]}, None),
    ("oidc", "roles", {"roles": ["a"], "groups": ["b"]}, ["a"]),
    ("keycloak", None, {"groups": ["/g"], "realm_access": {"roles": ["r"]}}, ["/g"]),
    (
        "keycloak",
        None,
        {"realm_access": {"roles": ["r"]}, "resource_access": {"my.app": {"roles": ["c"]}, "x": {"roles": ["no"]}}},
        ["r", "c"],
    ),
    ("keycloak", None, {"resource_access": {"my.app": {"roles": ["c"]}}}, ["c"]),
    ("ping", None, {"groups": ["a"], "memberOf": ["CN=b"]}, ["a"]),
    ("ping", None, {"memberOf": "CN=b,DC=x"}, ["CN=b,DC=x"]),
    ("cognito", None, {"cognito:groups": ["a"], "groups": ["b"]}, ["a"]),
    ("auth0", None, {"https://airegistry/groups": ["a"]}, ["a"]),
    ("auth0", None, {"groups": ["from a form that users fill in"]}, None),
]


@pytest.mark.parametrize(("profile", "configured", "claims", "groups"), TAKEN)
def test_groups_are_where_the_vendor_or_the_administrator_has_them(
    profile: ProfileName, configured: str | None, claims: Json, groups: list[str] | None
) -> None:
    assert groups_in(claims, places(PROFILES[profile], configured), "my.app") == groups


def test_groups_are_filtered_then_renamed() -> None:
    names = ["team-a", "team-b", "all", "team-a"]
    assert refined(names, wanted=[], renamed={}, dn=False) == ["all", "team-a", "team-b"]
    assert refined(names, wanted=["team-*"], renamed={"team-a": "alpha", "all": "no"}, dn=False) == ["alpha", "team-b"]
    assert refined(names, wanted=["TEAM-*"], renamed={}, dn=False) == []


def test_a_provider_makes_nobody_an_administrator_whom_nobody_here_asked_for() -> None:
    names = ["administrators", "staff"]
    assert refined(names, wanted=[], renamed={}, dn=False) == ["staff"]
    assert refined(names, wanted=["*"], renamed={}, dn=False) == names
    assert refined(names, wanted=[], renamed={"staff": "administrators"}, dn=False) == ["administrators"]
    assert refined(["bosses"], wanted=[], renamed={"bosses": "administrators"}, dn=False) == ["administrators"]


def test_where_anybody_may_take_a_name_only_names_that_were_asked_for_count() -> None:
    names = ["acme", "acme/platform", "staff"]
    assert refined(names, wanted=[], renamed={}, dn=False, open_names=True) == []
    assert refined(names, wanted=["acme*"], renamed={}, dn=False, open_names=True) == ["acme", "acme/platform"]
    assert refined(names, wanted=[], renamed={"acme": "staff"}, dn=False, open_names=True) == ["staff"]


@pytest.mark.parametrize(
    ("name", "cn"),
    [
        ("CN=devs,OU=Groups,DC=corp", "devs"),
        ("cn = devs , ou=x", "devs"),
        (r"CN=R\, D,DC=x", "R, D"),
        ("CN=a+UID=b,DC=x", "a"),
        ("OU=x,CN=devs", "OU=x,CN=devs"),
        ("devs", "devs"),
    ],
)
def test_an_ldap_name_becomes_its_cn(name: str, cn: str) -> None:
    assert refined([name], wanted=[], renamed={}, dn=True) == [cn]
    assert refined([name], wanted=[], renamed={}, dn=False) == [name]


@pytest.mark.parametrize(
    ("issuer", "many"),
    [
        ("https://login.microsoftonline.com/common/v2.0", True),
        ("https://login.microsoftonline.com/organizations/v2.0", True),
        ("https://login.microsoftonline.com/consumers/v2.0", False),
        ("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", False),
        ("https://corp.test/common", False),
        ("https://corp.test/common/v2.0/x", False),
    ],
)
def test_an_issuer_for_many_tenants_is_told_by_its_path(issuer: str, many: bool) -> None:
    assert is_template(issuer) is many
    assert template(issuer) == ("https://login.microsoftonline.com/{tenantid}/v2.0" if many else issuer)
