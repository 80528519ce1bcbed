"""Every setting, from `AIREGISTRY_*`, then `airegistry.toml`, then its default. Nothing else reads the environment."""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from airegistry.core.errors import Invalid
from airegistry.stores.shared import SharedStore


def default_data() -> Path:
    """The data folder where none is named: `~/.airegistry`."""
    return Path.home() / ".airegistry"


Recorded = Literal["none", "masked", "full"]
_RECORDED: Mapping[str, Recorded] = {"none": "none", "masked": "masked", "full": "full"}
LISTS = ("egress_allow", "client_document_hosts", "trusted_proxies", "git_hosts", "aws_registries", "public_tags")
"""Settings that are read from one text with commas."""


class Settings(BaseSettings):
    """What an operator may choose. Each default is safe on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="AIREGISTRY_", toml_file="airegistry.toml", extra="forbid", frozen=True, validate_default=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on; beyond loopback only with TLS declared in front.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data: Path = Field(default_factory=default_data, description="Folder of catalog, policy, tokens and audit trail.")
    store_url: SecretStr | None = Field(
        None,
        description="URL (mongodb://, mongodb+srv://) of a MongoDB or Amazon DocumentDB, in place of the data folder.",
    )
    store_username: str | None = Field(None, description="User of that database, in place of the URL's.")
    store_password: SecretStr | None = Field(None, description="Password of that user, as it is, without escapes.")
    store_changes: Literal["auto", "poll"] = Field(
        "auto", description="How changes of other replicas are seen: by change streams where there are any, or asked."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Keys (32 bytes in URL-safe base64, separated by commas, the newest first) that seal the secrets "
        "in a shared database; the same at all replicas.",
    )
    admin_token: SecretStr | None = Field(
        None, description="The operator's bearer token, with every right; at least 32 characters."
    )
    admin_password: SecretStr | None = Field(
        None, description="Password of the first local user, `admin`; read at the first start only."
    )
    public_url: str | None = Field(
        None, description="URL the registry is reached at: resource URLs, allowed Host and Origin."
    )
    tls_terminated: bool = Field(False, description="Declares that TLS ends in front of the registry.")
    egress_allow: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Hosts, host:port or CIDR exempted from the rule that private addresses are not reached.",
    )
    environment: str = Field("dev", min_length=1, description="The environment whose assets callers see.")
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
    access_token_seconds: int = Field(
        600, ge=60, le=86_400, description="Seconds an access token of the authorization server holds."
    )
    refresh_token_days: int = Field(
        30, ge=1, le=365, description="Days after which a client has to send its person to the login page again."
    )
    session_idle_minutes: int = Field(480, ge=1, description="Minutes without a request after which a login ends.")
    session_hours: int = Field(168, ge=1, description="Hours after which a login ends in any case.")
    client_registration: Literal["open", "off"] = Field(
        "open", description="Whether clients may register themselves (RFC 7591)."
    )
    client_documents: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether a client may be named by the URL of its metadata document, which is fetched from there. "
        "`auto`: only where the registry is reached beyond loopback: clients that find it offered use nothing else.",
    )
    client_document_hosts: Annotated[list[str], NoDecode] = Field(
        default=["*"],
        description="Hosts (globs) whose client metadata documents may name a client.",
    )
    client_document_loopback: bool = Field(
        False, description="Whether a client metadata document may be at http://127.0.0.1 or http://[::1]; for tests."
    )
    identity_providers: list[dict[str, JsonValue]] = Field(
        default_factory=list, description="Identity providers persons log in at, as `put_identity_provider` takes them."
    )
    trusted_issuers: list[dict[str, JsonValue]] = Field(
        default_factory=list, description="Issuers whose JWTs are accepted, as `put_trusted_issuer` takes them."
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Addresses (CIDR) of proxies whose X-Forwarded-For names the client; for limits and the audit.",
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
    first_byte_timeout: float = Field(
        120.0, gt=0, description="Seconds a backend has to begin its answer to a call through the gateway."
    )
    gateway: bool = Field(
        True,
        description="Whether calls go through the registry; if not, it shows servers' own URLs and does the rest.",
    )
    max_body: int = Field(
        16_777_216,
        ge=1024,
        description="Largest request body the gateway takes, in bytes; the registry's own tools take 4 MiB.",
    )
    idle_timeout: float = Field(
        300.0, gt=0, description="Seconds a backend may be silent within an answer, streams that wait for events aside."
    )
    health_interval: float = Field(
        60.0, ge=0, description="Seconds between two health checks of a backend; 0 checks on demand only."
    )
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
    approval_seconds: float = Field(
        60.0, gt=0, le=3600, description="Seconds a call waits for a person's approval before it is refused."
    )
    approval_validity: float = Field(
        600.0, gt=0, description="Seconds a call can be approved after it was made, and an approval be used after that."
    )
    approvals_at_once: int = Field(20, ge=1, description="Calls of one caller that may wait for approval at once.")
    approval_by_caller: bool = Field(False, description="Whether persons may approve calls of their own in the queue.")
    approval_by_machine: bool = Field(
        False, description="Whether machines that were granted `approve` may approve calls of others."
    )
    scan_hours: float = Field(
        24.0, ge=0, description="Hours between two scans of the whole catalog; 0 scans it when rules change only."
    )
    skill_hours: float = Field(
        24.0, ge=0, description="Hours between two looks whether skills registered by URL are as approved; 0 for none."
    )
    git_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Git hosts of one's own, as in `git.example.com=github`: github, gitlab or bitbucket-server.",
    )
    git_tokens: SecretStr | None = Field(
        None,
        description="Tokens of Git hosts, as in `github.com=TOKEN`, with commas between; each is for its host alone.",
    )
    git_tokens_file: Path | None = Field(None, description="File of such tokens, one a line.")
    repository_hours: float = Field(
        24.0, ge=0, description="Hours between two looks at the source repository that an asset names; 0 for none."
    )
    aws_registry_federation_enabled: bool = Field(
        False, description="Whether AWS Agent Registry is a source, named `aws-agent-registry`, from the next start on."
    )
    aws_registries: Annotated[list[str], NoDecode] = Field(
        default=["us-east-1"], description="Which of its registries: REGION for all that are ready there, REGION/ID."
    )
    aws_registry_url: str = Field(
        "", description="The endpoint of AWS Agent Registry in place of AWS's own, {region} for the region."
    )
    aws_machine_credentials: bool = Field(
        False, description="Whether AWS credentials may come from the machine's link-local services (EC2, ECS, EKS)."
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
    usage_days: int = Field(365, ge=1, description="Days for which usage by the day is kept.")
    usage_hourly_days: int = Field(7, ge=1, description="Days for which usage by the hour is kept.")
    usage_ranking: bool = Field(
        True, description="Whether search puts what is called more often first among equally good matches."
    )
    audit_calls: Literal["batched", "durable"] = Field(
        "batched",
        description="When calls are in the audit trail: `batched` within the window below, or `durable` before they go "
        "out as well, so that a crash leaves an unknown outcome and never nothing.",
    )
    audit_window_ms: float = Field(
        25.0, ge=0, le=60_000, description="Milliseconds that records of calls are gathered for one write."
    )
    audit_parameters: str = Field(
        "masked,restricted=none",
        pattern=r"^(none|masked|full)(,(public|internal|confidential|restricted)=(none|masked|full))*$",
        description="Which parameters of calls are recorded: `none`, `masked` or `full`, and after commas others for "
        "classes of data, as in `masked,restricted=none`. What has a secret's name is masked in any case.",
    )
    audit_days: int = Field(0, ge=0, description="Days for which the audit trail is kept; 0 keeps all of it.")
    audit_otlp_url: str | None = Field(
        None, description="Base URL of an OpenTelemetry collector that the audit trail is sent on to, at `/v1/logs`."
    )
    audit_otlp_key: SecretStr | None = Field(
        None, description="Bearer token for that collector; only over https, or on this machine."
    )
    shutdown_seconds: float = Field(
        10.0, ge=0, description="Seconds that running calls have to finish when the registry is asked to stop."
    )
    calls_at_once: int = Field(1000, ge=1, description="Calls one caller may have under way at once.")
    streams_at_once: int = Field(1000, ge=1, description="Event streams one caller may have open at once.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least severe level logged.")

    @field_validator(*LISTS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("admin_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("an operator's token has at least 32 characters")
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("an operator's token is visible ASCII without spaces, as a header carries it")
        return value

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError when it is none
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("a public URL is http(s)://host[:port][/prefix]")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for network in value:
            ipaddress.ip_network(network, strict=False)  # raises ValueError when it is none
        return value

    @property
    def shared_store(self) -> SharedStore | None:
        """The database that is named in place of the data folder.

        Raises:
            Invalid: it cannot be used so.
        """
        if self.store_url is None:
            return None
        keys = self.secret_key.get_secret_value().replace(",", " ").split() if self.secret_key else []
        password = self.store_password.get_secret_value() if self.store_password else None
        streams = self.store_changes == "auto"
        return SharedStore(self.store_url.get_secret_value(), keys, self.store_username, password, streams=streams)

    @property
    def kept_in(self) -> str:
        """Where everything is kept, in words without secrets."""
        return str(self.data) if self.store_url is None else "the database of AIREGISTRY_STORE_URL"

    @property
    def loopback(self) -> bool:
        """Whether the registry listens on this machine only."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def takes_client_documents(self) -> bool:
        """Whether client metadata documents name clients here."""
        if self.client_documents != "auto":
            return self.client_documents == "on"
        return self.client_document_loopback or self.public_url is not None or not self.loopback

    @property
    def audit_parameter_modes(self) -> dict[str, Recorded]:
        """How parameters are recorded by class of data; under "" what holds for all others."""
        chosen = (part.rpartition("=") for part in self.audit_parameters.split(","))
        return {name: _RECORDED[mode] for name, _, mode in chosen if mode in _RECORDED}

    @property
    def url(self) -> str:
        """Where clients reach the registry, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then airegistry.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


class ClientSettings(BaseSettings):
    """What the command line's client side needs: where the registry is, and as whom."""

    model_config = SettingsConfigDict(env_prefix="AIREGISTRY_", frozen=True, extra="ignore")

    url: str = Field("http://127.0.0.1:8080", description="The registry the commands talk to.")
    token: SecretStr | None = Field(None, description="The bearer token they use.")


def load(**given: object) -> Settings:
    """The settings in force; `given` (the command line) comes first, None counts as not given.

    Raises:
        Invalid: a value does not fit; the message names the setting.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(f"AIREGISTRY_{name}: {first['msg']}", field=name) from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"airegistry.toml: {error}") from None
    if not settings.loopback and not settings.tls_terminated:
        raise Invalid(
            f"refusing to listen on {settings.host}: without TLS tokens would travel in the clear. "
            "Put TLS in front and set AIREGISTRY_TLS_TERMINATED=true, or listen on 127.0.0.1",
            field="HOST",
        )
    return settings
