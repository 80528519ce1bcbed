"""What this server does and knows (RFC 7643, sections 5 to 7)."""

from airegistry.core.assets import Json
from airegistry.rest.scim.schemas import KINDS, NAMES, RESOURCE_TYPE, SCHEMA, Attribute, Kind

CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
MAX_RESULTS = 1000


def service_provider_config(base: str) -> Json:
    """What is offered, and what is not."""
    off: Json = {"supported": False}
    return {
        "schemas": [CONFIG],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MAX_RESULTS},
        "changePassword": {**off},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken", "name": "OAuth bearer token", "primary": True,
                "description": "A static token of the registry, or an access token by client credentials, for `/api`.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }  # fmt: skip


def resource_types(base: str) -> list[Json]:
    """The types of resources there are."""
    return [_resource_type(kind, base) for kind in KINDS]


def schemas(base: str) -> list[Json]:
    """Their schemas."""
    found: list[Json] = []
    for kind in KINDS:
        for urn, attributes in kind.schemas().items():
            described = kind.described if urn == kind.schema else f"What companies say of a {kind.name.lower()}."
            found.append(_schema(urn, described, [*attributes], base))
    return found


def _resource_type(kind: Kind, base: str) -> Json:
    extensions: list[Json] = [{"schema": urn, "required": False} for urn in kind.extensions]
    said: Json = {
        "schemas": [RESOURCE_TYPE], "id": kind.name, "name": kind.name, "endpoint": kind.path,
        "description": kind.described, "schema": kind.schema,
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{kind.name}"},
    }  # fmt: skip
    return {**said, "schemaExtensions": [*extensions]} if extensions else said


def _schema(urn: str, described: str, attributes: list[Attribute], base: str) -> Json:
    return {
        "schemas": [SCHEMA], "id": urn, "name": NAMES[urn], "description": described,
        "attributes": [each.described() for each in attributes],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{urn}"},
    }  # fmt: skip
