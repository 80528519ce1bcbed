"""Where AWS credentials are looked for: environment, shared files, and roles that are assumed with what is found there.

botocore looks in more places by itself: services at link-local addresses that hand out the credentials of the machine,
single sign-on, programs of the profile's choice. It would connect to the former with a client of its own.
"""

from collections.abc import Callable
from typing import Protocol

from botocore.credentials import (  # type: ignore[import-untyped]  # botocore has no types
    AssumeRoleProvider,
    AssumeRoleWithWebIdentityProvider,
    CanonicalNameCredentialSourcer,
    ConfigProvider,
    ContainerProvider,
    CredentialResolver,
    EnvProvider,
    InstanceMetadataFetcher,
    InstanceMetadataProvider,
    SharedCredentialProvider,
)
from botocore.exceptions import PartialCredentialsError  # type: ignore[import-untyped]

_MACHINE_SECONDS = 2
_MACHINE_TRIES = 2


class Session(Protocol):
    """What is used of botocore's session."""

    full_config: dict[str, object]

    def get_config_variable(self, logical_name: str) -> str | None: ...
    def create_client(self, service_name: str, **options: object) -> object: ...
    def register_component(self, name: str, component: object) -> None: ...


def restrict(session: Session, region: str | None, *, machine: bool) -> None:
    """Let a session find credentials in the places above alone, and with `machine` at link-local addresses too.

    Roles of profiles are assumed at the STS of `region`, by clients of the session.
    """
    profile = session.get_config_variable("profile") or "default"
    sources = [EnvProvider()]
    if machine:
        fetcher = InstanceMetadataFetcher(timeout=_MACHINE_SECONDS, num_attempts=_MACHINE_TRIES)
        sources += [ContainerProvider(), InstanceMetadataProvider(iam_role_fetcher=fetcher)]
    profiles = _Profiles(session, region)
    assumed = AssumeRoleProvider(
        load_config=lambda: session.full_config,
        client_creator=profiles.client,
        cache={},
        profile_name=profile,
        prompter=_nobody,
        credential_sourcer=CanonicalNameCredentialSourcer(sources),
        profile_provider_builder=profiles,
    )
    chain = [sources[0], assumed, *profiles.providers(profile), *sources[1:]]
    session.register_component("credential_provider", CredentialResolver(providers=chain))


def _nobody(prompt: str) -> str:
    """Nobody is there to type a code of a second factor, for which botocore would wait on the terminal.

    Raises:
        PartialCredentialsError: always.
    """
    raise PartialCredentialsError(provider="assume-role", cred_var="mfa_serial")


class _Profiles:
    """The providers of one profile, in the form that botocore wants for the profiles that a role starts from."""

    def __init__(self, session: Session, region: str | None) -> None:
        self._session = session
        self._region = region

    def client(self, service: str, **options: object) -> object:
        return self._session.create_client(service, **{"region_name": self._region, **options})

    def providers(self, profile_name: str, disable_env_vars: bool = False) -> list[object]:
        config: Callable[[], dict[str, object]] = lambda: self._session.full_config  # noqa: E731  # what both take
        web = AssumeRoleWithWebIdentityProvider(
            load_config=config,
            client_creator=self.client,
            profile_name=profile_name,
            cache={},
            disable_env_vars=disable_env_vars,
        )
        shared = self._session.get_config_variable("credentials_file")
        own = self._session.get_config_variable("config_file")
        return [
            web,
            SharedCredentialProvider(creds_filename=shared, profile_name=profile_name),
            ConfigProvider(config_filename=own, profile_name=profile_name),
        ]
