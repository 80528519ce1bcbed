"""`server.json` in and out: what is read of a document, and that nothing of it is lost."""

import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from airegistry.core.assets import Json, Server
from airegistry.core.errors import Invalid
from airegistry.core.server_json import document_of, name_of, path_of, server_of
from airegistry.core.server_schema import issues_of
from tests.registry_api.world import a_package
from tests.support.rounds import examples

DESCRIPTION = Path(__file__).parents[1] / "registry_api" / "openapi.yaml"
SEED = os.environ.get("AIREGISTRY_REGISTRY_SEED")
"""A file of documents, a list or under `servers`: those of the official registry, where they are at hand."""


def samples() -> list[Json]:
    """The documents of the seed file, or else the examples of the official description."""
    if SEED is not None:
        found = json.loads(Path(SEED).read_text("utf-8"))
        listed = found["servers"] if isinstance(found, dict) else found
        return [each.get("server", each) for each in listed]
    publish = yaml.safe_load(DESCRIPTION.read_text("utf-8"))["paths"]["/v0.1/publish"]["post"]
    return [each["value"] for each in publish["requestBody"]["content"]["application/json"]["examples"].values()]


@pytest.mark.parametrize("document", samples(), ids=lambda document: str(document.get("name")))
def test_the_official_samples_come_back_as_they_were(document: Json) -> None:
    written = document_of(server_of(document), namespace="org.ours")
    if "version_detail" not in document:
        assert written == document
    assert document_of(server_of(written), namespace="org.ours") == written


values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc$_-", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)  # fmt: skip
names = st.from_regex(r"[a-z][a-zA-Z0-9.-]{0,30}[a-z0-9]/[a-zA-Z0-9][a-zA-Z0-9._-]{0,30}", fullmatch=True)
members = st.dictionaries(
    st.sampled_from(
        ["title", "description", "repository", "websiteUrl", "icons", "packages", "remotes", "_meta", "$schema", "x"]
    ),
    values,
)
packages = st.fixed_dictionaries(
    {"registryType": st.sampled_from(["npm", "pypi", "oci", "nuget", "mcpb", "cargo", "go", "other"])},
    optional={
        "identifier": st.text("ab@/:.-", max_size=8), "version": st.text("1.2", max_size=5), "runtimeHint": values,
        "runtimeArguments": values, "packageArguments": st.lists(values, max_size=3), "environmentVariables": values,
        "transport": values, "y": values,
    },
)  # fmt: skip


@settings(max_examples=examples(400), deadline=None)
@given(
    names, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True), members, st.lists(packages, max_size=2)
)
def test_any_document_that_is_taken_comes_back_equal(
    name: str, version: str, more: Json, listed: list[dict[str, JsonValue]]
) -> None:
    document: Json = {"packages": [*listed], **more, "name": name, "version": version, "description": "Something."}
    if any(isinstance(each, dict) and "type" not in each for each in _list(document.get("remotes"))) or any(
        isinstance(each, dict) and "registryType" not in each for each in _list(document["packages"])
    ):
        return  # it is taken for one of an older form
    try:
        server = server_of(document)
    except Invalid:
        return
    assert document_of(server, namespace="com.example") == document
    again = Server.model_validate(
        json.loads(json.dumps(server.model_dump(mode="json", by_alias=True, exclude={"callable"})))
    )
    assert document_of(again, namespace="com.example") == document


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


@settings(max_examples=examples(400), deadline=None)
@given(values)
def test_no_document_whatsoever_breaks_the_reader(value: JsonValue) -> None:
    documents: list[Json] = [
        value if isinstance(value, dict) else {"name": value},
        {"name": "a/b", "version": "1", "packages": value, "remotes": value, "repository": value, "icons": value},
        {"name": "a/b", "version": "1", "packages": [value], "remotes": [value], "version_detail": value},
    ]
    for document in documents:
        issues_of(document)
        try:
            server_of(document)
        except Invalid:
            continue


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("io.github.x/y", "io.github.x-y"),
        ("io.github.Some-One/My_Server", "io.github.some-one-my_server"),
        ("com.example/..x", "com.example-.x"),
        ("com.example/x/y", "com.example-x-y"),
        (".-/tool", "tool"),
        ("a/" + "b" * 198, "a-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-4c3eb36d"),
    ],
)
def test_a_name_has_a_path(name: str, path: str) -> None:
    assert path_of(name) == path
    assert len(path) <= 64


def test_a_name_in_the_own_namespace_is_at_the_rest_of_it() -> None:
    assert [path_of(name, own="com.acme") for name in ("com.acme/Maps", "COM.acme/maps", "com.acme2/maps")] == [
        "maps", "maps", "com.acme2-maps",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["/", "./.", "-/-", ""])
def test_a_name_of_which_nothing_is_left_has_none(name: str) -> None:
    with pytest.raises(Invalid, match="no path can be made"):
        path_of(name)


def package(kind: str, **more: JsonValue) -> Json:
    """A document of one package."""
    listed: Json = {
        "registryType": kind,
        "identifier": "thing",
        "version": "1.2.0",
        "transport": {"type": "stdio"},
        **more,
    }
    return {"name": "com.acme/thing", "description": "A thing.", "version": "1.0.0", "packages": [listed]}


def test_a_package_that_is_an_option_of_its_runner_is_started_by_no_command() -> None:
    assert server_of(package("oci", identifier="-v/:/host")).command is None


def test_a_container_is_handed_variables_whose_names_are_parts_of_others() -> None:
    told: list[JsonValue] = [{"type": "named", "name": "-e", "value": "ACME_KEY=1"}]
    names: list[JsonValue] = [{"name": "KEY"}, {"name": "ACME_KEY"}]
    server = server_of(package("oci", runtimeArguments=told, environmentVariables=names))
    assert server.args == ["run", "-i", "--rm", "-e", "KEY", "-e", "ACME_KEY=1", "thing:1.2.0"]


ARGUMENTS: list[JsonValue] = [
    {"type": "positional", "value": "serve"},
    {"type": "named", "name": "--port", "default": "{port}", "variables": {"port": {"default": "80"}}},
    {"type": "named", "name": "-k", "isRequired": True, "valueHint": "key"},
    {"type": "named", "name": "--verbose"},
    {"type": "named", "name": "--level", "choices": ["a", "b"]},
    {"type": "positional", "valueHint": "folder", "isRequired": True},
]


@pytest.mark.parametrize(
    ("document", "command"),
    [
        (package("npm"), "npx -y thing@1.2.0"),
        (package("npm", runtimeHint="bunx"), "bunx thing@1.2.0"),
        (package("pypi"), "uvx thing==1.2.0"),
        (package("nuget", packageArguments=[{"type": "positional", "value": "go"}]), "dnx --yes thing@1.2.0 -- go"),
        (package("go"), "go run thing@1.2.0"),
        (package("cargo"), "thing"),
        (package("mcpb", identifier="https://acme.example/thing.mcpb"), ""),
        (package("oci", environmentVariables=[{"name": "KEY"}]), "docker run -i --rm -e KEY thing:1.2.0"),
        (package("oci", identifier="ghcr.io/acme/thing:2"), "docker run -i --rm ghcr.io/acme/thing:2"),
        (package("npm", packageArguments=ARGUMENTS), "npx -y thing@1.2.0 serve --port=80 -k {key} --verbose {folder}"),
        (package("unheard-of"), ""),
    ],
)
def test_a_package_becomes_the_command_that_starts_it(document: Json, command: str) -> None:
    server = server_of(document)
    assert (server.transport, server.url) == ("stdio", None)
    assert " ".join([server.command or "", *server.args]).strip() == command


def test_a_complete_remote_is_preferred_then_a_package_then_a_template() -> None:
    template: Json = {"type": "streamable-http", "url": "https://{tenant}.acme.example/mcp"}
    whole: Json = {"type": "sse", "url": "https://acme.example/sse/{id}", "variables": {"id": {"value": "7"}}}
    base: Json = {**package("npm"), "remotes": [template]}
    assert server_of({**base, "remotes": [template, whole]}).url == "https://acme.example/sse/7"
    assert server_of(base).command == "npx"
    assert server_of({**base, "packages": []}).url == template["url"]


def test_what_the_registry_changed_is_in_the_document_and_the_rest_stays() -> None:
    document = a_package()
    changed = server_of(document).model_copy(
        update={
            "description": "Long. " * 40,
            "repository_url": "https://gitlab.com/acme/moved",
            "documentation_url": None,
        }
    )
    written = document_of(changed, namespace="com.example")
    assert len(str(written["description"])) <= 100
    assert written["repository"] == {"url": "https://gitlab.com/acme/moved", "source": "gitlab", "id": "7", "stars": 5}
    assert "websiteUrl" not in written
    assert {**document, **{key: written[key] for key in ("description", "repository")}} == {
        **written, "websiteUrl": document["websiteUrl"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "server",
    [
        Server(path="plain", name="Plain", transport="stdio", command="x"),
        Server(path="far", name="Far " * 40, url="https://acme.example/mcp", description="d" * 500, title="t" * 150),
        Server(path="s", name="S", url="https://acme.example/sse", transport="sse", icons=[{"src": "data:x"}]),
    ],
)
def test_a_server_without_a_manifest_has_a_document_that_fits_the_schema(server: Server) -> None:
    written = document_of(server, namespace="com.example.registry")
    assert issues_of(written) == []
    assert written["name"] == f"com.example.registry/{server.path}"


def test_a_name_that_belongs_to_another_path_is_not_used() -> None:
    server = server_of(a_package("io.github.acme/weather")).model_copy(update={"path": "mine"})
    assert name_of(server, "com.example") == "com.example/mine"


def test_an_older_form_is_brought_to_the_current_one() -> None:
    old: Json = {
        "name": "io.github.acme/old", "description": "Old. " * 40, "version_detail": {"version": "0.1.0"}, "id": "x-1",
        "packages": [{
            "registry_name": "docker", "name": "acme/old", "version": "",
            "environment_variables": [{"name": "KEY", "is_required": True}],
        }],
        "remotes": [{"transport_type": "streamable", "url": "https://acme.example/mcp"}],
    }  # fmt: skip
    written = document_of(server_of(old), namespace="com.example")
    assert issues_of(written) == []
    assert (written["version"], written["id"]) == ("0.1.0", "x-1")
    assert written["packages"] == [{
        "registryType": "oci", "identifier": "acme/old", "transport": {"type": "stdio"},
        "environmentVariables": [{"name": "KEY", "isRequired": True}],
    }]  # fmt: skip


DEEP: JsonValue = "x"
for _ in range(70):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "more",
    [{"x": DEEP}, {"x": float("inf")}, {"x": 2**64}, {"x": "\ud800"}, {"\udfff": 1}, {"x": ["y"] * 60_000},
     {"version": "latest"}, {"version": "a b"}, {"version": 1}, {"name": "no-slash"}, {"name": 7}],
)  # fmt: skip
def test_what_could_not_be_kept_or_answered_with_is_refused(more: Json) -> None:
    with pytest.raises(Invalid):
        server_of({**a_package(), **more})


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"description": "x" * 101}, "description"), ({"description": None}, ""), ({"version": "^1.0"}, "version"),
        ({"version": "1.x"}, "version"), ({"websiteUrl": "no url"}, "websiteUrl"), ({"_meta": None}, ""),
        ({"packages": [{"registryType": "npm", "identifier": "x"}]}, "packages.0.transport"),
        ({"remotes": [{"type": "stdio", "url": "x"}]}, "remotes.0.type"),
        ({"repository": {"url": "https://x.example"}}, "repository.source"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_schema_is_said_by_its_place(more: Json, path: str) -> None:
    assert [issue.path for issue in issues_of({**a_package(), **more})][:1] == [path]
