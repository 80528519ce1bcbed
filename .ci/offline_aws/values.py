"""What the offline provider says AWS made of a resource: made-up values, the same for the same name each time."""

# ruff: noqa: ANN401 -- values are of the types that schemas name

import hashlib
from typing import Any

ACCOUNT = "123456789012"
REGION = "eu-central-1"
_KNOWN = {
    ("aws_region", "region"): REGION,
    ("aws_region", "name"): REGION,
    ("aws_region", "id"): REGION,
    ("aws_partition", "partition"): "aws",
    ("aws_partition", "dns_suffix"): "amazonaws.com",
    ("aws_caller_identity", "account_id"): ACCOUNT,
    ("aws_availability_zones", "names"): [f"{REGION}{letter}" for letter in "abc"],
}


def made(kind: str, name: str, of: Any, seed: str) -> Any:
    """A value of type `of` for the attribute `name` of a resource of this kind."""
    if (kind, name) in _KNOWN:
        return _KNOWN[kind, name]
    if of == "string":
        digest = hashlib.sha256(f"{kind}{name}{seed}".encode()).hexdigest()
        if name == "arn" or name.endswith("_arn"):
            service, _, rest = kind.removeprefix("aws_").partition("_")
            return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest or service}/{digest[:12]}"
        return f"{kind.removeprefix('aws_')}-{name}-{digest[:8]}"
    if isinstance(of, list):
        if of[0] == "object":
            return {key: made(kind, key, each, seed) for key, each in of[1].items()}
        return {} if of[0] == "map" else []
    return {"number": 0, "bool": False}.get(of)


def derived(kind: str, planned: dict[str, Any]) -> dict[str, Any]:
    """What AWS makes of the arguments of a resource and others rely on, by attribute."""
    if kind == "aws_acm_certificate":
        names = [planned["domain_name"], *(planned.get("subject_alternative_names") or [])]
        return {"domain_validation_options": [_validation(name) for name in dict.fromkeys(names)]}
    if kind in {"aws_docdb_cluster", "aws_rds_cluster"} and planned.get("manage_master_user_password"):
        arn = made(kind, "secret_arn", "string", planned["cluster_identifier"])
        secret = {
            "secret_arn": arn,
            "kms_key_id": planned.get("master_user_secret_kms_key_id"),
            "secret_status": "active",
        }
        return {"master_user_secret": [secret]}
    return {}


def _validation(name: str) -> dict[str, str]:
    label = hashlib.sha256(name.encode()).hexdigest()[:8]
    return {
        "domain_name": name,
        "resource_record_name": f"_{label}.{name}.",
        "resource_record_type": "CNAME",
        "resource_record_value": f"_{label}.acm-validations.aws.",
    }
