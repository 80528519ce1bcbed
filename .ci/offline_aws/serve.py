"""hashicorp/aws as far as Terraform sees it, without AWS: validates, plans and applies by the real provider's schema.

Nothing is checked beyond that schema: not which values AWS takes, nor what it allows. Used as `serve.py SCHEMA.json` by
Terraform itself, which speaks protocol 6 with it on loopback.
"""

# ruff: noqa: ANN401, N802 -- the messages' classes are made at run time, and Terraform names the methods

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import msgpack
import tf.provider
import tf.runner
from statements import Block, type_statements
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc
from values import derived, made

_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_UNKNOWN = msgpack.ExtType(0, b"\x00")
_WRITE_ONLY = b"\x58\x01"
"""Field 11 of an attribute's schema, which the generated messages do not know yet: true."""


def _attribute(name: str, attribute: Block) -> pb.Schema.Attribute:
    message = pb.Schema.Attribute(
        name=name,
        type=json.dumps(attribute["t"]).encode(),
        required=attribute["r"],
        optional=attribute["o"],
        computed=attribute["c"] and not attribute["r"] and not _write_only(name),
    )
    if _write_only(name):
        message.MergeFromString(_WRITE_ONLY)
    return message


def _write_only(name: str) -> bool:
    return name.endswith("_wo") and not name.startswith("has_")


def _block(block: Block) -> pb.Schema.Block:
    message = pb.Schema.Block(attributes=[_attribute(*item) for item in block["a"].items()])
    for name, nested in block["b"].items():
        counted = nested["n"] in {"list", "set"}
        message.block_types.append(
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block(nested["b"]),
                nesting=_NESTING[nested["n"]],
                min_items=nested["min"] if counted else 0,
                max_items=nested["max"] if counted else 0,
            )
        )
    return message


def _encoded(value: Any) -> pb.DynamicValue:
    return pb.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=True))


def _decoded(value: pb.DynamicValue) -> Any:
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False, ext_hook=msgpack.ExtType)
    return json.loads(value.json) if value.json else None


class OfflineAws(rpc.ProviderServicer):
    """The calls Terraform makes, in Terraform's names."""

    schema: Block

    def __init__(self, provider: object) -> None:
        """Of the runner; there is nothing to keep."""

    def GetMetadata(self, request: Any, context: Any) -> Any:
        answer = pb.GetMetadata.Response(
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in self.schema["resources"]],
            data_sources=[pb.GetMetadata.DataSourceMetadata(type_name=name) for name in self.schema["data"]],
        )
        answer.server_capabilities.get_provider_schema_optional = True
        return answer

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        answer = pb.GetProviderSchema.Response(provider=pb.Schema(block=_block(self.schema["provider"])))
        for name, block in self.schema["resources"].items():
            answer.resource_schemas[name].CopyFrom(pb.Schema(block=_block(block)))
        for name, block in self.schema["data"].items():
            answer.data_source_schemas[name].CopyFrom(pb.Schema(block=_block(block)))
        return answer

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return pb.UpgradeResourceState.Response(upgraded_state=_encoded(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any, context: Any) -> Any:
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        planned = _decoded(request.proposed_new_state)
        if planned is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        created, given = _decoded(request.prior_state) is None, _decoded(request.config)
        for name, attribute in self.schema["resources"][request.type_name]["a"].items():
            if _write_only(name):
                planned[name] = None
            elif created and given.get(name) is None and attribute["c"] and _comes_from_aws(name, attribute):
                planned[name] = _UNKNOWN
        return pb.PlanResourceChange.Response(planned_state=_encoded(planned))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        planned = _decoded(request.planned_state)
        if planned is None:
            return pb.ApplyResourceChange.Response(new_state=request.planned_state)
        kind = request.type_name
        seed = str(planned.get("name") or planned.get("cluster_identifier") or uuid.uuid4())
        found = derived(kind, planned)
        for name, attribute in self.schema["resources"][kind]["a"].items():
            if isinstance(planned.get(name), msgpack.ExtType):
                planned[name] = found.get(name, made(kind, name, attribute["t"], seed))
        return pb.ApplyResourceChange.Response(new_state=_encoded(planned))

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        found = _decoded(request.config)
        for name, attribute in self.schema["data"][request.type_name]["a"].items():
            if found.get(name) is None and attribute["c"]:
                found[name] = made(request.type_name, name, attribute["t"], "data")
        return pb.ReadDataSource.Response(state=_encoded(found))

    def GetFunctions(self, request: Any, context: Any) -> Any:
        return pb.GetFunctions.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


def _comes_from_aws(name: str, attribute: Block) -> bool:
    """Whether AWS decides it at creation, and not who leaves it away."""
    return not attribute["o"] or name in {"id", "arn", "tags_all"} or name.endswith(("_arn", "_id", "endpoint"))


class _Named:
    def full_name(self) -> str:
        return "registry.terraform.io/hashicorp/aws"


def main(path: Path) -> None:
    """Serve until Terraform ends it."""
    schema = json.loads(path.read_text())
    for name, block in [*schema["resources"].items(), *schema["data"].items(), ("aws", schema["provider"])]:
        type_statements(name, block)
    # The package has the provider's own blocks as attributes; this one is written as a block.
    del schema["provider"]["a"]["default_tags"]
    tags = {"a": {"tags": {"t": ["map", "string"], "c": False, "o": True, "r": False}}, "b": {}}
    schema["provider"]["b"]["default_tags"] = {"n": "list", "max": 1, "min": 0, "b": tags}
    OfflineAws.schema = schema
    tf.provider.ProviderServicer = OfflineAws
    tf.runner.run_provider(_Named(), sys.argv[:1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
