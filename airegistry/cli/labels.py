"""What every registration may say of an asset beside what it is."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from airegistry.cli.client import given
from airegistry.cli.values import Json, parse_pairs

DryRun = Annotated[
    bool, Parameter(help="Show what would come of it, with the scan, and store nothing.", show_default=False)
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Labels:
    """Tags, audience and governance of a new asset."""

    tag: Annotated[list[str] | None, Parameter(help="A tag; may be repeated.")] = None
    group: Annotated[list[str] | None, Parameter(help="Show it to this group only; may be repeated.")] = None
    on_duplicate: Annotated[
        Literal["report", "reject"] | None, Parameter(help="What to do when it looks like another, else report.")
    ] = None
    set: Annotated[
        list[str] | None,
        Parameter(help="Another field as `name=value`, as in owner_team or license; may be repeated."),
    ] = None
    dry_run: DryRun = False

    @property
    def arguments(self) -> Json:
        """As the tools take them."""
        return given(
            tags=self.tag, groups=self.group, on_duplicate=self.on_duplicate,
            governance=parse_pairs(self.set or (), "--set") or None, dry_run=self.dry_run or None,
        )  # fmt: skip


NONE = Labels()
