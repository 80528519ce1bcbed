"""Settings: what the registry follows outside: skills, Git hosts, sources."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import NoDecode

from airegistry.settings_parts.section import Section


class Following(Section):
    """What the registry follows outside: skills, Git hosts, sources."""

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
