"""`entity-type`."""

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

SCHEMA: Json = {"type": "object", "required": ["rack"], "properties": {"rack": {"type": "string"}}}
MACHINE: Json = {"name": "machine", "description": "What stands in a rack.", "schema": SCHEMA}


def test_types_are_listed_and_the_schema_of_one_is_printed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"types": [MACHINE]})
    listed = run("entity-type", "list")
    assert (listed.status, "What stands in a rack." in listed.out) == (0, True)
    fake.says(MACHINE)
    shown = run("entity-type", "show", "machine")
    assert json.loads(shown.out) == SCHEMA
    assert fake.calls == [("list_entity_types", {}), ("get_entity_type", {"name": "machine"})]


def test_a_type_is_defined_from_a_file_and_changed_by_what_is_given(
    fake: FakeRegistry, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "machine.json"
    file.write_text(json.dumps(SCHEMA))
    fake.says(MACHINE)
    assert run("entity-type", "define", "machine", str(file)) == (0, "", "entity type `machine` is defined\n")
    ran = run("entity-type", "update", "machine", "--description", "A machine.")
    assert ran == (0, "", "entity type `machine` is changed\n")
    run("entity-type", "update", "machine", "--schema", str(file))
    assert fake.calls == [
        ("define_entity_type", {"name": "machine", "schema": SCHEMA}),
        ("update_entity_type", {"name": "machine", "description": "A machine."}),
        ("update_entity_type", {"name": "machine", "schema": SCHEMA}),
    ]


def test_a_schema_that_is_no_object_is_not_sent(fake: FakeRegistry, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    file.write_text("[]")
    ran = run("entity-type", "define", "machine", str(file))
    assert (ran.status, fake.calls) == (2, [])
    assert "not a JSON object" in ran.err


def test_a_type_is_removed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"ok": True})
    assert run("entity-type", "delete", "machine") == (0, "", "entity type `machine` is removed\n")
    assert fake.calls == [("delete_entity_type", {"name": "machine"})]
