"""What of the catalog a caller is shown: access, lifecycle and environment together."""

from airegistry.core.access import Access
from airegistry.core.lifecycle import serves
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal


class Visibility:
    """Answers for lists, search and calls alike. Assets whose stage is not served in this environment are shown
    to those who may change them."""

    def __init__(self, access: Access, environment: str) -> None:
        self._access = access
        self.environment = environment

    def shows(self, who: Principal, asset: AnyAsset) -> bool:
        """Whether the caller may know of an asset."""
        if not self._access.sees(who, asset):
            return False
        return self.serves(asset) or asset.created_by == who.subject or self._access.allows(who, "update", asset)

    def serves(self, asset: AnyAsset) -> bool:
        """Whether assets of this stage are callable in this environment."""
        return serves(asset.stage, self.environment)
