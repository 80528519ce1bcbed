"""The door to `/scim/v2`: what is behind it is loaded at the first request, as most registries never have one."""

from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore
from airegistry.core.ports import Clock
from airegistry.core.provisioning import Provisioning

if TYPE_CHECKING:
    from airegistry.rest.scim.app import Scim

PATHS = ("/scim/v2", "/scim/v2/{path:path}")


class Door:
    """The application of `/scim/v2`."""

    def __init__(self, store: DocumentStore, provisioning: Provisioning, audit: Audit, clock: Clock, url: str) -> None:
        self._needs = store, provisioning, audit, clock
        self._url = url
        self._behind: Scim | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._behind is None:
            self._behind = self._opened()
        await self._behind(scope, receive, send)

    def _opened(self) -> "Scim":
        from airegistry.core.provisioned_groups import GroupProvisioning  # as the module says
        from airegistry.rest.scim.app import Scim

        store, provisioning, audit, clock = self._needs
        return Scim(provisioning, GroupProvisioning(store, provisioning, audit, clock), self._url)
