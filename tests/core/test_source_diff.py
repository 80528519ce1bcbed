"""The pure part of federation: what is to be done about offers, and when a source is asked again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, RateLimited, UpstreamFailed
from airegistry.core.source_diff import GONE, Decision, Held, decide, held_by_id, orphans, versions_of
from airegistry.core.source_records import SourceRecord, SourceState, Terms, validated_source
from airegistry.core.source_schedule import FAILURES, begins_at, circuit_of, next_due
from airegistry.core.sources import Offer
from tests.core.federated import offer, served, thing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TERMS = Terms()
catalogs = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.lists(st.sampled_from(["1.0.0", "2.0.0", "3.0.0"]), min_size=1, unique=True),
)
"""What a source offers: versions by path, the one by default first."""


def offers_of(catalog: Mapping[str, Sequence[str]]) -> list[Offer]:
    """A whole pass over a catalog."""
    return [offer(*(thing("server", path, version=number) for number in numbers)) for path, numbers in catalog.items()]


def decided(held: Mapping[str, Held], offers: Sequence[Offer]) -> list[Decision]:
    """What is to be done about each offer."""
    return [decide(held.get(each.id), each, TERMS) for each in offers]


def held_after(held: Mapping[str, Held], offers: Sequence[Offer]) -> dict[str, Held]:
    """What is here once everything was done that a whole pass calls for."""
    after = dict(held)
    for decision in decided(held, offers):
        if decision.act in ("add", "change"):
            first, *others = versions_of(decision.offer)
            before = held.get(decision.offer.id)
            known = {} if before is None else {before.version: True, **dict.fromkeys(before.beside, True)}
            beside = {**known, **{version.version: False for version in others}}
            beside.pop(first.version, None)
            after[decision.offer.id] = Held(
                decision.offer.id, "server", first.path, first.version, decision.offer.digest, TERMS.audience_key,
                beside=beside,
            )  # fmt: skip
    for each in orphans(held, {one.id for one in offers}):
        after[each.id] = Held(
            each.id, each.kind, each.path, each.version, each.digest, each.audience, gone_since=NOON,
            beside=dict.fromkeys(each.beside, True),
        )  # fmt: skip
    return after


@given(st.lists(catalogs, max_size=4))
def test_after_any_passes_what_is_in_service_is_what_the_last_one_offered(passes: list[dict[str, list[str]]]) -> None:
    held: dict[str, Held] = {}
    for catalog in passes:
        held = held_after(held, offers_of(catalog))
        in_service = {each.path: {each.version, *each.offered} for each in held.values() if each.offered}
        assert in_service == {path: {*numbers} for path, numbers in catalog.items()}
        assert {each.path: each.version for each in held.values() if each.offered} == {
            path: numbers[0] for path, numbers in catalog.items()
        }
        again = offers_of(catalog)
        assert {decision.act for decision in decided(held, again)} <= {"unchanged"}
        assert orphans(held, {one.id for one in again}) == []


@given(catalogs, catalogs)
def test_the_order_of_offers_decides_nothing(before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
    held = held_after({}, offers_of(before))
    one = {decision.offer.id: decision.act for decision in decided(held, offers_of(after))}
    other = {decision.offer.id: decision.act for decision in decided(held, offers_of(after)[::-1])}
    assert one == other


def test_what_a_broken_pass_left_half_done_is_not_unchanged() -> None:
    whole = offer(thing("server", "a", version="2.0.0"), thing("server", "a", version="1.0.0"))
    done = Held(whole.id, "server", "a", "2.0.0", whole.digest, TERMS.audience_key, beside={"1.0.0": False})
    assert decide(done, whole, TERMS).act == "unchanged"
    for half in (
        Held(whole.id, "server", "a", "2.0.0", None, TERMS.audience_key, beside={"1.0.0": False}),
        Held(whole.id, "server", "a", "2.0.0", whole.digest, TERMS.audience_key),
        Held(whole.id, "server", "a", "1.0.0", whole.digest, TERMS.audience_key, beside={"2.0.0": False}),
        Held(whole.id, "server", "a", "2.0.0", whole.digest, TERMS.audience_key, NOON, {"1.0.0": False}),
    ):
        assert decide(half, whole, TERMS).act == "change"


def test_tombstones_and_what_the_terms_leave_out_take_out_of_service_what_was_in() -> None:
    here = Held("x", "server", "a", "1.0.0", "d", TERMS.audience_key)
    gone = Held("x", "server", "a", "1.0.0", "d", TERMS.audience_key, gone_since=NOON)
    assert decide(here, Offer("x"), TERMS).act == "retire"
    assert decide(gone, Offer("x"), TERMS).act == "ignore"
    assert decide(None, Offer("x"), TERMS).act == "ignore"
    narrow = Terms(names=["other*"])
    assert decide(here, served("a"), narrow).act == "retire"
    assert decide(None, served("a"), narrow).act == "filter"


def test_what_is_here_is_read_of_stored_bodies_without_shadows() -> None:
    def body(version: str, **more: object) -> Json:
        provenance: Json = {"source": "far", "id": "x", "digest": "d"}
        stored: Json = {
            "kind": "server",
            "path": "a",
            "version": version,
            "visibility": "public",
            "provenance": provenance,
        }
        return {**stored, **more}  # type: ignore[dict-item]  # JSON, as each test gives it

    retired = {"stage": "retired", "stage_reason": GONE, "stage_since": "2026-11-20T12:00:00Z"}
    by_hand = {"stage": "retired", "stage_reason": "we had enough", "stage_since": "2026-11-20T12:00:00Z"}
    found = held_by_id([body("2.0.0")], [body("2.0.0"), body("1.0.0", **retired), body("0.9.0", **by_hand)])
    assert found["x"].beside == {"1.0.0": True, "0.9.0": False}
    assert found["x"].offered == {"2.0.0", "0.9.0"}
    assert held_by_id([body("1.0.0", **retired)], [])["x"].gone_since == NOON


def source(**fields: object) -> SourceRecord:
    """A source that is asked every hour."""
    made = {"created_by": "x", "created_at": NOON, "updated_by": "x", "updated_at": NOON, "jitter": 0.1}
    return validated_source({**made, "name": "far", "kind": "peer", "interval": 3600, **fields})


def waits(failures: int, error: AirError | None = None, chance: float = 0.5) -> float:
    """Seconds from a pass to the next one."""
    return (next_due(source(), failures, error, NOON, chance) - NOON).total_seconds()


def test_a_source_is_asked_again_after_its_interval_give_or_take_its_jitter() -> None:
    assert (waits(0), waits(0, chance=0.0), waits(0, chance=1.0)) == (3600, 3240, 3960)


def test_failures_are_retried_soon_then_ever_more_rarely() -> None:
    down = UpstreamFailed("it is down")
    assert [waits(failures, down) for failures in range(1, 10)] == [
        60, 120, 240, 480, 3600, 7200, 14_400, 28_800, 57_600,
    ]  # fmt: skip
    assert waits(1000, down) == 86_400


def test_whoever_asks_to_be_left_alone_is_left_alone_for_a_day_at_most() -> None:
    assert waits(1, RateLimited("slow down", retry_after=5)) == 60
    assert waits(1, RateLimited("slow down", retry_after=5000)) == 5000
    assert waits(1, RateLimited("slow down", retry_after=1e12)) == 86_400


def test_a_circuit_opens_after_failures_in_a_row_and_its_next_pass_is_a_probe() -> None:
    due = NOON + timedelta(hours=1)
    assert circuit_of(SourceState(since=NOON, failures=FAILURES - 1, due=due), NOON) == "closed"
    assert circuit_of(SourceState(since=NOON, failures=FAILURES, due=due), NOON) == "open"
    assert circuit_of(SourceState(since=NOON, failures=FAILURES, due=due), due) == "half_open"


def test_passes_over_changes_alone_follow_a_whole_one_for_a_day() -> None:
    state = SourceState(since=NOON, mark="m", whole_at=NOON)
    assert begins_at(state, NOON + timedelta(hours=23)) == "m"
    assert begins_at(state, NOON + timedelta(hours=25)) is None
    assert begins_at(SourceState(since=NOON, mark="m"), NOON) is None
