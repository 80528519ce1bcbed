"""What every append log does; a backend's test class is one fixture."""

import anyio
import pytest

from airegistry.core.documents import AppendLog, Json, LogRecord, Where
from airegistry.core.errors import Invalid
from tests.stores.contract import collect


class AppendLogContract:
    """Subclasses give a fixture `log`."""

    async def test_records_are_numbered_from_one(self, log: AppendLog) -> None:
        assert await log.append("audit", [{"n": 1}, {"n": 2}]) == 2
        assert await log.append("audit", [{"n": 3}]) == 3
        assert await collect(log.read("audit")) == [LogRecord(n, {"n": n}) for n in (1, 2, 3)]

    async def test_nothing_appended_is_nothing_there(self, log: AppendLog) -> None:
        assert await collect(log.read("audit")) == []
        assert await log.last("audit") is None
        assert await log.append("audit", []) == 0
        assert await collect(log.read("audit")) == []
        assert await log.last("audit") is None

    async def test_streams_are_numbered_by_themselves(self, log: AppendLog) -> None:
        await log.append("audit", [{"n": 1}])
        assert await log.append("usage", [{"n": 2}]) == 1
        assert await log.last("audit") == LogRecord(1, {"n": 1})

    async def test_streams_are_those_that_were_appended_to(self, log: AppendLog) -> None:
        await log.append("nothing", [])
        assert await log.streams() == []
        for stream in ("usage", "audit", "usage"):
            await log.append(stream, [{}])
        assert await log.streams() == ["audit", "usage"]

    async def test_read_is_bounded_on_both_sides_in_both_directions(self, log: AppendLog) -> None:
        await log.append("audit", [{"n": n} for n in range(1, 11)])

        async def seqs(after: int, before: int | None, reverse: bool) -> list[int]:
            return [record.seq async for record in log.read("audit", after=after, before=before, reverse=reverse)]

        assert await seqs(3, 7, False) == [4, 5, 6]
        assert await seqs(3, 7, True) == [6, 5, 4]
        assert await seqs(8, None, False) == [9, 10]
        assert await seqs(0, 3, True) == [2, 1]
        assert await seqs(-5, 99, False) == list(range(1, 11))
        assert await seqs(10, None, False) == await seqs(5, 6, False) == await seqs(0, 0, True) == []

    async def test_last_is_the_newest_record(self, log: AppendLog) -> None:
        await log.append("audit", [{"n": 1}, {"n": 2}])
        assert await log.last("audit") == LogRecord(2, {"n": 2})
        await log.append("audit", [{"n": 3}])
        assert await log.last("audit") == LogRecord(3, {"n": 3})

    async def test_concurrent_appends_are_written_in_call_order(self, log: AppendLog) -> None:
        returned: dict[int, int] = {}

        async def append(n: int) -> None:
            returned[n] = await log.append("audit", [{"n": n}, {"n": -n}])

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                for n in range(1, 301):
                    group.start_soon(append, n)
        bodies = [record.body["n"] async for record in log.read("audit")]
        assert bodies == [sign * n for n in range(1, 301) for sign in (1, -1)]
        assert returned == {n: 2 * n for n in range(1, 301)}

    async def test_a_record_is_not_the_callers_object(self, log: AppendLog) -> None:
        record: Json = {"list": [1]}
        await log.append("audit", [record])
        record["list"] = []
        assert await log.last("audit") == LogRecord(1, {"list": [1]})

    async def test_thousands_of_records_are_read_newest_first(self, log: AppendLog) -> None:
        for start in range(0, 3000, 100):
            await log.append("audit", [{"n": n, "text": "ö" * (n % 50)} for n in range(start, start + 100)])
        backwards = await collect(log.read("audit", reverse=True))
        assert [record.seq for record in backwards] == list(range(3000, 0, -1))
        assert backwards == (await collect(log.read("audit")))[::-1]

    @pytest.mark.parametrize("stream", ["", "..", "a/b", "A", "a.b", "x" * 65, "ü"])
    async def test_what_cannot_be_a_stream_is_refused(self, log: AppendLog, stream: str) -> None:
        with pytest.raises(Invalid):
            await log.append(stream, [{}])
        assert await collect(log.read(stream)) == []

    async def test_what_is_no_json_is_refused_and_leaves_no_gap(self, log: AppendLog) -> None:
        with pytest.raises(Invalid):
            await log.append("audit", [{"n": 1}, {"n": 2**70}])
        assert await log.append("audit", [{"n": 1}]) == 1


class NarrowedLogContract:
    """Subclasses give a fixture `log`."""

    async def test_read_is_narrowed_by_fields_in_both_directions(self, log: AppendLog) -> None:
        names = {0: 'bob "é"'}
        records: list[Json] = [{"who": names.get(n % 3, "ann"), "n": n, "tags": [str(n)]} for n in range(1, 501)]
        await log.append("audit", records)

        async def seqs(where: Where, after: int = 0, before: int | None = None, reverse: bool = False) -> list[int]:
            reading = log.read("audit", after=after, before=before, reverse=reverse, where=where)
            return [record.seq async for record in reading]

        bobs = list(range(3, 501, 3))
        assert await seqs({"who": 'bob "é"'}) == bobs
        assert await seqs({"who": 'bob "é"'}, reverse=True) == bobs[::-1]
        assert await seqs({"who": 'bob "é"'}, after=3, before=9) == [6]
        assert await seqs({"who": ["nobody", 'bob "é"'], "n": 300}) == [300]
        assert await seqs({"tags": "7"}) == [7]
        assert await seqs({"n": [5, 4]}) == [4, 5]
        assert await seqs({"who": "audit"}) == await seqs({"who": []}) == []

    async def test_pruned_records_are_gone_and_no_number_is_given_again(self, log: AppendLog) -> None:
        await log.append("audit", [{"n": n, "text": "x" * 50} for n in range(1, 101)])
        await log.append("usage", [{}])
        assert await log.prune("audit", 41) == 40
        assert await log.prune("audit", 41) == await log.prune("audit", 0) == await log.prune("nothing", 9) == 0
        assert [record.seq async for record in log.read("audit")] == list(range(41, 101))
        assert [record.seq async for record in log.read("audit", after=10, before=43, reverse=True)] == [42, 41]
        assert (await log.last("audit") or LogRecord(0, {})).seq == 100
        assert await log.prune("audit", 10_000) == 60
        assert await collect(log.read("audit")) == []
        assert await log.append("audit", [{"n": 101}]) == 101
        assert await collect(log.read("audit")) == [LogRecord(101, {"n": 101})]
        assert len(await collect(log.read("usage"))) == 1
