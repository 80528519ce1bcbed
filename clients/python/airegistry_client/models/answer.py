"""What all answers have in common."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Part of an answer of the registry.

    Members that this version of the client does not know are kept, under their own names: a registry may say more
    than its client knows, and words it says may be new ones, so that `stage` is a string and no enumeration.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, serialize_by_alias=True)
