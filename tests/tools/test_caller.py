"""Who calls a tool."""

import pytest

from airegistry.core.errors import Unauthenticated
from airegistry.tools.caller import current_principal


def test_outside_of_a_request_nobody_calls() -> None:
    """Auth trap 5: where FastMCP knows of no request there is no caller either; nothing is allowed for want of one."""
    with pytest.raises(Unauthenticated):
        current_principal()
