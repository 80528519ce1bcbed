"""The product without the hooks of telemetry on the way of a call: `python -m benchmarks.rig.bare serve`.

What a registry has that tells nobody anything is one call of a method that returns at once; here it is not made.
"""

import sys

from airegistry.cli.main import main
from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.audit_parameters import Said
from airegistry.core.invocation import Invocation
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal


def _note(
    self: Invocation, who: Principal, ref: str, method: str, name: str | None, asset: AnyAsset | None, started: float,
    *, decision: str, reason: str, outcome: str, via: VirtualServer | None, said: Said | None = None,
    id: str | None = None,
) -> None:  # fmt: skip
    """As the product's own, but for what it tells telemetry."""
    self._audit.note_call(
        who, method, ref, name, decision=decision, outcome=outcome, reason=reason, started=started,
        target=asset.url if isinstance(asset, Server | Agent) else None,
        data_classification=asset.data_classification if asset else None,
        via=None if via is None else f"{via.kind}/{via.path}", said=said, id=id,
    )  # fmt: skip


if __name__ == "__main__":
    Invocation._note = _note  # type: ignore[method-assign]  # that is what this is for
    main(sys.argv[1:])
