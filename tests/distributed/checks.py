"""What must hold of the records of several processes, whatever befell them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby

from tests.distributed.linear import Operation, flaw
from tests.distributed.records import Json, operations


def check_documents(told: Sequence[Json], final: Mapping[str, Operation]) -> int:
    """Each document is linearizable up to a last read of it: no acknowledged write was lost. Returns how many acts."""
    done = operations(told)
    for key, last in final.items():
        found = flaw([*done.get(key, ()), last])
        assert found is None, f"document {key}: {found}"
    return sum(len(each) for each in done.values())


def check_changes(told: Sequence[Json]) -> None:
    """No watcher saw a document go back, and all of them, and who wrote it, saw the same at each version."""
    known: dict[tuple[str, int], object] = {}
    last: dict[tuple[str, str], int] = {}
    for change in (line for line in told if line.get("note") == "change"):
        place, body = change["place"], change["body"]
        version = change["version"] + (body is None)  # a deletion is told with the version it removed
        assert known.setdefault((place, version), body) == body, f"{place} is two things at version {version}"
        assert last.get((change["who"], place), 0) < version, f"{change['who']} saw {place} go back to {version}"
        last[change["who"], place] = version
    for key, done in operations(told).items():
        for each in done:
            if each.act == "put" and each.outcome == "ok" and each.version is not None:
                body = known.get((f"docs/{key}", each.version))
                assert body is None or body == {"value": each.value}, f"{key} at {each.version} is {body}, not {each}"


def check_leaders(told: Sequence[Json]) -> Mapping[str, int]:
    """No holder of a lease wrote after a later one; how many holders each document had.

    Tokens of turns are in no order: there nobody wrote again after somebody else had.
    """
    by: dict[tuple[str, int], str] = {}
    tokens: dict[str, dict[int, int]] = defaultdict(dict)
    calls = {(line["who"], line["call"]): line for line in told if line.get("act") == "lead"}
    for line in told:
        if line.get("note") == "change" and line["place"].startswith("led/"):
            key, token, holder = line["place"].removeprefix("led/"), line["body"]["fence"], line["body"]["by"]
        elif (line["who"], line.get("return")) in calls:
            key, token, holder = calls[line["who"], line["return"]]["key"], line["token"], line["who"]
        else:
            continue
        assert tokens[key].setdefault(line["version"], token) == token, f"{key} at {line['version']}: {line}"
        assert by.setdefault((key, token), holder) == holder, f"two hold the lease of {key} with token {token}"
    for key, written in tokens.items():
        order = [token for token, _ in groupby(token for _, token in sorted(written.items()))]
        assert len(order) == len(set(order)), f"somebody wrote {key} after another holder did: {order}"
        assert key == "turns" or order == sorted(order), f"somebody wrote {key} after a later holder did: {order}"
    return {key: len(set(written.values())) for key, written in tokens.items()}
