"""What is kept of sources: where each is and what may come in from it; how its passes went; what one of them did."""

import re
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from airegistry.core.admission import OnDuplicate
from airegistry.core.assets import Json, Model, Visibility
from airegistry.core.ports import AnyAsset
from airegistry.core.sources import SourceKind
from airegistry.core.validation import invalid

INTERVAL, SHORTEST, LONGEST = 3600.0, 60.0, 30 * 86_400.0
"""Seconds between two passes: when nothing is said, and the least and the most that may be said."""
JITTER = 0.1
RUNS = 10
"""Passes that are remembered of a source."""
SHOWN = 100
LONGEST_ERROR = 1_000
"""Refusals, and changes of a dry run, that are told one by one."""
LOCAL = "local"
"""The source of whatever was registered here: no other has the name."""

Circuit = Literal["closed", "open", "half_open"]
Outcome = Literal["ok", "failed", "cancelled"]
Change = Literal["added", "changed", "retired", "refused"]
_ORIGIN = re.compile(r"[a-z]+://[^/?#]*", re.IGNORECASE)
_PREFIX = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,31})?")


class Terms(Model):
    """As what things come in from a source, and which do.

    They are seen by `groups`, or as `visibility` says. `prefix` is put before each path. Of `tags` a thing has to have
    one, its name, id or path has to fit one of `names` (globs), where some are given: the rest is as if it were not
    offered. A name that begins with none of `namespace`, where some are given, is refused.
    """

    visibility: Visibility = "public"
    groups: list[str] = Field(default_factory=list, max_length=100)
    prefix: str = ""
    tags: list[str] = Field(default_factory=list, max_length=100)
    names: list[str] = Field(default_factory=list, max_length=1000)
    namespace: list[str] = Field(default_factory=list, max_length=100)
    on_duplicate: OnDuplicate | None = None

    @field_validator("prefix")
    @classmethod
    def _begins_a_path(cls, prefix: str) -> str:
        if not _PREFIX.fullmatch(prefix):
            raise ValueError("a prefix is of the form [a-z0-9][a-z0-9._-]{0,31}")
        return prefix

    @property
    def audience(self) -> tuple[Visibility, list[str]]:
        """Visibility and groups of what comes in."""
        return ("group" if self.groups and self.visibility == "public" else self.visibility), list(self.groups)

    @property
    def audience_key(self) -> tuple[str, tuple[str, ...]]:
        """The same, to be compared."""
        visibility, groups = self.audience
        return visibility, tuple(groups)

    def wants(self, id_: str, asset: AnyAsset) -> bool:
        """Whether something offered is to be taken at all."""
        if self.tags and not {*self.tags} & {*asset.tags}:
            return False
        known = (asset.name, id_, asset.path)
        return not self.names or any(fnmatchcase(name, glob) for glob in self.names for name in known)

    def owns(self, asset: AnyAsset) -> bool:
        """Whether a name is one that the source may give."""
        return not self.namespace or any(asset.name.startswith(prefix) for prefix in self.namespace)


class SourceRecord(Terms):
    """A source: its driver's `kind`, `url`, `options` and `sealed` secrets, and when it is asked.

    `jitter` is the share of `interval` (seconds) by which a pass may be early or late. With `removing` its assets are
    being taken down, and then it goes itself.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    kind: SourceKind
    url: str = Field(default="", max_length=2048)
    options: Json = Field(default_factory=dict)
    sealed: str = ""
    enabled: bool = True
    interval: float = Field(default=INTERVAL, ge=SHORTEST, le=LONGEST)
    jitter: float = Field(default=JITTER, ge=0, le=0.5)
    description: str = Field(default="", max_length=1000)
    removing: bool = False
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime

    @field_validator("name")
    @classmethod
    def _not_local(cls, name: str) -> str:
        if name == LOCAL:
            raise ValueError("'local' is what was registered here")
        return name

    def same_as(self, other: "SourceRecord") -> bool:
        """Whether nothing was changed of it, but that its secrets may have been sealed anew."""
        return self.model_copy(update={"sealed": ""}) == other.model_copy(update={"sealed": ""})

    @property
    def origins(self) -> frozenset[str]:
        """Schemes and hosts that its URL and its options name: its secrets may be sent there."""
        texts = (self.url, *(value for value in self.options.values() if isinstance(value, str)))
        return frozenset(found[0].lower() for text in texts if (found := _ORIGIN.match(text)))

    @property
    def terms(self) -> Terms:
        """As what things come in, and which do."""
        return Terms.model_validate({field: getattr(self, field) for field in Terms.model_fields})


class Refusal(Model):
    """Something that was offered and did not come in, by the code and the sentence of its error."""

    id: str
    kind: str = ""
    path: str = ""
    code: str
    reason: str


class Planned(Model):
    """What a dry run would do with one thing."""

    change: Change
    id: str
    kind: str
    path: str
    version: str = ""


class Run(Model):
    """One pass: how it ended, and what it did with what was offered.

    `held` are those of `added` and `changed` that the scan keeps disabled; `filtered` is what the terms leave out,
    `repeated` what was offered before in the pass. `codes` counts `refused` by error code; `refusals` and, of a dry
    run, `planned` are the first hundred.
    """

    started: datetime
    ended: datetime | None = None
    outcome: Outcome | None = None
    error: str = ""
    code: str = ""
    dry_run: bool = False
    whole: bool = False
    request: str = ""
    pages: int = 0
    offers: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    deleted: int = 0
    held: int = 0
    filtered: int = 0
    repeated: int = 0
    refused: int = 0
    codes: dict[str, int] = Field(default_factory=dict)
    refusals: list[Refusal] = Field(default_factory=list)
    planned: list[Planned] = Field(default_factory=list)

    @property
    def summary(self) -> str:
        """What came of it, in a line."""
        told = ("added", "changed", "retired", "deleted", "unchanged", "held", "refused")
        counts = ", ".join(f"{count} {word}" for word in told if (count := getattr(self, word)))
        codes = ", ".join(f"{code} {count}" for code, count in sorted(self.codes.items()))
        said = f"{counts or 'nothing offered'}{f' ({codes})' if codes else ''}"
        return f"{said}; {self.error}" if self.error else said


class SourceState(Model):
    """How a source stands: where its next pass begins (`mark`) and when (`due`), and the last passes, newest first.

    `since` is when the source was added: a state of one that had the name before counts for nothing. `generation`
    counts whole passes that were completed, the last at `whole_at`. `wanted` is the last request for a pass, `forced`
    the same where that pass may retire most of what is here; `stop` is the last to end one; `running` is what a pass
    under way did so far. `types` are the entity types that came from here, by name with the digest of each.
    """

    since: datetime
    mark: str | None = None
    generation: int = 0
    whole_at: datetime | None = None
    due: datetime | None = None
    failures: int = 0
    succeeded: datetime | None = None
    wanted: str = ""
    forced: str = ""
    stop: str = ""
    running: Run | None = None
    runs: list[Run] = Field(default_factory=list)
    types: dict[str, str] = Field(default_factory=dict)


def validated_source(fields: Mapping[str, object]) -> SourceRecord:
    """A source of plain fields.

    Raises:
        Invalid: one does not fit.
    """
    try:
        return SourceRecord.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None
