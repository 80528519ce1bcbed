"""The official registry's own description of its API, driven by schemathesis against a registry with data in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.registry_api.world import a_package
from tests.support.registry import Registry, serving
from tests.support.rounds import examples

if TYPE_CHECKING:  # it is a type alone
    from schemathesis.specs.openapi.schemas import OpenApiOperation

NAMES = ("io.github.acme/weather", "io.github.acme/maps")
schema = schemathesis.openapi.from_path(Path(__file__).parent / "openapi.yaml")
CHECKED = [
    not_a_server_error, checks.content_type_conformance, checks.response_schema_conformance,
    checks.response_headers_conformance,
]  # fmt: skip
REFUSING = [checks.negative_data_rejection, checks.ignored_auth, checks.unsupported_method]
"""What has to be refused is. What fits the schema may be refused too, a version that is a range or a scan that fails;
and 400, 409 and 422 are answers of the official registry that its description leaves out."""
EXTRA = {400, 409, 413, 422}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry in a process of its own, with two servers in it, one of them in two versions."""
    with serving(tmp_path_factory.mktemp("described")) as registry:
        for name, version in ((NAMES[0], "1.0.0"), (NAMES[0], "1.1.0"), (NAMES[1], "1.0.0")):
            answer = _ask(registry, "POST", "/v0.1/publish", json=a_package(name, version))
            assert answer.status_code == 200, answer.text
        yield registry


def _ask(registry: Registry, method: str, path: str, json: object = None) -> httpx2.Response:
    headers = {"authorization": f"Bearer {registry.token}"}
    return httpx2.request(method, registry.url + path, headers=headers, json=json, trust_env=False, timeout=60)


@schema.parametrize()
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[*HealthCheck])
def test_whatever_is_sent_the_answer_is_one_of_the_description(
    case: "schemathesis.Case[OpenApiOperation]", filled: Registry
) -> None:
    headers = {"Authorization": f"Bearer {filled.token}"}
    response = case.call(base_url=filled.url, headers=headers)
    documented = {int(status) for status in case.operation.responses.status_codes}
    assert response.status_code in documented | EXTRA | {401, 404, 405}
    if response.status_code in documented:
        case.validate_response(response, checks=CHECKED)
    case.validate_response(response, checks=REFUSING, headers=headers)


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("/v0.1/servers", {}),
        ("/v0.1/servers/{serverName}/versions", {"serverName": NAMES[0]}),
        ("/v0.1/servers/{serverName}/versions", {"serverName": "io.github.acme/absent"}),
        ("/v0.1/servers/{serverName}/versions/{version}", {"serverName": NAMES[0], "version": "1.0.0"}),
        ("/v0.1/servers/{serverName}/versions/{version}", {"serverName": NAMES[1], "version": "latest"}),
        ("/v0.1/servers/{serverName}/versions/{version}", {"serverName": NAMES[1], "version": "9.9.9"}),
    ],
)
def test_what_is_there_is_shown_as_the_description_has_it(
    filled: Registry, template: str, named: dict[str, str]
) -> None:
    path = template
    for name, value in named.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    case = schema[template]["GET"].Case(path_parameters=named)
    case.validate_response(_ask(filled, "GET", path), checks=CHECKED)


def test_the_examples_of_the_description_are_published_and_come_back_whole(filled: Registry) -> None:
    published = schema.raw_schema["paths"]["/v0.1/publish"]["post"]["requestBody"]["content"]["application/json"]
    for example in published["examples"].values():
        document = example["value"]
        for package in document["packages"]:
            package["transport"] = {"type": "stdio"}  # which its own schema asks for
        answer = _ask(filled, "POST", "/v0.1/publish", json=document)
        assert (answer.status_code, answer.json()["server"]) == (200, document)
