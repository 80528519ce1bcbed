"""Whatever several people do in whatever order, what is of high risk is served in production only as a second person
approved it."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from airegistry.core.errors import AirError
from airegistry.core.grants import Grant
from airegistry.core.lifecycle import STAGES
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from tests.core.wiring import World, build
from tests.support.rounds import examples

T = TypeVar("T")
PEOPLE = st.sampled_from(["ann", "bob", "cid"])
RISKS = st.sampled_from(["low", "high"])
VERSIONS = st.sampled_from(["1.0.0", "1.0.0", "2.0.0"])
PRODUCTION = ("approved_dev", "approved_production", "monitored", "deprecated")
WANTED = st.one_of(st.sampled_from(STAGES), st.sampled_from(PRODUCTION))


@dataclass
class Known:
    """What the test knows of one version: who had a part in it, and what was approved by whom."""

    registrant: str
    submitter: str = ""
    authors: list[str] = field(default_factory=list)
    risky: bool = False
    approver: str = ""
    approved: str = ""
    apart: bool = False
    """Whether the approver had no part in what was approved."""


class Acts(RuleBasedStateMachine):
    """Three people with every right."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.known: dict[str, Known] = {}
        self.served = 0

    def teardown(self) -> None:
        self.runner.close()

    def run(self, act: Coroutine[object, object, T]) -> T:
        return self.runner.run(act)

    def asset(self, version: str) -> AnyAsset:
        found = self.run(self.world.shelf.get("server", "weather", version))
        assert found is not None
        return found[0]

    def who(self, name: str) -> Principal:
        return Principal(name, scopes=frozenset({"all"}))

    @initialize(by=PEOPLE, risk=RISKS)
    def begin(self, by: str, risk: str) -> None:
        self.world: World = self.run(build(scanners=[], environment="production"))
        self.run(self.world.holding(Grant(actions=["*"]), name="all"))
        self.run(self.world.put_server("weather", who=self.who(by), risk_level=risk, description="0"))
        self.known["1.0.0"] = Known(by, authors=[by], risky=risk != "low")

    @rule(by=PEOPLE, risk=RISKS)
    def register_a_version(self, by: str, risk: str) -> None:
        if "2.0.0" in self.known:
            return
        fields = {"version": "2.0.0", "url": "https://two.test/mcp", "risk_level": risk, "description": "two"}
        head = self.run(self.world.shelf.get("server", "weather"))
        assert head is not None
        self.run(self.world.put_server("weather", who=self.who(by), **fields))
        self.known["2.0.0"] = Known(by, authors=[by], risky=risk != "low" or self.known[head[0].version].risky)

    @rule(by=PEOPLE, version=VERSIONS, words=st.sampled_from(["a", "b", "c"]))
    def change(self, by: str, version: str, words: str) -> None:
        if version in self.known:
            before = self.asset(version).description
            change = self.world.services.catalog.update(
                self.who(by), "server", "weather", {"description": words}, version=version
            )
            self.run(change)
            if words != before:
                self.known[version].authors.append(by)

    @rule(by=PEOPLE, version=VERSIONS, risk=RISKS)
    def rate_the_risk(self, by: str, version: str, risk: str) -> None:
        if version in self.known:
            change = self.world.services.catalog.update(
                self.who(by), "server", "weather", {"risk_level": risk}, version=version
            )
            self.run(change)
            self.known[version].risky |= risk != "low"

    @rule(by=PEOPLE, version=VERSIONS)
    def make_default(self, by: str, version: str) -> None:
        if version in self.known:
            with suppress(AirError):
                self.run(self.world.services.versions.set_default(self.who(by), "server", "weather", version))

    @rule(by=PEOPLE, version=VERSIONS, stage=WANTED)
    def move(self, by: str, version: str, stage: str) -> None:
        self.step(by, version, stage)

    def step(self, by: str, version: str, stage: str) -> None:
        version = version if version in self.known else "1.0.0"
        known = self.known[version]
        try:
            step = self.world.services.stages.transition(
                self.who(by), "server", "weather", stage, "because", version=version
            )
            before = self.asset(version).stage
            asset = self.run(step)
        except AirError:
            return
        if stage == "submitted":
            known.submitter = by
        if stage == "approved_production" and before != "monitored":
            known.apart = by not in {known.registrant, known.submitter, *known.authors}
            assert known.apart or not known.risky
            known.approver, known.approved, known.authors = by, asset.description, known.authors[-1:]
            known.risky = asset.risk_level != "low"

    @rule(by=PEOPLE, version=VERSIONS)
    def head_for_production(self, by: str, version: str) -> None:
        for stage in ("submitted", "approved_dev", "approved_production"):
            self.step(by, version, stage)

    @invariant()
    def what_is_of_high_risk_is_served_as_a_second_person_approved_it(self) -> None:
        for version, known in self.known.items():
            asset = self.asset(version)
            if self.world.visibility.serves(asset):
                assert known.approver
                if asset.risk_level != "low" or known.risky:
                    assert known.apart
                    assert asset.description == known.approved


def test_no_sequence_of_acts_leads_to_production_without_the_approvals_it_takes() -> None:
    bounds = settings(
        max_examples=examples(200), stateful_step_count=30, deadline=None,
        suppress_health_check=list(HealthCheck), derandomize=True,
    )  # fmt: skip
    run_state_machine_as_test(Acts, settings=bounds)
