"""The Cisco AI Defense scanners, for whoever has them: a process in an environment of its own, asked line by line.

Their packages bring half a gigabyte and an exact pin of a model gateway, so they are never imported here.
"""

import json
import logging
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from pydantic import BaseModel, ConfigDict, ValidationError

from airegistry.core.assets import Agent, Json, Server, Skill
from airegistry.core.errors import ScanFailed
from airegistry.core.findings import SEVERITIES, Finding, Severity, escaped
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.unchecked import SKILL_FILE

log = logging.getLogger(__name__)
PATIENCE = 120.0
"""Seconds for one answer: the first one waits for imports and rules."""

RESTS = (0.0, 1.0, 5.0, 30.0, 120.0)
"""Seconds that it is left alone after so many failures in a row."""

LONGEST_ANSWER = 16_000_000
WORKER: Final = Path(__file__).with_name("cisco_worker.py")


class _Said(BaseModel):
    """One finding of the worker."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    severity: str
    name: str
    message: str = ""
    field: str = ""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: int
    findings: list[_Said] | None = None
    error: str | None = None


class Cisco:
    """An `OutsideScanner`. Use as an async context manager: at the end the process is stopped.

    It is started when the first asset is scanned, and again after it broke or took too long, with growing rests.
    """

    def __init__(
        self, python: Path, *, patience: float = PATIENCE, rests: Sequence[float] = RESTS, worker: Path = WORKER,
        clock: Callable[[], float] = anyio.current_time,
    ) -> None:  # fmt: skip
        self.name = "cisco/1"
        self._command = [str(python), "-I", "-u", str(worker)]
        self._patience = patience
        self._rests = rests
        self._clock = clock
        self._turn = anyio.Lock()
        self._process: Process | None = None
        self._answers: BufferedByteReceiveStream | None = None
        self._asked = 0
        self._failures = 0
        self._rested_until = 0.0

    async def __aenter__(self) -> "Cisco":
        return self

    async def __aexit__(self, *exc: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._stop()

    async def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """What they find in the tools of a server, in an agent card or in a skill; nothing in other assets.

        Raises:
            ScanFailed: the process cannot be started, broke, took too long, or an analyzer of it did not run.
        """
        asked = _request(asset)
        if asked is None:
            return []
        async with self._turn:
            answer = await self._answer(asked)
        if answer.error is not None or answer.findings is None:
            raise ScanFailed(f"scanner {self.name}: {escaped(answer.error or 'no findings and no error')}")
        return [_finding(each) for each in answer.findings]

    async def _answer(self, asked: Json) -> _Answer:
        if (wait := self._rested_until - self._clock()) > 0:
            raise ScanFailed(f"scanner {self.name} broke and is left alone for {wait:.0f} s")
        answered = False
        try:
            with anyio.fail_after(self._patience):
                answer = await self._exchange(asked)
            answered = True
        except TimeoutError:
            raise ScanFailed(f"scanner {self.name} gave no answer within {self._patience:g} s") from None
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream,
                anyio.IncompleteRead, anyio.DelimiterNotFound, ValidationError) as error:  # fmt: skip
            raise ScanFailed(f"scanner {self.name} broke: {type(error).__name__}") from error
        finally:
            if not answered:  # cancelled ones too: its answer would be taken for that of the next request
                with anyio.CancelScope(shield=True):
                    await self._broke()
        self._failures = 0
        return answer

    async def _exchange(self, asked: Json) -> _Answer:
        if self._process is None or self._process.returncode is not None:
            await self._start()
        assert self._process is not None  # it was started
        assert self._process.stdin is not None
        assert self._answers is not None
        self._asked += 1
        await self._process.stdin.send(json.dumps({"id": self._asked, **asked}).encode() + b"\n")
        answer = _Answer.model_validate_json(await self._answers.receive_until(b"\n", LONGEST_ANSWER))
        if answer.id != self._asked:
            raise anyio.BrokenResourceError
        return answer

    async def _start(self) -> None:
        # Nothing of the registry's settings and secrets is handed on.
        env = {
            "PATH": os.defpath, "HOME": str(Path.home()), "PYTHONUTF8": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches one when it is imported
        }  # fmt: skip
        self._process = await anyio.open_process(self._command, env=env, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        self._answers = BufferedByteReceiveStream(self._process.stdout)

    async def _broke(self) -> None:
        self._failures += 1
        rest = self._rests[min(self._failures - 1, len(self._rests) - 1)]
        self._rested_until = self._clock() + rest
        log.warning("scanner %s is stopped, and left alone for %g s", self.name, rest)
        await self._stop()

    async def _stop(self) -> None:
        process, self._process, self._answers = self._process, None, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.aclose()


def _request(asset: AnyAsset) -> Json | None:
    """What the worker is asked about an asset; None when it has nothing to say of its kind."""
    if isinstance(asset, Server):
        tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in asset.tools]
        return {"kind": "tools", "tools": [*tools]} if tools else None
    if isinstance(asset, Agent):
        return {"kind": "card", "card": asset.card}
    if isinstance(asset, Skill):
        return {"kind": "skill", "files": {SKILL_FILE: asset.content, **asset.files}}
    return None


def _finding(said: _Said) -> Finding:
    """A finding as ours: what the pattern matchers of others say is no structure, and agrees with nobody by itself."""
    words = "".join(letter if letter.isalnum() else "-" for letter in said.name.lower()).strip("-")
    return Finding(
        rule=f"cisco.{words[:80] or 'finding'}", severity=_severity(said.severity), field=said.field,
        message=f"Cisco: {escaped(said.message or said.name)}",
    )  # fmt: skip


def _severity(said: str) -> Severity:
    """Their severity as ours; one that is unknown is taken for medium."""
    known: dict[str, Severity] = {severity: severity for severity in SEVERITIES}
    safe: Literal["info"] = "info"
    return {**known, "safe": safe}.get(said.lower(), "medium")
