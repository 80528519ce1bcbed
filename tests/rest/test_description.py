"""The OpenAPI document, and what schemathesis gets out of the API with it in every role."""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import httpx2
import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from airegistry.rest.account import ACCOUNT
from airegistry.rest.session import SESSION
from tests.rest.api_world import HIDDEN, World, furnished
from tests.rest.test_session import Person, signed_in
from tests.support.rounds import FULL

if TYPE_CHECKING:  # they are type aliases alone
    from schemathesis.specs.openapi.schemas import OpenApiOperation

    Case = schemathesis.Case[OpenApiOperation]

CHECKED = [
    not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_schema_conformance, checks.response_headers_conformance,
]  # fmt: skip
SLOW = {"import_servers", "add_source", "sync_source", "rotate_secret_key", "test_identity_provider"}
"""These go out, or take long: they are asked less."""
ROUNDS, FEW = (40, 8) if FULL else (2, 1)
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if FULL else [GenerationMode.POSITIVE]
"""Of requests that fit the description, and of such that do not."""
ROLES = ("nothing", "restricted", "reader", "admin") if FULL else ("nothing", "restricted", "admin")
EVENTS = "events"
Headers = Mapping[str, str]


class Callers:
    """Who asks: everybody with a token, and two people at the web page, whose sessions are made anew when they end."""

    def __init__(self, portal: BlockingPortal, world: World) -> None:
        self._portal = portal
        self._world = world
        self._people: dict[str, Person] = {}

    def of(self, operation: "OpenApiOperation") -> Sequence[tuple[str, Callable[[], Headers]]]:
        """The role of each that is to ask an operation, and what it sends to say who it is."""
        tokens = [(role, lambda role=role: self._token(role)) for role in ROLES]
        if not operation.path.startswith((SESSION, ACCOUNT)):
            return tokens
        return [*tokens, *((name, lambda name=name: self._session(name)) for name in ("ann", "root"))]

    def _token(self, role: str) -> Headers:
        return {"Authorization": f"Bearer {self._world.tokens[role]}"}

    def _session(self, name: str) -> Headers:
        person = self._people.get(name)
        if person is None or self._portal.call(person.read, SESSION).status_code != 200:
            person = self._people[name] = self._portal.call(signed_in, self._world, name)
        return {"Cookie": f"airegistry-session={person.cookie}", **person.proven}


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module", autouse=True)
def no_names() -> Iterator[None]:
    """What is made up names hosts: none of them is asked for."""
    known = socket.getaddrinfo

    def local(host: str | bytes | None, *args: object, **more: object) -> object:
        if host in ("localhost", "127.0.0.1", "::1"):
            return known(host, *args, **more)  # type: ignore[arg-type]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", local)
        yield


@pytest.fixture(scope="module")
def served(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A furnished registry that runs in a thread."""
    with portal.wrap_async_context_manager(furnished(tmp_path_factory.mktemp("described"))) as world:
        yield world


@pytest.fixture(scope="module")
def description(served: World) -> dict[str, object]:
    headers = {"authorization": f"Bearer {served.tokens['nothing']}"}
    found: dict[str, object] = httpx2.get(f"{served.url}/api/v1/openapi.json", headers=headers, trust_env=False).json()
    return found


def test_it_is_openapi_3_1(description: dict[str, object]) -> None:
    OpenAPIV31SpecValidator(description).validate()
    assert description["openapi"] == "3.1.1"


def test_whatever_it_refers_to_is_in_it(description: dict[str, object]) -> None:
    document = Resource.from_contents(description, default_specification=DRAFT202012)
    resolver = Registry().with_resource("", document).resolver()
    pointers = {*re.findall(r'"\$ref": "([^"]*)"', json.dumps(description))}
    assert {"#/components/schemas/put_scope.input.Grant", "#/components/schemas/Problem"} <= pointers
    for pointer in pointers:
        resolver.lookup(pointer)


def test_it_has_every_route_that_is_no_tool(description: dict[str, object], served: World) -> None:
    """Those of the tools are there by the table of twins."""
    paths = description["paths"]
    assert isinstance(paths, dict)
    routed = {path.replace(":path}", "}") for path in served.app.paths if path.startswith(("/api/v1/", "/scim/"))}
    assert routed - {"/api/v1/{path}", "/scim/v2/{path}"} <= paths.keys()
    assert {"/api/v1/account", "/api/v1/session", "/api/v1/federation/changes", "/scim/v2"} <= routed


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_asked_in_any_role_is_answered_as_described_and_tells_nothing_hidden(
    description: dict[str, object], served: World, portal: BlockingPortal, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(description)
    schema.config.generation.update(with_security_parameters=False)
    callers = Callers(portal, served)
    failed, asked = list[str](), set[str]()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        asked.add(operation.label)
        try:
            _try(operation, served, callers, mode)
        except Unsatisfiable:
            assert not _can_be_wrong(operation), operation.label
        except (AssertionError, FailureGroup, Failure) as failure:
            failed.append(f"{operation.label}: {failure}")
    assert len(asked) > 200
    assert not failed, "\n\n".join(failed)


def _can_be_wrong(operation: "OpenApiOperation") -> bool:
    """Whether something can be asked that does not fit: every text fits in a path, and in most headers."""
    bounded = any("pattern" in header.definition["schema"] for header in operation.headers)
    return bool(operation.body or operation.query or bounded)


def _try(operation: "OpenApiOperation", served: World, callers: Callers, mode: GenerationMode) -> None:
    """Ask one operation many things, in every role."""
    rounds = FEW if operation.definition.raw["operationId"] in SLOW else ROUNDS

    @settings(max_examples=rounds, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: "Case") -> None:
        said = str(case.as_transport_kwargs())
        for role, who in callers.of(operation):
            for accept in _accepted(operation):
                headers = {**who(), **accept}
                response = _answer(case, served.url, headers)
                case.validate_response(response, checks=CHECKED, headers=headers)
                if role not in ("admin", "root") and HIDDEN not in said:
                    assert HIDDEN not in response.text
                    assert HIDDEN not in str(response.headers)

    tried()


def _accepted(operation: "OpenApiOperation") -> Sequence[Headers]:
    """What is asked for is JSON, and the stream where there is one."""
    answers = operation.definition.raw["responses"].get("200", {}).get("content", {})
    return [{}, {"Accept": "text/event-stream"}] if len(answers) > 1 else [{}]


def _answer(case: "Case", url: str, headers: Headers) -> schemathesis.Response:
    """What is answered; of the stream that does not end by itself its first line."""
    if case.operation.definition.raw["operationId"] != EVENTS:
        return case.call(base_url=url, headers=dict(headers))
    sent = case.as_transport_kwargs(base_url=url, headers=dict(headers))
    with requests.Session() as session, session.request(**sent, stream=True, timeout=10) as answered:
        if answered.status_code == 200:
            first = next(answered.iter_lines())
            assert first == b"retry: 3000"
            answered._content = first
        return schemathesis.Response.from_requests(answered, verify=True)
