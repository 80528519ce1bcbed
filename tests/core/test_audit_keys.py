"""The key of the trail is changed: the new one signs, the old one still vouches, and nobody else adds one."""

import pytest

from airegistry.core.audit_care import ROTATE_KEY
from airegistry.core.audit_events import AuditFilter
from airegistry.core.audit_keys import KEYS, id_of
from airegistry.core.audit_writers import HEADS, _text, key_of
from airegistry.core.documents import Json
from airegistry.core.errors import AccessDenied, Internal
from airegistry.core.principals import SYSTEM, Principal
from airegistry.stores.signatures import Ed25519
from tests.core.signed import Place, writes

pytestmark = pytest.mark.anyio


async def keys_of(place: Place) -> list[object]:
    return [told.body.get("key") async for told in place.writers.told(HEADS)]


async def test_what_was_signed_before_verifies_and_each_head_names_its_key() -> None:
    place = Place()
    old = await place.process(shared=True)
    await writes(old, place.clock, ["a"])
    await old.close()
    new = await place.process(shared=True)
    care = place.care(new)
    first, kept = await care.heads(SYSTEM)
    before, after = await care.rotate_key(SYSTEM)
    second, _ = await care.heads(SYSTEM)
    assert (before, after) == (id_of(first), id_of(second))
    assert list(care.retired_keys) == [first]
    assert await keys_of(place) == [before, after]
    assert (await place.verify()).error is None
    assert (await place.verify(kept)).error is None
    [event] = (await new.query(SYSTEM, AuditFilter(action=ROTATE_KEY)))[0]
    assert (event.outcome, event.reason.endswith(f"; {after} follows {before}")) == ("ok", True)


async def test_another_process_signs_with_the_new_key_once_it_has_heard_of_it_and_both_vouch() -> None:
    place = Place()
    one, other = await place.process(shared=True), await place.process(shared=True)
    before, after = await place.care(one).rotate_key(SYSTEM)
    await writes(other, place.clock, ["a"])
    await other.sign()
    assert await keys_of(place) == [after, before]
    assert (await other.verify()).error is None
    assert other.writers is not None
    await other.writers.keys.follow()  # as the change feed has it do
    await writes(other, place.clock, ["b"])
    await other.sign()
    assert await keys_of(place) == [after, after]
    assert (await other.verify()).error is None


async def test_keys_are_changed_again_and_again_also_by_two_processes() -> None:
    place = Place()
    one, other = await place.process(shared=True), await place.process(shared=True)
    for audit in (one, other, one):
        await writes(audit, place.clock, ["a"])
        await audit.close()
        await place.care(audit).rotate_key(SYSTEM)
    assert len(place.care(one).retired_keys) == 3
    assert (await place.verify()).error is None


async def test_heads_of_before_keys_had_names_verify() -> None:
    place = Place()
    audit = await place.process()
    await writes(audit, place.clock, ["a"])
    await audit.close()
    found = await place.store.get(HEADS, key_of(1))
    keys = await place.store.get(KEYS, "signing")
    assert found is not None
    assert keys is not None
    body: Json = {name: value for name, value in found.body.items() if name not in ("key", "signature")}
    private = place.cipher.decrypt(str(keys.body["sealed"]))
    await place.store.put(HEADS, key_of(1), signed_by(private, body))
    assert (await place.verify()).error is None
    later = await place.process()
    await later.verify()
    await place.care(later).rotate_key(SYSTEM)
    await place.store.put(HEADS, key_of(1), signed_by(private, body))
    assert (await place.verify()).error is None


async def test_a_key_that_somebody_else_adds_or_takes_away_is_found() -> None:
    place = Place()
    audit = await place.process(shared=True)
    await writes(audit, place.clock, ["a"])
    await audit.close()
    await place.process(shared=True)
    await place.care(audit).rotate_key(SYSTEM)
    keys = await place.store.get(KEYS, "signing")
    assert keys is not None
    retired = keys.body["retired"]
    assert isinstance(retired, list)
    forged = Ed25519().public(Ed25519().make())
    await place.store.put(KEYS, "signing", {**keys.body, "retired": [*retired, forged]})
    with pytest.raises(Internal, match="the list of keys"):
        await place.verify()
    bare: Json = {name: value for name, value in keys.body.items() if name not in ("retired", "vouched")}
    await place.store.put(KEYS, "signing", bare)
    assert "signed by somebody else" in str((await place.verify()).error)


async def test_nobody_but_administrators_of_policy_changes_the_key() -> None:
    place = Place()
    audit = await place.process()
    with pytest.raises(AccessDenied):
        await place.care(audit).rotate_key(Principal("user:ann", scopes=frozenset({"auditor"})))
    assert list(place.care(audit).retired_keys) == []


def signed_by(private: str, body: Json) -> Json:
    """A head as it was signed by an earlier version."""
    return {**body, "signature": Ed25519().sign(private, _text(HEADS, body))}
