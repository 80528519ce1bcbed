"""Input that comes as plain fields, and what is said of it when it does not fit."""

from pydantic import ValidationError

from airegistry.core.assets import ASSET, MODELS, Json
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset


def validated(fields: Json) -> AnyAsset:
    """An asset of these fields.

    Raises:
        Invalid: a field is unknown, missing or does not fit; the first one is named.
    """
    try:
        return ASSET.validate_python(fields, by_alias=True, by_name=False)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Invalid:
    """What is wrong with some input: the first three faults in one line, the first one's place as `field`."""
    faults = [
        (".".join(str(part) for part in fault["loc"] if part not in MODELS), fault["msg"])
        for fault in error.errors(include_url=False, include_input=False)[:3]
    ]
    return Invalid("; ".join(f"{where or 'input'}: {what}" for where, what in faults), field=faults[0][0] or None)
