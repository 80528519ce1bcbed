"""Pages lead where they say, name tests that exist, and leave out nothing of the code they describe."""

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from airegistry.core import errors
from airegistry.core.access import Access
from airegistry.core.audit_events import AuditEvent
from airegistry.core.calls import Outcome
from airegistry.core.errors import AirError
from airegistry.core.grants import CALLS, LISTED_BY, PLUMBING, Action, Grant, Scope
from airegistry.core.invocation import CALL_TIMEOUT
from airegistry.core.lifecycle import STAGES
from airegistry.core.principals import Principal
from airegistry.core.ranking import DENSE_SHARES, HEAD_COUNT, K1, PART_SHARE, B
from airegistry.core.scope_import import PERMISSIONS
from airegistry.core.search import MEANING
from airegistry.gateway.errors import STATUS
from airegistry.settings import ClientSettings, Settings, load
from airegistry.stores.lock import LOCK_NAME
from airegistry.stores.open import JOURNAL_NAME, LOGS_NAME
from airegistry.tools.policy import ExplanationShape, RuleShape
from tests.docs.console import blocks
from tests.support.processes import ROOT

DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("clients/*.md")]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_ACT = re.compile(r'attempt\(\s*who, f?"([^"]+)"')


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The fragments by which a page's headings are reached."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://")):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


def test_every_page_is_reached_from_the_readme() -> None:
    seen, todo = set[Path](), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        links = (link.partition("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8")))
        found = {(page.parent / link).resolve() for link in links if link.endswith(".md") and "://" not in link}
        todo += found - seen
    assert sorted(page.name for page in DOCS.glob("*.md") if page not in seen) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_test_that_a_page_names_exists(page: Path) -> None:
    for path, name in _TEST.findall(page.read_text(encoding="utf-8")):
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"


def test_the_architecture_names_every_module() -> None:
    tree = next(block.text for block in blocks(ROOT / "ARCHITECTURE.md") if block.text.startswith("airegistry/"))
    for folder in [line.split()[0] for line in re.findall(r"^  \w+/.*$", tree, re.MULTILINE)]:
        named = re.search(rf"^  {folder}(.*?)(?=^\S|^  \S)", tree, re.MULTILINE | re.DOTALL)
        modules = {file.stem for file in (ROOT / "airegistry" / folder).rglob("*.py")} - {"__init__"}
        assert named is not None
        assert modules <= set(named[1].split()), folder
    packages = {file.parent.name for file in (ROOT / "airegistry").glob("*/__init__.py")}
    assert packages == set(re.findall(r"^  (\w+)/", tree, re.MULTILINE))


def test_every_error_has_its_row_with_its_status() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", text_of("errors.md"), re.MULTILINE))
    known = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AirError)}
    assert {code: int(status) for code, status in rows.items()} == STATUS
    assert rows.keys() == known


@pytest.mark.parametrize("model", [Settings, ClientSettings], ids=lambda model: str(model.__name__))
def test_every_setting_is_documented(model: type[Settings]) -> None:
    for name in model.model_fields:
        assert f"| `AIREGISTRY_{name.upper()}` |" in text_of("settings.md")


def test_the_settings_file_on_the_page_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = next(block.text for block in blocks(DOCS / "settings.md") if block.language == "toml")
    (tmp_path / "airegistry.toml").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = load()
    for name, value in tomllib.loads(example).items():
        assert str(getattr(settings, name)) == str(value)


def test_every_grant_on_the_access_page_is_one() -> None:
    scope, grants, answer = (json.loads(block.text) for block in blocks(DOCS / "access.md") if block.language == "json")
    assert Scope.model_validate(scope).grants[0].tools == ["get_forecast"]
    assert [Grant.model_validate(grant) for grant in grants]
    assert answer.keys() == ExplanationShape.model_fields.keys()
    assert answer["rule"].keys() == RuleShape.model_fields.keys()


def test_the_access_page_names_what_becomes_of_the_permissions_of_the_peer() -> None:
    page = text_of("access.md")
    for permission, (kind, action) in PERMISSIONS.items():
        verb = permission.partition("_")[0]
        shown = f"`{verb}_…`" if kind != "agent" and verb in {"modify", "toggle", "delete"} else f"`{permission}`"
        assert shown in page, permission
        assert f"`{action}`" in page, action


def test_a_grant_to_read_the_trail_is_written_as_the_pages_say() -> None:
    written = '{"kinds": ["registry"], "actions": ["audit"]}'
    assert written in text_of("access.md")
    assert written in text_of("audit.md")
    access = Access()
    access.replace([Scope(name="auditor", grants=[Grant.model_validate_json(written)])], [])
    auditor = Principal("token:auditor", scopes=frozenset({"auditor"}))
    assert access.decide(auditor, "audit").allowed
    assert not access.decide(auditor, "policy").allowed


def test_the_access_page_names_every_action_method_and_stage() -> None:
    page = text_of("access.md")
    for word in (*get_args(Action), *CALLS, *PLUMBING, *STAGES):
        assert f"`{word}`" in page, word
    assert all(method.endswith("/list") for method in LISTED_BY)  # "lists" on the page


def test_the_audit_page_names_every_field_action_and_outcome() -> None:
    page = text_of("audit.md")
    for word in (*AuditEvent.model_fields, *get_args(Outcome), "failed", "refused", "allow", "deny"):
        assert f"`{word}`" in page, word
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "airegistry" / "core").glob("*.py"))
    acts = {re.sub(r"\{[\w.]*(?:kind|KIND)\}", "KIND", act) for act in _ACT.findall(source)}
    acts -= {"KIND:{action}", "KIND:{act}"}
    assert len(acts) > 8
    amended = set(re.findall(r'self\.amend\(who, "(\w+)"', source))
    for act in acts | {f"KIND:{action}" for action in amended}:
        assert f"`{act}`" in page, act


def test_the_storage_page_names_what_lies_in_the_folder() -> None:
    for name in (JOURNAL_NAME, f"{LOGS_NAME}/audit/*.log", LOCK_NAME):
        assert f"| `{name}` |" in text_of("storage.md")


def test_the_numbers_on_the_pages_are_those_of_the_code() -> None:
    search = text_of("search.md")
    assert f"(`k1` {K1}, `b` {B})" in search
    assert f"{DENSE_SHARES[0]} when no document has a word of the query and {DENSE_SHARES[1]} when" in search
    assert f"the {HEAD_COUNT} best so far the best part of the query counts {PART_SHARE}" in search
    assert f"at\nleast {MEANING}" in search
    gateway = text_of("gateway.md")
    defaults = Settings.model_fields
    assert f"| {defaults['max_body'].default // 2**20} MB, else 413 | `AIREGISTRY_MAX_BODY` |" in gateway
    assert f"| {defaults['first_byte_timeout'].default:g} s | `AIREGISTRY_FIRST_BYTE_TIMEOUT` |" in gateway
    assert f"| {defaults['fetch_timeout'].default:g} s, 20 MB, 5,000 items of each sort |" in gateway
    assert f"| {CALL_TIMEOUT:g} s, 32 MB |" in gateway


def test_the_runbook_answers_what_an_operator_is_asked() -> None:
    asked = (
        "onboard approve revoke rotate check-health debug-the-registry debug-authentication roll-back restore retire "
        "investigate"
    )
    page = text_of("runbook.md")
    assert set(asked.split()) <= anchors(DOCS / "runbook.md")
    for answer in re.split(r"^## ", _FENCED.sub("`shown`", page), flags=re.MULTILINE)[1:]:
        assert re.search(r"`[^`]+`|\]\(", answer), answer
