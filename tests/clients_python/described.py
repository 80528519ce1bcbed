"""What the methods of the client ask for, taken from the methods themselves, to be compared with a description."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import UnionType
from typing import Any, Literal, Union, Unpack, get_args, get_origin, get_type_hints, is_typeddict
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from airegistry_client.client import Client
from airegistry_client.connection import PREFIX, Connection
from airegistry_client.errors import RegistryError
from airegistry_client.models.access import Grant
from airegistry_client.modes import Blocking, Group, iterated, operation
from airegistry_client.retries import Retries
from airegistry_client.transport import IO, Reply, Request, Stream


class Recorder:
    """Keeps what is asked for, and answers with an empty object."""

    blocks = True

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(200, {}, b"{}")

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        self.requests.append(request)

        async def pieces() -> AsyncIterator[bytes]:
            yield b"data: nothing\n\n"

        yield Stream(200, {}, pieces())

    async def sleep(self, seconds: float) -> None: ...

    def lock(self) -> AbstractAsyncContextManager[object]:
        raise AssertionError("nothing is locked here")

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Method:
    """A method: where it is found, its arguments by their annotations, those it does not go without, its answer."""

    name: str
    call: Callable[..., object]
    arguments: Mapping[str, object]
    required: Sequence[str]
    answer: object
    iterates: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as a description has it; `media` is the type of answer that it wants."""

    method: str
    path: str
    media: str
    query: set[str] = field(default_factory=set)
    body: set[str] = field(default_factory=set)


def methods(client: Client[Blocking]) -> Iterator[Method]:
    """Every method of a client and its groups, but those of MCP."""
    for place, group in [("", client), *vars(client).items()]:
        if isinstance(group, Group) and place != "mcp":
            for name, found in inspect.getmembers_static(type(group)):
                if isinstance(found, operation | iterated):
                    yield _method(f"{place}.{name}".strip("."), getattr(group, name), found)


def _method(name: str, call: Callable[..., object], found: "operation[Any, Any] | iterated[Any, Any]") -> Method:
    hints = get_type_hints(found.function)
    arguments, required = dict[str, object](), list[str]()
    for argument in list(inspect.signature(found.function).parameters.values())[1:]:
        hint = hints[argument.name]
        if get_origin(hint) is Unpack:
            arguments |= get_type_hints(get_args(hint)[0])
            continue
        arguments[argument.name] = hint
        required += [argument.name] if argument.default is inspect.Parameter.empty else []
    return Method(name, call, arguments, required, hints["return"], isinstance(found, iterated))


def recorded() -> tuple[Client[Blocking], Recorder]:
    """A client that asks nobody."""
    recorder = Recorder()
    io: IO = recorder
    return Client[Blocking](Connection("http://registry", None, io, Retries(attempts=1))), recorder


def asked(method: Method, recorder: Recorder, names: Sequence[str]) -> Asked:
    """What a call with arguments of these names asks for."""
    recorder.requests.clear()
    with suppress(RegistryError):
        answer = method.call(**{name: _sample(method.arguments[name], name) for name in names})
        if method.iterates:
            assert isinstance(answer, Iterator)
            next(answer, None)
    request = recorder.requests[0]
    parts = urlsplit(request.url)
    said = orjson.loads(request.body) if request.body else {}
    path = unquote(parts.path).removeprefix(PREFIX)
    return Asked(request.method, path, request.headers["accept"], {name for name, _ in parse_qsl(parts.query)}, {*said})


def choices(hint: object) -> set[object]:
    """What an annotation says that there is to choose from; empty where it says nothing of that."""
    if get_origin(hint) is Literal:
        return {*get_args(hint)}
    return {choice for part in get_args(hint) if part is not type(None) for choice in choices(part)}


def model(hint: object) -> type | None:
    """The model in an answer's annotation."""
    if isinstance(hint, type) and hasattr(hint, "model_fields"):
        return hint
    return next((found for part in get_args(hint) if (found := model(part))), None)


def _sample(hint: object, name: str) -> object:
    """Something of the type; a text is the argument's own name in braces, as a path of a description has it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return _sample(parts[0], name)
    if origin is Literal:
        return "{kind}" if name == "kind" and "caller" in parts else parts[0]
    if hint is Grant:
        return Grant(kinds=("server",))
    if is_typeddict(hint):
        return {"license": "MIT"}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: "x"}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [_sample(parts[0], name)]
    samples: Mapping[object, object] = {
        str: f"{{{name}}}", bool: True, int: 7, float: 1.5, datetime: datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return samples[hint]
