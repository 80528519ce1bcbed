"""The language of filters: read, printed, and answered as a naive reading of RFC 7644 does."""

import json
import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.assets import Json
from airegistry.rest.scim.errors import Refused
from airegistry.rest.scim.filters import MAX_DEPTH, And, Compare, Filter, Not, Or, Present, Within, parsed
from airegistry.rest.scim.matching import predicate_of
from airegistry.rest.scim.schemas import ENTERPRISE, GROUP, GROUPS, USER, USERS
from tests.support.rounds import examples

ANN: Json = {
    "id": "1", "userName": "bjensen", "title": "Tour Guide", "userType": "Employee", "active": True,
    "name": {"familyName": "O'Malley"}, "profileUrl": "https://x/Y",
    "emails": [{"type": "work", "value": "b@example.com"}, {"type": "home", "value": "b@example.org"}],
    "meta": {"lastModified": "2011-05-13T04:42:34Z", "resourceType": "User"}, ENTERPRISE: {"manager": {"value": "M1"}},
}  # fmt: skip
FITTING = [
    # The examples of RFC 7644, section 3.4.2.2, and more of each rule.
    'userName eq "bjensen"', 'userName Eq "BJENSEN"', 'name.familyName co "O\'Malley"', 'userName sw "J" or title pr',
    f'{USER}:userName sw "B"', "title pr", 'meta.lastModified gt "2011-05-13T04:42:33Z"',
    'meta.lastModified ge "2011-05-13T04:42:34Z"', 'meta.lastModified le "2011-05-13T06:42:34+02:00"',
    'meta.lastModified eq "2011-05-13T04:42:34.000Z"', 'title pr and userType eq "Employee"',
    'title pr or userType eq "Intern"',
    'userType eq "Employee" and (emails co "example.com" or emails.value co "x.org")',
    'userType ne "Intern" and not (emails co "example.net")', 'userType eq "Employee" and emails[type eq "work" and '
    'value co "@example.com"]', 'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]',
    'active eq true', 'active eq "True"', "active ne false", "nickName eq null", "title ne null", 'nickName ne "x"',
    "not (nickName pr)", f'{ENTERPRISE}:manager eq "M1"', f"{ENTERPRISE}:manager.value pr", "emails pr", "name pr",
    'profileUrl eq "https://x/Y"', 'userName gt "a" AND userName lt "c"', '((userName eq "bjensen"))', 'emails ne "x"',
    'emails[type eq "work"].value eq "B@example.com"', 'userName eq "\\u0062jensen"', 'userName ew "SEN"',
]  # fmt: skip
OTHERS = [
    'userName eq "x"', 'profileUrl eq "https://x/y"', "active eq false", "not (title pr)", 'nickName eq "x"',
    'emails[type eq "work" and value co "org"]', 'meta.lastModified gt "2011-05-13T04:42:34Z"', "nickName pr",
    'title pr and userType eq "Intern" or nickName pr', f'{ENTERPRISE}:manager eq "m1"', 'nickName gt "a"',
]  # fmt: skip


def fits(text: str, resource: Json = ANN) -> bool:
    return predicate_of(USERS, parsed(text))(resource)


@pytest.mark.parametrize("text", FITTING)
def test_what_fits_fits(text: str) -> None:
    assert fits(text)


@pytest.mark.parametrize("text", OTHERS)
def test_what_does_not_fit_does_not(text: str) -> None:
    assert not fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "userName", "userName eq", 'eq "x"', 'userName is "x"', 'userName eq "x', 'userName eq "x" and',
        'userName eq "x" userName pr', "(userName pr", "userName pr)", "not userName pr", "not", 'userName eq x',
        'emails[type eq "x"', 'emails[type eq "x"]]', 'emails[type eq "x"].(value eq "y")',
        'emails[type eq "x"].', "unknown pr", 'name eq "x"',
        "userName eq 7", "active gt true", 'active eq "maybe"', 'active co "x"', "title gt null", "userName eq 0x1",
        'meta.lastModified gt "soon"', 'name.unknown eq "x"', 'emails[unknown eq "x"]', 'userName[value eq "x"]',
        'userName eq "a\nb"', "userName eq 'x'", "userName eq 01", "userName eq " + "9" * 30, "title pr; drop",
        'name.familyName[x pr]', "urn:x:title pr", '"x" eq userName', "title pr and or title pr", "\u0130d pr",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        fits(text)
    assert (refusal.value.type, refusal.value.status) == ("invalidFilter", 400)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000, "not (" * 1000, "emails[" * 700, "(" * (MAX_DEPTH + 2) + "title pr" + ")" * (MAX_DEPTH + 2),
        '"' * 100_000, 'title eq "' + "\\" * 4000, " " * 100_000, 'title eq "' + "a" * 5000 + '"', "a." * 2000 + "a pr",
    ],
)  # fmt: skip
def test_hostile_filters_are_refused_in_no_time(text: str) -> None:
    began = time.process_time()
    with pytest.raises(Refused):
        fits(text)
    assert time.process_time() - began < 0.5


def test_a_long_filter_takes_time_in_proportion() -> None:
    text = " or ".join(['title eq "a"'] * 240)
    began = time.process_time()
    assert not fits(text)
    assert time.process_time() - began < 0.5


def test_members_of_groups_are_compared_by_their_value() -> None:
    group: Json = {"displayName": "staff", "members": [{"value": "1", "type": "User"}]}
    assert predicate_of(GROUPS, parsed('members eq "1"'))(group)
    assert predicate_of(GROUPS, parsed(f'{GROUP}:members[value eq "1" and type eq "user"]'))(group)


TEXTS = st.sampled_from(["a", "b", "B", "ab", "work", "", "é", '"', "\\", "2011-05-13T04:42:34Z"])
PATHS = ["userName", "title", "name.givenName", "emails.value", "emails", "emails.type", f"{ENTERPRISE}:department"]
PARTS = ["value", "type", "display"]
ORDERS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])


def comparisons(paths: list[str]) -> st.SearchStrategy[Filter]:
    compared = st.builds(Compare, st.sampled_from(paths), ORDERS, TEXTS)
    null = st.builds(Compare, st.sampled_from(paths), st.sampled_from(["eq", "ne"]), st.none())
    return st.one_of(compared, null, st.builds(Present, st.sampled_from(paths)))


def nested(leaves: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


ACTIVE = st.builds(Compare, st.just("active"), st.sampled_from(["eq", "ne"]), st.booleans())
FILTERS = nested(
    st.one_of(comparisons(PATHS), ACTIVE, st.builds(Within, st.just("emails"), nested(comparisons(PARTS))))
)
EMAIL = st.fixed_dictionaries({}, optional={"value": TEXTS, "type": TEXTS, "display": TEXTS})
RESOURCES = st.fixed_dictionaries(
    {"userName": TEXTS},
    optional={
        "title": TEXTS, "active": st.booleans(), "name": st.fixed_dictionaries({}, optional={"givenName": TEXTS}),
        "emails": st.lists(EMAIL, max_size=3), ENTERPRISE: st.fixed_dictionaries({}, optional={"department": TEXTS}),
    },
)  # fmt: skip


def oracle(found: Filter, resource: Json) -> bool:
    """As the RFC says it, one rule after another."""
    match found:
        case Not():
            return not oracle(found.inner, resource)
        case And():
            return not [each for each in found.parts if not oracle(each, resource)]
        case Or():
            return bool([each for each in found.parts if oracle(each, resource)])
        case Within():
            listed = resource.get(found.path) or []
            assert isinstance(listed, list)
            return any(oracle(found.inner, each) for each in listed if isinstance(each, dict) and any(each.values()))
        case Present():
            return any(naive_values(found.path, resource, whole=True))
        case Compare():
            return naive(found, [each for each in naive_values(found.path, resource) if each not in (None, "")])


def naive_values(path: str, resource: Json, *, whole: bool = False) -> list[object]:
    here: list[object] = [resource]
    if path.startswith(f"{ENTERPRISE}:"):
        here, path = [resource.get(ENTERPRISE, {})], path.removeprefix(f"{ENTERPRISE}:")
    names = path.split(".")
    if path == "emails" and not whole:
        names.append("value")
    for name in names:
        found = [each.get(name) for each in here if isinstance(each, dict)]
        here = [inner for each in found for inner in (each if isinstance(each, list) else [each])]
    return [any(each.values()) if isinstance(each, dict) else each for each in here]


def naive(found: Compare, values: list[object]) -> bool:
    if found.value is None:
        return bool(values) is (found.operator == "ne")
    if isinstance(found.value, bool):
        same = [each == found.value for each in values]
        return any(same) if found.operator == "eq" else not values or not all(same)
    wanted, texts = found.value, [str(each).casefold() for each in values]
    assert isinstance(wanted, str)
    folded = wanted.casefold()
    if found.operator == "ne":
        return not texts or any(each != folded for each in texts)
    tests = {
        "eq": lambda text: text == folded, "co": lambda text: folded in text,
        "sw": lambda text: text.startswith(folded), "ew": lambda text: text.endswith(folded),
        "gt": lambda text: text > folded, "ge": lambda text: text >= folded,
        "lt": lambda text: text < folded, "le": lambda text: text <= folded,
    }  # fmt: skip
    return any(map(tests[found.operator], texts))


@settings(max_examples=examples(80), deadline=None)
@given(FILTERS, RESOURCES)
def test_a_filter_is_read_as_printed_and_answers_as_the_naive_reading(found: Filter, resource: Json) -> None:
    assert parsed(str(found)) == found
    assert predicate_of(USERS, found)(resource) == oracle(found, resource)


@settings(max_examples=examples(80), deadline=None)
@given(st.text(alphabet='()[]" \\abceqopr.:-0\n', max_size=60) | st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parsed(text)
    except Refused:
        return
    assert parsed(str(found)) == found


@settings(max_examples=examples(50), deadline=None)
@given(st.datetimes(), st.datetimes(), st.sampled_from(["eq", "gt", "ge", "lt", "le"]))
def test_times_are_compared_as_times(first: datetime, second: datetime, operator: str) -> None:
    resource: Json = {"meta": {"created": first.isoformat() + "+00:00"}}
    tests = {
        "eq": first == second,
        "gt": first > second,
        "ge": first >= second,
        "lt": first < second,
        "le": first <= second,
    }
    text = f"meta.created {operator} {json.dumps(second.isoformat() + 'Z')}"
    assert fits(text, resource) is tests[operator]
