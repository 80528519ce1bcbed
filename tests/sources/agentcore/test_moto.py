"""A scan of moto's Bedrock AgentCore, which others wrote: what it knows of gateways and runtimes is read as ours is."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from airegistry.core.assets import Json, Server
from airegistry.egress.aws import Aws, AwsKeys, AwsPlace
from tests.sources.agentcore.reading import OPEN, configured, read_all
from tests.sources.agentcore.world import OWN

pytestmark = pytest.mark.anyio
CONTROL = "bedrock-agentcore-control"


@pytest.fixture
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


async def test_gateways_and_runtimes_that_were_made_there_are_offered(moto: str) -> None:
    place = AwsPlace("us-east-1", AwsKeys(*OWN), moto)
    role = "arn:aws:iam::123456789012:role/any"
    artifact: Json = {"containerConfiguration": {"containerUri": "public.ecr.aws/acme/tool:1"}}
    async with Aws(OPEN) as aws:
        for name in ("orders", "refunds"):
            made = await aws.call(
                CONTROL, "create_gateway", place, name=name, roleArn=role, protocolType="MCP", authorizerType="AWS_IAM"
            )
            await aws.call(CONTROL, "get_gateway", place, gatewayIdentifier=made["gatewayId"])  # it is ready when seen
        for name, protocol in (("calculator", "MCP"), ("planner", "A2A"), ("chatbot", "HTTP")):
            made = await aws.call(
                CONTROL, "create_agent_runtime", place, agentRuntimeName=name, agentRuntimeArtifact=artifact,
                roleArn=role, networkConfiguration={"networkMode": "PUBLIC"},
                protocolConfiguration={"serverProtocol": protocol},
            )  # fmt: skip
            await aws.call(CONTROL, "get_agent_runtime", place, agentRuntimeId=made["agentRuntimeId"])
    offers = await read_all(configured(moto))
    found = {asset.name: asset for offer in offers for asset in offer.versions}
    assert {name: asset.kind for name, asset in found.items()} == {
        "orders": "server", "refunds": "server", "calculator": "server", "planner": "agent",
    }  # fmt: skip
    orders = found["orders"]
    assert isinstance(orders, Server)
    assert (orders.url or "").startswith("https://")
    assert [offer.refused for offer in offers if offer.refused] == [
        "the runtime speaks HTTP, which is neither MCP nor A2A"
    ]
