"""JSON Schema 2020-12 whose patterns take linear time, whatever the text: an administrator's slip is no way to hang us.

`pattern` and `patternProperties` are read by Rust's regex, which pydantic has on board. It never goes back, so it knows
neither look-around nor back references.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from pydantic import JsonValue
from pydantic_core import SchemaError, SchemaValidator, core_schema
from pydantic_core import ValidationError as NoMatch

from airegistry.core.errors import Invalid

Json = Mapping[str, JsonValue]


class Descending(Protocol):
    """What a keyword needs of jsonschema's validators."""

    def descend(
        self, instance: JsonValue, schema: Json, path: str | None = None, schema_path: str | None = None
    ) -> Iterable[ValidationError]:
        """What is wrong with a part of the instance by a part of the schema."""
        ...


LONGEST: Final = 1_000
"""Characters of a pattern."""
_REASON: Final = re.compile(r"(?:error|SchemaError): (?!regex parse)(.{1,200})")


def check_pattern(pattern: str) -> None:
    """Return where a pattern can be used.

    Raises:
        Invalid: it is too long, is none, or takes look-around or back references.
    """
    _reader(pattern)


def finds(pattern: str, text: str) -> bool:
    """Whether a pattern matches somewhere in a text.

    Raises:
        Invalid: see `check_pattern`.
    """
    try:
        _reader(pattern).validate_python(text)
    except NoMatch:
        return False
    return True


@lru_cache(maxsize=512)
def _reader(pattern: str) -> SchemaValidator:
    said = f"schema: pattern {pattern[:100]!r}"
    if len(pattern) > LONGEST:
        raise Invalid(f"{said}: longer than {LONGEST} characters", field="schema")
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        why = _REASON.search(str(error))
        raise Invalid(f"{said}: {why[1] if why else 'cannot be used'}", field="schema") from None


def _pattern(validator: Descending, pattern: str, instance: JsonValue, schema: Json) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not finds(pattern, instance):
        yield ValidationError(f"{instance[:100]!r} does not match {pattern[:100]!r}")


def _pattern_properties(
    validator: Descending, patterns: Mapping[str, Json], instance: JsonValue, schema: Json
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, subschema in patterns.items():
            for name, value in instance.items():
                if finds(pattern, name):
                    yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Descending, allowed: Json | bool, instance: JsonValue, schema: Json
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    properties, patterns = schema.get("properties"), schema.get("patternProperties")
    known = properties if isinstance(properties, dict) else {}
    among = patterns if isinstance(patterns, dict) else {}
    others = [name for name in instance if name not in known and not any(finds(each, name) for each in among)]
    if isinstance(allowed, Mapping):
        for name in others:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and others:
        yield ValidationError(f"additional properties are not allowed: {', '.join(sorted(others))[:200]}")


LinearValidator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]  # as typeshed has it
    Draft202012Validator,
    {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional_properties},
)
"""Validates by a schema without `$schema`: that would bring jsonschema's own reading of patterns back."""
