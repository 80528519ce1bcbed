"""What SCIM says of people and groups (RFC 7643), as tables, as far as it is kept here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from airegistry.core.assets import Json

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"

Type = Literal["string", "boolean", "integer", "dateTime", "reference", "complex"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute, with the characteristics of RFC 7643, section 2.2."""

    name: str
    type: Type = "string"
    description: str = ""
    multi: bool = False
    required: bool = False
    exact: bool = False
    writable: bool = True
    returned: Literal["always", "default"] = "default"
    unique: bool = False
    sub: Sequence["Attribute"] = ()
    canonical: Sequence[str] = ()
    refers_to: Sequence[str] = ()
    mutability: str = ""

    def of(self, name: str) -> "Attribute | None":
        """The sub-attribute of a name, in any case."""
        folded = name.lower()
        return next((each for each in self.sub if each.name.lower() == folded), None)

    def described(self) -> Json:
        """As `/Schemas` has it."""
        said: Json = {
            "name": self.name, "type": self.type, "multiValued": self.multi, "description": self.description,
            "required": self.required, "mutability": self.mutability or ("readWrite" if self.writable else "readOnly"),
            "returned": self.returned,
        }  # fmt: skip
        if self.type != "complex":
            said |= {"caseExact": self.exact, "uniqueness": "server" if self.unique else "none"}
        if self.canonical:
            said["canonicalValues"] = [*self.canonical]
        if self.refers_to:
            said["referenceTypes"] = [*self.refers_to]
        if self.sub:
            said["subAttributes"] = [each.described() for each in self.sub]
        return said


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of resource: its path below the base, and the schemas of its attributes; "" is the one of its own."""

    name: str
    path: str
    schema: str
    described: str
    attributes: Sequence[Attribute]
    extensions: Mapping[str, Sequence[Attribute]]

    def schemas(self) -> Mapping[str, Sequence[Attribute]]:
        """The attributes of each schema by its URN."""
        return {self.schema: self.attributes, **self.extensions}


def _plain(names: str) -> list[Attribute]:
    return [Attribute(name, description=f"The {name} of the person.") for name in names.split()]


def _several(name: str, *types: str, value: Type = "string") -> Attribute:
    reference: Sequence[str] = ("external",) if value == "reference" else ()
    sub = [
        Attribute("value", value, "The value.", exact=value == "reference", refers_to=reference),
        Attribute("display", description="A name to show."),
        Attribute("type", description="What it is for.", canonical=types),
        Attribute("primary", "boolean", "Whether it is the first choice."),
    ]
    return Attribute(name, "complex", f"The {name} of the person.", multi=True, sub=sub)


COMMON = (
    Attribute("id", description="The id here, never another's.", required=True, exact=True, writable=False,
              returned="always", unique=True),
    Attribute("externalId", description="The id at whoever provisions.", exact=True),
    Attribute("meta", "complex", "When it was made and changed.", writable=False, sub=(
        Attribute("resourceType", exact=True, writable=False, description="The type."),
        Attribute("created", "dateTime", "When it was made.", writable=False),
        Attribute("lastModified", "dateTime", "When it was changed last.", writable=False),
        Attribute("location", "reference", "Where it is.", exact=True, writable=False, refers_to=("uri",)),
        Attribute("version", exact=True, writable=False, description="Its ETag."),
    )),
)  # fmt: skip

_NAME = _plain("formatted familyName givenName middleName honorificPrefix honorificSuffix")
_ADDRESS = (
    *_plain("formatted streetAddress locality region postalCode country"),
    Attribute("type", description="What it is for.", canonical=("work", "home", "other")),
    Attribute("primary", "boolean", "Whether it is the first choice."),
)
_MEMBERSHIP = (
    Attribute("value", description="The id of the group.", exact=True, writable=False),
    Attribute("$ref", "reference", "Where it is.", exact=True, writable=False, refers_to=("Group",)),
    Attribute("display", description="The name of the group.", writable=False),
    Attribute("type", description="How one is in it.", writable=False, canonical=("direct", "indirect")),
)
_MEMBER = (
    Attribute("value", description="The id of the member.", exact=True, mutability="immutable"),
    Attribute(
        "$ref", "reference", "Where it is.", exact=True, mutability="immutable", writable=False, refers_to=("User",)
    ),
    Attribute("type", description="What the member is.", mutability="immutable", canonical=("User",)),
)
_MANAGER = (
    Attribute("value", description="The id of the manager.", exact=True),
    Attribute("$ref", "reference", "Where it is.", exact=True, refers_to=("User",)),
    Attribute("displayName", description="The name of the manager.", writable=False),
)

USERS = Kind(
    "User", "/Users", USER, "A person.",
    (
        Attribute("userName", description="The name that only one person has.", required=True, unique=True),
        Attribute("name", "complex", "The person's name.", sub=_NAME),
        *_plain("displayName nickName"),
        Attribute("profileUrl", "reference", "A page about the person.", exact=True, refers_to=("external",)),
        *_plain("title userType preferredLanguage locale timezone"),
        Attribute("active", "boolean", "Whether the person may come in."),
        _several("emails", "work", "home", "other"),
        _several("phoneNumbers", "work", "home", "mobile", "fax", "pager", "other"),
        _several("ims"),
        _several("photos", "photo", "thumbnail", value="reference"),
        Attribute("addresses", "complex", "Addresses of the person.", multi=True, sub=_ADDRESS),
        Attribute("groups", "complex", "The groups the person is in.", multi=True, writable=False, sub=_MEMBERSHIP),
        _several("entitlements"),
        _several("roles"),
    ),
    {
        ENTERPRISE: (
            *_plain("employeeNumber costCenter organization division department"),
            Attribute("manager", "complex", "The person's manager.", sub=_MANAGER),
        )
    },
)  # fmt: skip
GROUPS = Kind(
    "Group", "/Groups", GROUP, "A group of people.",
    (
        Attribute("displayName", description="The name of the group.", required=True, unique=True),
        Attribute("members", "complex", "Who is in the group.", multi=True, sub=_MEMBER),
    ),
    {},
)  # fmt: skip
KINDS = (USERS, GROUPS)
NAMES = {USER: "User", ENTERPRISE: "EnterpriseUser", GROUP: "Group"}
