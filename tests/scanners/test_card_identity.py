"""Whether a card is from whom it says: names, providers and claims beside the hosts that it leads to."""

import pytest

from airegistry.scanners.makers import borrowed, disguised_host, imitated, is_of, mistyped, owner_of
from tests.scanners.test_cards import card, rules, verdict


def provided(organization: str, home: str) -> dict[str, str]:
    return {"organization": organization, "url": home}


@pytest.mark.parametrize(
    ("rule", "members"),
    [
        ("card-host.borrowed", {"url": "https://gitlab.com.tides-login.dev/a2a"}),
        ("card-host.borrowed", {"url": "https://paypal.com-refunds.dev/a2a"}),
        ("card-host.borrowed", {"url": "https://login.microsoftonline.com.tides.dev/a2a"}),
        ("card-host.lookalike", {"url": "https://gitIab.com/a2a"}),
        ("card-host.lookalike", {"url": "https://arnazon-orders.dev/a2a"}),
        ("card-host.lookalike", {"url": "https://xn--pypal-4ve.com/a2a"}),
        ("card-name.lookalike", {"name": "PayPaI invoices"}),
        ("card-name.lookalike", {"provider": provided("Saiesforce", "https://tides.dev")}),
        ("card-name.lookalike", {"name": "rnicrosoft tides"}),
        (
            "card-host.borrowed",
            {
                "securitySchemes": {
                    "o": {
                        "type": "oauth2",
                        "flows": {"a": {"authorizationUrl": "https://okta.com.tides.dev/authorize"}},
                    }
                }
            },
        ),
    ],
)
def test_what_reads_as_a_makers_and_is_not_blocks_by_itself(rule: str, members: dict[str, object]) -> None:
    assert rule in rules(card(**members))
    assert verdict(card(**members)) == "block"


@pytest.mark.parametrize(
    "members",
    [
        {"name": "Stripe Refunds", "provider": provided("Stripe", "https://stripe.com")},
        {"provider": provided("Notion Labs", "https://notion.so"), "url": "https://notion-login.dev/a2a"},
        {"description": "The official agent of GitHub.", "provider": provided("GitHub", "https://github.com")},
        {"provider": provided("Coinbase", "https://coinbase.top"), "url": "https://coinbase.top/a2a"},
    ],
)
def test_a_makers_name_and_one_more_sign_of_it_elsewhere_block(members: dict[str, object]) -> None:
    assert verdict(card(**members)) == "block"


def test_a_makers_name_alone_is_for_a_person_to_look_at() -> None:
    assert verdict(card(provider=provided("Stripe", "https://stripe.com"))) == "review"
    assert verdict(card(name="Salesfroce sync")) == "review"


@pytest.mark.parametrize(
    "members",
    [
        {"name": "Slack Digest", "description": "Sums up channels of Slack. Not affiliated with Slack."},
        {"description": "Reports from the official Google Ads API."},
        {
            "name": "Gemini Planner",
            "provider": provided("Google", "https://google.com"),
            "url": "https://a-b.a.run.app",
        },
        {"provider": provided("Microsoft", "https://microsoft.com"), "url": "https://one.azurewebsites.net/a2a"},
        {"provider": provided("Salesforce", "https://salesforce.com"), "url": "https://acme.my.salesforce.com/a2a"},
        {"provider": provided("Amazon", "https://amazon.com"), "url": "https://agents.amazon.com.au/a2a"},
        {"provider": provided("Atlassian", "https://atlassian.com"), "url": "https://acme.atlassian.net/a2a"},
        {"name": "Linear Algebra", "url": "https://linear-algebra.dev/a2a"},
        {"name": "Pineapple", "url": "https://pineapple.store/a2a"},
        {"description": "Finds lookalike domains such as paypa1-login.dev that impersonate a brand."},
        {"url": "https://grafana.dev.tides.dev/a2a"},
        {"url": "https://docker.example.com/a2a"},
    ],
)
def test_makers_at_home_partners_and_samples_pass(members: dict[str, object]) -> None:
    found = rules(card(**members))
    told = {"card-origin.elsewhere", "card-provider.disguised-word"}
    assert not {rule for rule in found if rule.startswith(("card-host", "card-name", "card-claim", "card-prov"))} - told


@pytest.mark.parametrize(("word", "maker"), [("PayPaI", "paypal"), ("arnazon", "amazon"), ("Trel1o", "trello")])
def test_words_that_look_like_a_makers_name_are_known(word: str, maker: str) -> None:
    assert imitated(word) == maker


@pytest.mark.parametrize("word", ["paypal", "PayPal", "modern", "linear", "slacks", "canvas", "motion", "stripes"])
def test_a_makers_own_name_and_other_words_imitate_nobody(word: str) -> None:
    assert imitated(word) is None
    assert mistyped(word) is None


@pytest.mark.parametrize(
    ("maker", "url", "own"),
    [
        ("google", "https://agents.googleapis.com/", True),
        ("google", "https://google.de/", True),
        ("google", "https://google-agents.dev/", False),
        ("google", "https://google.click/", False),
        ("servicenow", "https://acme.service-now.com/", True),
        ("google", "https://abc.xyz/", True),
    ],
)
def test_hosts_are_their_makers_own_or_not(maker: str, url: str, own: bool) -> None:
    assert is_of(maker, url) is own


def test_hosts_that_cannot_be_read_are_nobodys() -> None:
    assert owner_of("https://[broken/") == ""
    assert borrowed("https://[broken/") is None
    assert disguised_host("https://xn--\x80.dev/") is None
