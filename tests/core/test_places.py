"""Where things stand, by their hashes."""

import random

import numpy as np
import pytest

from airegistry.core.places import Places


@pytest.mark.parametrize("hashes", [4, 300, 2**62])
def test_it_finds_what_a_dictionary_finds_however_many_hashes_are_alike(hashes: int) -> None:
    chance, places = random.Random(hashes), Places()
    held: dict[int, int] = {}
    for step in range(4000):
        slot = chance.randrange(600)
        if slot in held:
            places.discard(held.pop(slot), slot)
        else:
            held[slot] = chance.randrange(-hashes, hashes)
            places.add(held[slot], slot)
        if step % 40 == 0:
            assert len(places) == len(held)
            for each, hashed in held.items():
                assert each in places.of(hashed)
            assert sorted(slot for hashed in set(held.values()) for slot in places.of(hashed)) == sorted(held)


def test_what_is_not_there_is_not_found_and_may_be_discarded() -> None:
    places = Places()
    places.add(7, 1)
    places.discard(7, 2)
    places.discard(8, 1)
    assert (len(places), list(places.of(7)), list(places.of(8)), list(places.of(23))) == (1, [1], [], [])


def test_a_thing_may_stand_in_many_slots_and_a_slot_hold_many_things() -> None:
    places = Places()
    for hashed, slot in ((5, 1), (5, 2), (9, 1), (-1, 3)):
        places.add(hashed, slot)
    assert (sorted(places.of(5)), list(places.of(9)), list(places.of(-1))) == ([1, 2], [1], [3])
    places.discard(5, 1)
    assert (list(places.of(5)), list(places.of(9))) == ([2], [1])
    for hashed in (2, 18, 34):  # they belong to one place of the table
        places.add(hashed, 4)
    places.discard(34, 4)
    assert [list(places.of(hashed)) for hashed in (2, 18, 34)] == [[4], [4], []]


def test_a_name_is_found_among_the_names_of_all_slots() -> None:
    places, names = Places(), [f"name-{number}" for number in range(300)]
    for slot, name in enumerate(names):
        places.add(hash(name), slot)
    places.add(hash("another"), 7)  # what stands in slot 7 is compared
    assert [places.named(name, names) for name in names] == list(range(300))
    assert (places.named("another", names), places.named("name-300", names)) == (None, None)


@pytest.mark.parametrize("count", [0, 1, 10, 5000])
@pytest.mark.parametrize("spread", [2, 2**62])
def test_filled_at_once_it_is_as_filled_one_after_the_other(count: int, spread: int) -> None:
    count = min(count, 500) if spread == 2 else count
    # Those of the end of the table go on at its start.
    hashes = np.random.default_rng(3).integers(-spread, 0, count)
    places = Places.filled(hashes, np.arange(count))
    assert len(places) == count
    for slot, hashed in enumerate(hashes.tolist()):
        assert slot in places.of(hashed)
    for slot, hashed in enumerate(hashes.tolist()):
        places.discard(hashed, slot)
    assert (len(places), [*places.of(-1), *places.of(0)]) == (0, [])
