"""What of the catalog a caller is shown: access, lifecycle and environment together."""

from airegistry.core.access import Access
from airegistry.core.grants import Action
from airegistry.core.lifecycle import serves
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.sketches import Sketch

BEFORE_IT_SERVES: tuple[Action, ...] = ("update", "transition", "approve")
"""Rights that show an asset whose stage is not served."""


class Visibility:
    """Answers for lists, search and calls alike. Assets whose stage is not served in this environment are shown
    to those who may change or approve them."""

    def __init__(self, access: Access, environment: str) -> None:
        self._access = access
        self.environment = environment

    def shows(self, who: Principal, asset: AnyAsset | Sketch) -> bool:
        """Whether the caller may know of an asset."""
        if not self._access.sees(who, asset):
            return False
        if self.serves(asset) or asset.created_by == who.subject:
            return True
        return any(self._access.allows(who, right, asset) for right in BEFORE_IT_SERVES)

    def serves(self, asset: AnyAsset | Sketch) -> bool:
        """Whether assets of this stage are callable in this environment."""
        return serves(asset.stage, self.environment, asset.review.deprecated_from)
