"""What every section of the settings is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings of one concern; checked as a part of all of them, so no validator of its own is built."""

    model_config = ConfigDict(defer_build=True)
