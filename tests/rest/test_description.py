"""The OpenAPI document, and what schemathesis gets out of the API with it in every role."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx2
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.rest.api_world import HIDDEN, World, furnished
from tests.support.rounds import FULL

if TYPE_CHECKING:  # it is a type alone
    from schemathesis.specs.openapi.schemas import OpenApiOperation

CHECKED = [
    not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_schema_conformance, checks.response_headers_conformance,
]  # fmt: skip
SLOW = {"import_servers", "add_source", "sync_source", "rotate_secret_key", "test_identity_provider"}
"""These go out, or take long; the parity tests ask them."""
ROUNDS = 40 if FULL else 2
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if FULL else [GenerationMode.POSITIVE]
"""Of requests that fit the description, and of such that do not."""
ROLES = ("admin", "restricted", "nothing")


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


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


@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_asked_in_any_role_is_answered_as_described_and_tells_nothing_hidden(
    description: dict[str, object], served: World, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(description).exclude(operation_id=["events", *sorted(SLOW)])
    failed, asked = list[str](), 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        asked += 1
        try:
            _try(operation, served, mode)
        except (AssertionError, FailureGroup, Failure) as failure:
            failed.append(f"{operation.label}: {failure}")
    assert asked > 150
    assert not failed, "\n\n".join(failed)


def _try(operation: "OpenApiOperation", served: World, mode: GenerationMode) -> None:
    """Ask one operation many things, in every role."""

    @settings(max_examples=ROUNDS, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: "schemathesis.Case[OpenApiOperation]") -> None:
        said = str(case.as_transport_kwargs())
        for role in reversed(ROLES):
            headers = {"Authorization": f"Bearer {served.tokens[role]}"}
            response = case.call(base_url=served.url, headers=headers)
            case.validate_response(response, checks=CHECKED, headers=headers)
            if role != "admin" and HIDDEN not in said:
                assert HIDDEN not in response.text
                assert HIDDEN not in str(response.headers)

    tried()
