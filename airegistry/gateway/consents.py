"""A caller who has to agree to something first, on the way of bytes: told in the manner of its client's era."""

import orjson

from airegistry.core.errors import ConsentRequired
from airegistry.core.pleas import InputWanted, input_required
from airegistry.gateway.direct import Request
from airegistry.gateway.fronts.consent import consent_refusal, has_opened
from airegistry.gateway.message import capabilities_of, params_of


def consent_answer(error: ConsentRequired | InputWanted, request: Request) -> bytes | None:
    """The message that has the client ask its person; None when it did not say that it can, or has done so already."""
    params = params_of(request.body)
    if isinstance(error, InputWanted):  # which is raised where a modern client can
        return orjson.dumps({"jsonrpc": "2.0", "id": request.envelope.id, "result": input_required(error)})
    if request.inbound.modern:
        if has_opened(params.get("inputResponses")):
            return None
        return consent_refusal(error, request.envelope.id, capabilities_of(params), "modern")
    opening = request.session.opening if request.session is not None else None
    return consent_refusal(error, request.envelope.id, capabilities_of(params_of(opening)), "legacy")
