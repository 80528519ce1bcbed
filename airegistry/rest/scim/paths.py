"""Names of attributes in filters and patches (RFC 7644, section 3.10), and what stands there in a resource."""

from dataclasses import dataclass, replace

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.rest.scim.errors import Refused
from airegistry.rest.scim.schemas import COMMON, Attribute, Kind


@dataclass(frozen=True, slots=True)
class Path:
    """An attribute of a type of resource; `extension` is the URN that it stands below, "" for none."""

    attribute: Attribute
    sub: Attribute | None = None
    extension: str = ""

    @property
    def end(self) -> Attribute:
        """What its value is."""
        return self.sub or self.attribute

    def valued(self) -> "Path":
        """The path to what a complex attribute is compared by."""
        value = self.attribute.of("value") if self.sub is None and self.attribute.type == "complex" else None
        return replace(self, sub=value) if value is not None else self

    def values(self, resource: Json) -> list[JsonValue]:
        """What stands there, each of several."""
        holder: JsonValue = resource.get(self.extension) if self.extension else resource
        found = holder.get(self.attribute.name) if isinstance(holder, dict) else None
        several = found if isinstance(found, list) else [found]
        if self.sub is None:
            return [each for each in several if is_there(each)]
        parts = [each.get(self.sub.name) for each in several if isinstance(each, dict)]
        return [each for each in parts if is_there(each)]


def is_there(value: JsonValue) -> bool:
    """Whether a value counts as one (RFC 7643, section 2.5)."""
    if isinstance(value, dict):
        return any(is_there(each) for each in value.values())
    return value is not None and value not in ("", [])


def path_of(kind: Kind, text: str, refusal: str = "invalidPath") -> Path:
    """The attribute that a text names.

    Raises:
        Refused: there is none.
    """
    lowered = text.lower()
    schemas = [("", kind.schema, [*COMMON, *kind.attributes])]
    schemas += [(urn, urn, [*attributes]) for urn, attributes in kind.extensions.items()]
    for extension, urn, attributes in schemas:
        if lowered.startswith(f"{urn.lower()}:"):
            return _within(attributes, extension, text[len(urn) + 1 :], text, refusal)
    return _within(schemas[0][2], "", text, text, refusal)


def _within(attributes: list[Attribute], extension: str, name: str, text: str, refusal: str) -> Path:
    first, dot, rest = name.partition(".")
    attribute = next((each for each in attributes if each.name.lower() == first.lower()), None)
    sub = attribute.of(rest) if attribute is not None and dot else None
    if attribute is None or (dot and sub is None):
        raise Refused(f"there is no attribute {text[:100]!r}", refusal)
    return Path(attribute, sub, extension)
