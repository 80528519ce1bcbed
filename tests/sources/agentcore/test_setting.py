"""What AIREGISTRY_AWS_REGISTRY_FEDERATION_ENABLED asks for."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid
from airegistry.core.principals import SYSTEM
from airegistry.federation import AWS_REGISTRY, begin_aws_registry
from airegistry.settings import Settings
from airegistry.sources.open import Drivers
from tests.core.wiring import build
from tests.sources.agentcore.reading import OPEN

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "options"),
    [
        (None, {"regions": ["us-east-1"], "registries": []}),
        ("us-east-1, eu-west-1", {"regions": ["us-east-1", "eu-west-1"], "registries": []}),
        ("eu-west-1/abcdef123456", {"regions": ["eu-west-1"], "registries": ["eu-west-1/abcdef123456"]}),
    ],
)
async def test_a_source_of_the_registries_that_are_named_is_kept_once(
    monkeypatch: pytest.MonkeyPatch, said: str | None, options: Json
) -> None:
    monkeypatch.setenv("AIREGISTRY_AWS_REGISTRY_FEDERATION_ENABLED", "true")
    if said is not None:
        monkeypatch.setenv("AIREGISTRY_AWS_REGISTRIES", said)
    federation = (await build(drivers=Drivers(OPEN))).services.federation
    for _ in range(2):
        await begin_aws_registry(federation, Settings())
    (standing,) = federation.list(SYSTEM)
    assert (standing.record.name, standing.record.kind) == (AWS_REGISTRY, "agentcore-registry")
    assert standing.record.options == options


async def test_without_the_setting_there_is_no_such_source() -> None:
    federation = (await build(drivers=Drivers(OPEN))).services.federation
    await begin_aws_registry(federation, Settings())
    assert federation.list(SYSTEM) == []


@pytest.mark.parametrize("said", ["us-east-1,eu-west-1/abcdef123456", "nowhere", "us-east-1/x"])
async def test_registries_that_cannot_be_read_end_the_start(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("AIREGISTRY_AWS_REGISTRY_FEDERATION_ENABLED", "true")
    monkeypatch.setenv("AIREGISTRY_AWS_REGISTRIES", said)
    federation = (await build(drivers=Drivers(OPEN))).services.federation
    with pytest.raises(Invalid):
        await begin_aws_registry(federation, Settings())
