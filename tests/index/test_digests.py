"""Places of digests are found whatever the digests are like."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from airegistry.index.digests import SIZE, Digests, halves

ALIKE = st.sampled_from([b"\0" * 8, b"\1" * 8, b"\xff" * 8])
DIGEST = st.builds(lambda first, second: first + second, ALIKE, st.binary(min_size=8, max_size=8)) | st.binary(
    min_size=SIZE, max_size=SIZE
)


@given(st.lists(DIGEST, unique=True, max_size=40), st.lists(DIGEST, max_size=10))
def test_each_digest_is_found_where_it_stands_and_no_other_is(listed: list[bytes], others: list[bytes]) -> None:
    digests = Digests(halves(b"".join(listed)))
    asked = [*others, *listed]
    wanted: npt.NDArray[np.int64] = np.array([listed.index(each) if each in listed else -1 for each in asked], np.int64)
    assert digests.places(asked).tolist() == wanted.tolist()
    assert len(digests) == len(listed)
