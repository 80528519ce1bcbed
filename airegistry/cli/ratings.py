"""`airegistry rate` and `unrate`: stars."""

from typing import Annotated

from cyclopts import Parameter

from airegistry.cli.assets import Kind
from airegistry.cli.client import HERE, Target, fetch
from airegistry.cli.output import show_fields
from airegistry.cli.values import Json

AssetPath = Annotated[str, Parameter(help="Path of the asset.")]
OfKind = Annotated[Kind, Parameter(help="Its kind.")]


def rate(
    path: AssetPath,
    stars: Annotated[int, Parameter(help="1 to 5.")],
    /,
    *,
    kind: OfKind = "server",
    target: Target = HERE,
) -> None:
    """Give an asset one to five stars, in place of your earlier rating."""
    _show(fetch(target, "rate_asset", {"kind": kind, "path": path, "stars": stars}))


def unrate(path: AssetPath, /, *, kind: OfKind = "server", target: Target = HERE) -> None:
    """Take your rating of an asset back."""
    _show(fetch(target, "withdraw_rating", {"kind": kind, "path": path}))


def _show(rating: Json | None) -> None:
    if rating is not None:
        show_fields({"average": rating["average"], "ratings": rating["count"]})
