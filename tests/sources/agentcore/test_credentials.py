"""Where sources of AWS find credentials, and where they do not look."""

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.errors import CredentialRefused
from airegistry.core.sources import SourceConfig
from airegistry.egress.aws import Aws, AwsKeys, AwsPlace
from airegistry.sources.open import Drivers, makers
from tests.sources.agentcore.reading import OPEN, aws, configured, read_all
from tests.sources.agentcore.world import EXTERNAL_ID, HOME, OTHER, OWN, gateway
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without AWS; the folder of shared files is returned."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("BOTO_CONFIG", str(tmp_path / "boto"))
    return tmp_path


def without_keys(base: str) -> SourceConfig:
    return replace(configured(base), secrets={})


async def test_the_keys_of_the_environment_serve_a_source_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OWN[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OWN[1])
    async with aws() as (fake, base):
        fake.gateways[HOME, "us-east-1"] = [gateway("One")]
        assert len(await read_all(without_keys(base))) == 1


async def test_a_profile_of_the_shared_files_may_assume_a_role(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "reader")
    (nowhere / "credentials").write_text(f"[base]\naws_access_key_id={OWN[0]}\naws_secret_access_key={OWN[1]}\n")
    async with aws() as (fake, base):
        (nowhere / "config").write_text(
            f"[profile reader]\nrole_arn=arn:aws:iam::{OTHER}:role/airegistry\nsource_profile=base\n"
            f"external_id={EXTERNAL_ID}\n"
        )
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", base)
        fake.gateways[OTHER, "us-east-1"] = [gateway("One", account=OTHER)]
        assert len(await read_all(without_keys(base))) == 1
        assert fake.operations("AssumeRole") == [(HOME, "us-east-1")]


async def machine(asked: list[str], request: Request) -> Response:
    asked.append(request.url.path)
    return JSONResponse(
        {"AccessKeyId": OWN[0], "SecretAccessKey": OWN[1], "Token": None, "Expiration": "2099-01-01T00:00:00Z"}
    )


@pytest.mark.parametrize("allowed", [False, True])
async def test_services_of_the_machine_are_asked_only_where_the_operator_allows_it(
    monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        return await machine(asked, request)

    async with serve(Starlette(routes=[Route("/{path:path}", answer)])) as host, aws() as (fake, base):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{host}/role")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{host}/imds")
        fake.gateways[HOME, "us-east-1"] = [gateway("One")]
        drivers = Drivers(OPEN, makers(aws_machine_credentials=allowed))
        if allowed:
            assert len(await read_all(without_keys(base), drivers)) == 1
            assert asked == ["/role"]
        else:
            with pytest.raises(CredentialRefused, match="no AWS credentials"):
                await read_all(without_keys(base), drivers)
            assert asked == []


@pytest.mark.parametrize("source", ["EcsContainer", "Ec2InstanceMetadata"])
async def test_a_profile_cannot_send_it_there_either(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        return await machine(asked, request)

    monkeypatch.setenv("AWS_PROFILE", "reader")
    (nowhere / "config").write_text(
        f"[profile reader]\nrole_arn=arn:aws:iam::{OTHER}:role/airegistry\ncredential_source={source}\n"
        f"credential_process=/bin/false\n"
    )
    async with serve(Starlette(routes=[Route("/{path:path}", answer)])) as host, aws() as (_, base):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{host}/role")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{host}/imds")
        monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")
        with pytest.raises(CredentialRefused):
            await read_all(without_keys(base))
    assert asked == []


@pytest.mark.parametrize("service", ["bedrock-agentcore-control", "agent-registry-control", "sts"])
async def test_neither_the_environment_nor_shared_files_say_where_requests_of_a_source_go(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    (nowhere / "config").write_text(
        "[default]\nendpoint_url=https://evil.test\nservices=evil\n"
        f"[services evil]\n{service.replace('-', '_')}=\n  endpoint_url=https://evil.test\n"
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://evil.test")
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service.replace('-', '_').upper()}", "https://evil.test")
    async with Aws(OPEN) as known:
        client = known._client(service, AwsPlace("us-east-1", AwsKeys(*OWN)))
    assert client.meta.endpoint_url.endswith("us-east-1.amazonaws.com")  # type: ignore[attr-defined]  # as of botocore


async def test_a_profile_that_wants_a_second_factor_is_refused_and_nobody_is_asked(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "reader")
    (nowhere / "credentials").write_text(f"[base]\naws_access_key_id={OWN[0]}\naws_secret_access_key={OWN[1]}\n")
    (nowhere / "config").write_text(
        f"[profile reader]\nrole_arn=arn:aws:iam::{OTHER}:role/airegistry\nsource_profile=base\n"
        f"mfa_serial=arn:aws:iam::{HOME}:mfa/ann\n"
    )
    async with aws() as (_, base):
        with pytest.raises(CredentialRefused, match="mfa_serial"):
            await read_all(without_keys(base))
