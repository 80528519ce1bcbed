"""Checks of a deployment on AWS from outside, by what Terraform says of it: names, certificates, answers."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from airegistry.cli.doctor.findings import Check, Finding, fail, ok, skip, warn
from airegistry.cli.doctor.settings_checks import LOOPBACK
from airegistry.cli.setup.outputs import Outputs
from airegistry.core.errors import AirError
from airegistry.egress.certificates import certificate_of
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp

SOON_DAYS = 30
"""ACM renews 60 days before the end: a certificate this near to it was not renewed."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is looked at, and by what connections; `tls` are the authorities to trust, else the system's."""

    outputs: Outputs
    guard: Guard
    http: JsonHttp
    tls: ssl.SSLContext | None = None


async def _outputs(deployment: Deployment) -> Finding:
    outputs = deployment.outputs
    if outputs.missing:
        return fail(
            f"missing: {', '.join(outputs.missing)}",
            "run `terraform apply` to its end, then `terraform output -json` in the same folder",
        )
    return ok(f"{len(outputs.values)} outputs; {outputs.text('service_name')} in {outputs.text('region')}")


async def _address(deployment: Deployment) -> Finding:
    url = deployment.outputs.url
    if urlsplit(url).scheme != "https":
        return fail(f"{url} is not https", "give the edge module a domain, or CloudFront")
    return ok(url)


async def _dns(deployment: Deployment) -> Finding:
    silent, found = [], []
    for host in deployment.outputs.hosts:
        try:
            addresses = await deployment.guard.resolve(host, 443)
            found.append(f"{host} ({len(addresses)})")
        except AirError as error:
            silent.append(error.message)
    if silent:
        by_cloudfront = deployment.outputs.text("cloudfront_id")
        towards = f"CloudFront's {by_cloudfront}" if by_cloudfront else "the load balancer"
        return fail(
            "; ".join(silent), f"lead the name to {towards}; new records take as long as the TTL of what was there"
        )
    return ok(f"addresses: {', '.join(found)}")


async def _certificates(deployment: Deployment) -> Finding:
    if (parts := urlsplit(deployment.outputs.url)).scheme != "https":
        return skip("there is no TLS to look at")
    problems, days = [], []
    for host in deployment.outputs.hosts:
        port = f":{parts.port}" if parts.port and host == parts.hostname else ""
        try:
            shown = await certificate_of(deployment.guard, f"https://{host}{port}", tls=deployment.tls)
            days.append((shown.ends - datetime.now(UTC)).days)
        except AirError as error:
            problems.append(error.message)
    if problems:
        return fail(
            "; ".join(problems),
            "see the certificate in ACM: it is issued once its DNS record is there, which takes up to half an hour",
        )
    saw = f"trusted, the first ends in {min(days)} days"
    if min(days) < SOON_DAYS:
        return warn(saw, "see why ACM does not renew it: the record that proved the domain has to stay")
    return ok(saw)


async def _answers(deployment: Deployment) -> Finding:
    for path in ("/healthz", "/readyz"):
        status = (await deployment.http.get(f"{deployment.outputs.url}{path}")).status
        if status != 200:
            return fail(f"{path} answers {status}", _LOGS)
    return ok("up and ready")


async def _keycloak(deployment: Deployment) -> Finding:
    if (base := deployment.outputs.text("keycloak_url")) is None:
        return skip("there is none")
    issuer = f"{base.rstrip('/')}/realms/master"
    answer = await deployment.http.get(f"{issuer}/.well-known/openid-configuration")
    if answer.status != 200:
        return fail(f"its metadata answers {answer.status}", "see Keycloak's log group: it takes minutes to start")
    if (told := answer.object().get("issuer")) != issuer:
        return fail(f"it calls itself {told}", f"set KC_HOSTNAME to {base}: persons are sent where it says")
    if urlsplit(base).scheme != "https" and urlsplit(base).hostname not in LOOPBACK:
        return fail(f"{base} is not https", "passwords would travel in the clear")
    return ok(f"{base}; `airegistry setup keycloak` makes the realm")


async def _told(deployment: Deployment) -> Finding:
    return skip(
        f"only AWS knows whether {deployment.outputs.text('alarm_topic_arn')} reaches anybody: confirm its mail"
    )


_LOGS = "see the log groups of the outputs, and the events of the ECS service"
CHECKS: list[Check[Deployment]] = [
    Check("aws.outputs", "what Terraform says of the deployment", _outputs, "run `terraform apply`"),
    Check("aws.address", "the address clients are told", _address, "see the output `url`"),
    Check("aws.dns", "whether its names lead anywhere", _dns, "see the zone in Route 53"),
    Check("aws.certificates", "certificates of its names, and when they end", _certificates, "see them in ACM"),
    Check("aws.answers", "whether the registry answers by its public address", _answers, _LOGS),
    Check("aws.keycloak", "whether Keycloak answers by the name it was given", _keycloak, _LOGS),
    Check("aws.alarms", "whether alarms reach somebody", _told, "see the topic in SNS"),
]
