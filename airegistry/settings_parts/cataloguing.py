"""Settings: how assets come into the catalog, are shown and are found."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import NoDecode

from airegistry.settings_parts.section import Section


class Cataloguing(Section):
    """How assets come into the catalog, are shown and are found."""

    first_stage: Literal["draft", "submitted", "security_review", "approved_dev"] = Field(
        "approved_dev", description="The lifecycle stage of a registration that passes admission."
    )
    public_catalog: bool = Field(False, description="Whether /v0.1 may be read without a token.")
    public_tags: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Tags, one of which a public server carries to be seen without a token; none: all public ones are.",
    )
    ai_catalog: bool = Field(
        False, description="Whether what is seen without a token is at /.well-known/ai-catalog.json."
    )
    registry_namespace: str | None = Field(
        None,
        pattern="^[a-zA-Z0-9.-]{1,100}$",
        description="Namespace, in reverse DNS, of servers at /v0.1 that were not published with a name; the reversed "
        "host of the public URL where none is named.",
    )
    registry_remotes: Literal["gateway", "upstream"] = Field(
        "gateway", description="Which URL /v0.1 shows of a server that is called through the registry."
    )
    embedder: str = Field("minilm", description="minilm, none, sentence-transformers:MODEL, or openai:MODEL.")
    embedder_url: str | None = Field(
        None,
        description="Base URL of the OpenAI-compatible server of openai:MODEL: `/embeddings` is asked below it.",
    )
    embedder_key: SecretStr | None = Field(
        None, description="Bearer token for that server; only over https, or on this machine."
    )
    index: Literal["memory", "atlas", "documentdb"] = Field(
        "memory",
        description="Where vectors are searched: in this process, or by the database of AIREGISTRY_STORE_URL, which is "
        "then MongoDB Atlas or Amazon DocumentDB.",
    )
    fetch_timeout: float = Field(20.0, gt=0, description="Seconds a server has to describe itself at registration.")
    usage_days: int = Field(365, ge=1, description="Days for which usage by the day is kept.")
    usage_hourly_days: int = Field(7, ge=1, description="Days for which usage by the hour is kept.")
    usage_ranking: bool = Field(
        True, description="Whether search puts what is called more often first among equally good matches."
    )
