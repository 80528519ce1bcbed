"""Settings: what is asked, scanned and looked up before an asset is trusted and after."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from airegistry.settings_parts.section import Section


class Checking(Section):
    """What is asked, scanned and looked up before an asset is trusted and after."""

    gate_url: str | None = Field(
        None, description="Endpoint that is asked before anything is registered or changed; no clear yes is a no."
    )
    gate_auth: Literal["none", "api_key", "bearer", "client_credentials"] = Field(
        "none", description="How the registry shows the gate who it is."
    )
    gate_secret: SecretStr | None = Field(
        None,
        description="The API key, bearer token or client secret for the gate; only over https, or on this machine.",
    )
    gate_header: str = Field(
        "X-API-Key", pattern="^[A-Za-z][A-Za-z0-9-]{0,63}$", description="The header that carries an API key."
    )
    gate_client_id: str = Field("", description="The registry's client id at the gate's token endpoint.")
    gate_token_url: str | None = Field(None, description="The token endpoint, for client_credentials.")
    gate_scope: str = Field("", description="OAuth scopes to ask for there, separated by spaces.")
    gate_seconds: float = Field(
        30.0, gt=0, le=600, description="Seconds the gate has for an answer, all attempts together; then it is a no."
    )
    ans_url: str | None = Field(
        None, description="Base URL of the Agent Name Service that linked names are looked up at."
    )
    ans_key: str = Field("", description="The registry's API key there.")
    ans_secret: SecretStr | None = Field(
        None, description="The secret of that key; only over https, or on this machine."
    )
    ans_hours: float = Field(6.0, gt=0, description="Hours between two look-ups of a linked name.")
    scan_hours: float = Field(
        24.0, ge=0, description="Hours between two scans of the whole catalog; 0 scans it when rules change only."
    )
    scan_classifier: bool = Field(
        False,
        description="Whether the text classifier of stackone-defender[onnx], which has to be installed, reads too.",
    )
    scan_cisco_python: Path | None = Field(
        None, description="Python of an environment with the Cisco AI Defense scanners, which are then asked as well."
    )
    scan_llm_url: str | None = Field(
        None,
        description="Base URL of an OpenAI-compatible server whose model reads what is scanned: `/chat/completions` is "
        "asked below it.",
    )
    scan_llm_model: str | None = Field(None, min_length=1, description="The model that is asked there.")
    scan_llm_key: SecretStr | None = Field(
        None, description="Bearer token for that server; only over https, or on this machine."
    )
