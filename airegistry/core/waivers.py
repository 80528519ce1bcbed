"""Findings that a person has looked at and lets pass for a while, with the reason; they come back when that ends."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import Field

from airegistry.core.access import Access
from airegistry.core.assets import Kind, Model
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Invalid, NotFound
from airegistry.core.events import Event
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shelf import Shelf, ref

LONGEST = timedelta(days=366)
"""What a waiver may last at most: who let it pass has to look again."""


class Waiver(Model):
    """One finding of one asset that counts for nothing until a time, who said so and why."""

    kind: Kind
    path: str
    fingerprint: str
    rule: str
    message: str
    reason: str = Field(min_length=1, max_length=1000)
    by: str
    since: datetime
    until: datetime

    @property
    def asset(self) -> str:
        """What it is of, as `kind/path`."""
        return f"{self.kind}/{self.path}"


class Waivers:
    """Keeps waivers, and answers from memory which findings are waived now.

    What follows for the asset is up to whoever calls: see `Rescans`.
    """

    def __init__(self, store: DocumentStore, access: Access, audit: Audit, clock: Clock) -> None:
        self._repository = Repository(store, "waivers", Waiver)
        self._access = access
        self._audit = audit
        self._clock = clock
        self._held: dict[str, dict[str, Waiver]] = {}

    async def reload(self, shelf: Shelf) -> None:
        """Put in force what is stored, without what belongs to assets that are gone."""
        held: dict[str, dict[str, Waiver]] = {}
        for key, waiver in [found async for found in self._repository.find()]:
            found = await shelf.get(waiver.kind, waiver.path)
            if found is None or ref(found[0]) != waiver.asset:
                await self._repository.delete(key)
            else:
                held.setdefault(waiver.asset, {})[waiver.fingerprint] = waiver
        self._held = held

    async def follow(self, keys: Iterable[str]) -> None:
        """Take over what another process wrote of some waivers, by their documents' keys."""
        for key in keys:
            asset, _, fingerprint = key.rpartition("#")
            while True:
                before = self._held.get(asset, {}).get(fingerprint)
                found = await self._repository.find_one(key)
                if self._held.get(asset, {}).get(fingerprint) is before:
                    break
            if found is None:
                self._held.get(asset, {}).pop(fingerprint, None)
            else:
                self._held.setdefault(asset, {})[fingerprint] = found[0]

    async def on_event(self, event: Event) -> None:
        """Forget the waivers of an asset that is gone: the next one of its name is another."""
        if event.deletes and not event.elsewhere:
            for fingerprint in [*self._held.get(ref(event.asset), ())]:
                await self._repository.delete(_key(ref(event.asset), fingerprint))
            self._held.pop(ref(event.asset), None)

    def waived(self, asset: AnyAsset) -> frozenset[str]:
        """Fingerprints of the findings of an asset that are waived now."""
        return frozenset(self.of(asset))

    def of(self, asset: AnyAsset) -> dict[str, Waiver]:
        """The waivers of an asset that are in force, by fingerprint."""
        now = self._clock.now()
        return {name: each for name, each in self._held.get(ref(asset), {}).items() if each.until > now}

    def all(self) -> Sequence[Waiver]:
        """All waivers that are in force, in order of asset."""
        now = self._clock.now()
        return [each for _, held in sorted(self._held.items()) for each in held.values() if each.until > now]

    async def put(
        self, who: Principal, asset: AnyAsset, findings: Sequence[Finding], fingerprint: str, reason: str,
        until: datetime,
    ) -> Waiver:  # fmt: skip
        """Waive one of the findings of an asset; again to change reason or end.

        Raises:
            AccessDenied: the caller may not approve the asset.
            NotFound: there is no such finding.
            Invalid: there is no reason, or the end is past, without an offset, or too far away.
        """
        async with self._audit.attempt(who, "finding:waive", ref(asset)) as attempt:
            attempt.reason = self._access.require(who, "approve", asset).reason
            finding = next((each for each in findings if each.fingerprint == fingerprint), None)
            if finding is None:
                raise NotFound(f"no finding {fingerprint[:80]!r} in the last scan of {ref(asset)}")
            now = self._clock.now()
            if not reason.strip():
                raise Invalid("say why: others will read it", field="reason")
            if until.tzinfo is None or not now < until <= now + LONGEST:
                raise Invalid(f"a waiver ends within {LONGEST.days} days; give a time with its offset", field="until")
            waiver = Waiver(
                kind=asset.kind, path=asset.path, fingerprint=finding.fingerprint, rule=finding.rule,
                message=finding.message, reason=reason.strip()[:1000], by=who.subject, since=now, until=until,
            )  # fmt: skip
            await self._repository.save(_key(waiver.asset, waiver.fingerprint), waiver)
            self._held.setdefault(waiver.asset, {})[waiver.fingerprint] = waiver
            attempt.reason += f"; {finding.rule} {finding.fingerprint} until {until.isoformat()}: {waiver.reason}"
        return waiver

    async def remove(self, who: Principal, asset: AnyAsset, fingerprint: str) -> Waiver:
        """Have a finding count again.

        Raises:
            AccessDenied: the caller may not approve the asset.
            NotFound: it is not waived.
        """
        async with self._audit.attempt(who, "finding:unwaive", ref(asset)) as attempt:
            attempt.reason = self._access.require(who, "approve", asset).reason
            found = self._held.get(ref(asset), {}).get(fingerprint)
            if found is None:
                raise NotFound(f"no waiver of {fingerprint!r} on {ref(asset)}")
            await self._forget(found)
            attempt.reason += f"; {found.rule} {fingerprint}"
        return found

    def ended(self) -> Sequence[Waiver]:
        """Waivers whose time is over, and that `end` was not told of."""
        now = self._clock.now()
        return [each for waivers in self._held.values() for each in waivers.values() if each.until <= now]

    async def end(self, waiver: Waiver) -> None:
        """Forget a waiver whose time is over, and record that it is; call it once the asset is judged again."""
        await self._forget(waiver)
        self._audit.note(self._audit.event(
            SYSTEM, "finding:waiver:end", waiver.asset, None, decision="allow", outcome="ok",
            reason=f"{waiver.rule} {waiver.fingerprint}, waived by {waiver.by}",
        ))  # fmt: skip

    async def _forget(self, waiver: Waiver) -> None:
        await self._repository.delete(_key(waiver.asset, waiver.fingerprint))
        self._held.get(waiver.asset, {}).pop(waiver.fingerprint, None)


def _key(asset: str, fingerprint: str) -> str:
    return f"{asset}#{fingerprint}"
