"""YAML that others wrote, read without trusting it."""

import json

import yaml
from pydantic import JsonValue

from airegistry.core.errors import Invalid

MAX_DEPTH = 32


def read_yaml(text: str, what: str, field: str) -> JsonValue:
    """A YAML document as JSON; dates and the like become text. `what` it is and its `field` stand in the errors.

    Raises:
        Invalid: it is no YAML, uses aliases, or is nested too deep.
    """
    try:
        _check_bounded(text, what, field)
        plain: JsonValue = json.loads(json.dumps(yaml.safe_load(text), default=str, allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"{what} is no YAML: {str(error)[:200]}", field=field) from None
    return plain


def _check_bounded(text: str, what: str, field: str) -> None:
    """Refuse what grows out of proportion to its length: aliases in memory, deep nesting in time."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise Invalid(f"{what} uses YAML aliases, which are not taken", field=field)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise Invalid(f"{what} is nested more than {MAX_DEPTH} deep", field=field)
