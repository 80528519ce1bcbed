"""PATCH: every operation on every sort of attribute, as RFC 7644 and as identity providers have it."""

import pytest

from airegistry.core.assets import Json
from airegistry.rest.scim.errors import Refused
from airegistry.rest.scim.patches import PATCH, operations_of, patched
from airegistry.rest.scim.schemas import ENTERPRISE, USERS

WORK: Json = {"value": "w@x", "type": "work", "primary": True}
HOME: Json = {"value": "h@x", "type": "home"}
M1: Json = {"value": "m1"}
ANN: Json = {
    "userName": "ann", "active": True, "title": "Guide", "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [WORK, HOME], ENTERPRISE: {"department": "Tours", "manager": M1},
}  # fmt: skip


def done(*operations: Json) -> Json:
    """What operations make of Ann."""
    sent: Json = {"schemas": [PATCH], "Operations": [*operations]}
    return patched(USERS, ANN, operations_of(USERS, sent))


def op(name: str, path: str | None = None, *value: object) -> Json:
    """An operation."""
    said: Json = {"op": name} if path is None else {"op": name, "path": path}
    return {**said, "value": value[0]} if value else said  # type: ignore[dict-item]  # JSON


CASES: list[tuple[str, list[Json], Json]] = [
    ("a simple value is set", [op("add", "title", "Chief")], {"title": "Chief"}),
    ("and replaced", [op("replace", "TITLE", "Chief")], {"title": "Chief"}),
    ("and removed", [op("remove", "title")], {"title": None}),
    ("null removes", [op("replace", "title", None)], {"title": None}),
    ("a part is set", [op("replace", "name.givenName", "Bo")], {"name": {"givenName": "Bo", "familyName": "Lee"}}),
    ("a part is removed", [op("remove", "name.givenName")], {"name": {"givenName": None, "familyName": "Lee"}}),
    (
        "parts are merged",
        [op("replace", "name", {"givenName": "Bo"})],
        {"name": {"givenName": "Bo", "familyName": "Lee"}},
    ),
    (
        "an extension is reached",
        [op("add", f"{ENTERPRISE}:department", "X")],
        {ENTERPRISE: {"department": "X", "manager": M1}},
    ),
    (
        "values are added",
        [op("add", "emails", [{"value": "o@x", "type": "other"}])],
        {"emails": [WORK, HOME, {"value": "o@x", "type": "other"}]},
    ),
    ("a value that is there is not added again", [op("add", "emails", HOME)], {"emails": [WORK, HOME]}),
    ("values are replaced", [op("replace", "emails", [HOME])], {"emails": [HOME]}),
    ("all values are removed", [op("remove", "emails")], {"emails": None}),
    ("those that fit are removed", [op("remove", 'emails[type eq "work"]')], {"emails": [HOME]}),
    ("none that fits is gone already", [op("remove", 'emails[type eq "x"]')], {}),
    (
        "one that fits is replaced",
        [op("replace", 'emails[type eq "home"]', {"value": "n@x"})],
        {"emails": [WORK, {"value": "n@x"}]},
    ),
    (
        "one that fits is added to",
        [op("add", 'emails[type eq "home"]', {"display": "H"})],
        {"emails": [WORK, {**HOME, "display": "H"}]},
    ),
    (
        "a part of one that fits is set",
        [op("replace", 'emails[type eq "home" and value co "h@"].value', "n@x")],
        {"emails": [WORK, {**HOME, "value": "n@x"}]},
    ),
    (
        "one that fits is made",
        [op("add", 'emails[type eq "other"].value', "o@x")],
        {"emails": [WORK, HOME, {"type": "other", "value": "o@x"}]},
    ),
    (
        "a new first choice ends the old one",
        [op("add", "emails", [{"value": "n@x", "primary": True}])],
        {"emails": [{**WORK, "primary": False}, HOME, {"value": "n@x", "primary": True}]},
    ),
    (
        "and so does its part",
        [op("replace", 'emails[type eq "home"].primary', "True")],
        {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
    ),
    (
        "one part of all values",
        [op("replace", "emails.display", "X")],
        {"emails": [{**WORK, "display": "X"}, {**HOME, "display": "X"}]},
    ),
    ("several in order", [op("remove", "title"), op("add", "title", "A"), op("replace", "title", "B")], {"title": "B"}),
    ("Entra: capitals and text for truth", [op("Replace", "active", "False")], {"active": False}),
    (
        "Entra: paths as members",
        [op("Add", None, {"name.givenName": "Bo", f"{ENTERPRISE}:department": "X"})],
        {"name": {"givenName": "Bo", "familyName": "Lee"}, ENTERPRISE: {"department": "X", "manager": M1}},
    ),
    (
        "Entra: the manager as text",
        [op("Add", f"{ENTERPRISE}:manager", "m2")],
        {ENTERPRISE: {"department": "Tours", "manager": {"value": "m2"}}},
    ),
    (
        "Entra: the manager as empty text",
        [op("Replace", f"{ENTERPRISE}:manager", "")],
        {ENTERPRISE: {"department": "Tours"}},
    ),
    ("Okta: no path", [op("replace", None, {"active": False, "id": "x", "meta": {}, "unknown": 1})], {"active": False}),
    (
        "an extension as a member",
        [op("add", None, {ENTERPRISE: {"costCenter": "7"}})],
        {ENTERPRISE: {"department": "Tours", "manager": M1, "costCenter": "7"}},
    ),
    ("an extension is removed", [op("remove", ENTERPRISE.upper())], {ENTERPRISE: None}),
    (
        "an extension as a path",
        [op("add", ENTERPRISE, {"costCenter": "7"})],
        {ENTERPRISE: {"department": "Tours", "manager": M1, "costCenter": "7"}},
    ),
]


def plain(value: object) -> object:
    """Without members of no value."""
    if isinstance(value, dict):
        return {name: left for name, each in value.items() if (left := plain(each)) not in (None, {}, [])}
    return [plain(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("operations", "changed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_operation_does_what_it_says(operations: list[Json], changed: Json) -> None:
    before = repr(ANN)
    assert plain(done(*operations)) == plain({**ANN, **changed})
    assert repr(ANN) == before


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (op("remove", "userName"), "mutability"),
        (op("replace", "userName", ""), "mutability"),
        (op("replace", "id", "x"), "mutability"),
        (op("add", "groups", [{"value": "x"}]), "mutability"),
        (op("add", "meta.version", "x"), "mutability"),
        (op("replace", 'emails[type eq "x"].value', "o@x"), "noTarget"),
        (op("replace", 'emails[type eq "x"]', {"value": "x"}), "noTarget"),
        (op("add", 'emails[type sw "x"].value', "o@x"), "noTarget"),
        (op("remove"), "noTarget"),
        (op("add", "unknown", "x"), "invalidPath"),
        (op("add", "name.unknown", "x"), "invalidPath"),
        (op("add", "name[givenName eq 1]", "x"), "invalidPath"),
        (op("add", 'emails[type eq "work"', "x"), "invalidPath"),
        (op("add", 'emails[type eq "work"]x', "x"), "invalidPath"),
        (op("add", 'emails[type eq "work"].value.x', "x"), "invalidPath"),
        (op("add", "emails[" * 30, "x"), "invalidPath"),
        (op("add", "title"), "invalidValue"),
        (op("add", "title", 7), "invalidValue"),
        (op("add", "active", "maybe"), "invalidValue"),
        (op("add", None, "x"), "invalidValue"),
        (op("move", "title", "x"), "invalidSyntax"),
        ({"op": 7}, "invalidSyntax"),
        ({}, "invalidSyntax"),
    ],
)
def test_what_cannot_be_done_is_refused_and_says_why(operation: Json, kind: str) -> None:
    with pytest.raises(Refused) as refusal:
        done(operation)
    assert refusal.value.type == kind


@pytest.mark.parametrize("sent", [{}, {"schemas": [PATCH]}, {"Operations": [op("remove", "title")]},
                                  {"schemas": [PATCH], "Operations": [op("remove", "title")] * 1001}])  # fmt: skip
def test_what_is_no_patch_is_refused(sent: Json) -> None:
    with pytest.raises(Refused):
        operations_of(USERS, sent)
