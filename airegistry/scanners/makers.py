"""Which hosts belong to well-known makers, and which only read as if they did."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from airegistry.core.confusables import FOLD, unmarked
from airegistry.scanners.well_known import ORDINARY, WELL_KNOWN

_SHORTEST = 5
_LONG = 7
"""Letters of a name in which one edit is overlooked, and is hardly another maker's name."""
_TWO_LEVEL = frozenset("co com org net ac gov edu or ne".split())
_ENDINGS = frozenset(("com", "net", "org"))
"""Not `dev` or `app`: in front of a company's own domain these name a stage."""
_CHEAP = frozenset(
    "xyz top click pw live icu tk ml ga cf gq cc ws buzz rest cam monster quest cyou sbs cfd zip mov lol vip work loan "
    "online site website space fun shop store info link support help".split()
)
"""Endings that cost next to nothing, and under which makers of software have no home."""
_SEEN_AS = str.maketrans("i1|!0534@", "lllloseaa")

_FURTHER = """
google: goog googleapis gstatic withgoogle youtube gmail firebaseio chrome android deepmind abc.xyz kaggle
microsoft: azure office office365 live bing msn microsoftonline sharepoint outlook linkedin github visualstudio windows
  skype powerbi dynamics onmicrosoft cloud.microsoft
amazon aws: amazonaws aws awsapps amazon audible twitch a2z
facebook instagram whatsapp: meta fb facebook instagram whatsapp llama
openai chatgpt: openai chatgpt oaistatic
anthropic claude: anthropic claude
salesforce slack heroku: salesforce force slack heroku tableau mulesoft
atlassian jira confluence trello bitbucket: atlassian jira bitbucket trello statuspage
github: github githubusercontent githubcopilot ghcr microsoft
stripe: stripe link
shopify: shopify myshopify
servicenow: servicenow service-now
snowflake: snowflake snowflakecomputing
databricks: databricks azuredatabricks
hubspot: hubspot hubapi
zoom: zoom zoomgov
mongodb: mongodb
elasticsearch kibana logstash: elastic
terraform vault hashicorp: hashicorp terraform ibm
apple icloud: apple icloud me
paypal braintree: paypal paypalobjects braintreegateway braintree
twitter: twitter x
intercom: intercom intercomcdn
postgres postgresql: postgresql
wikipedia wikimedia: wikipedia wikimedia
oracle: oracle oraclecloud
grafana prometheus: grafana prometheus
quickbooks mailchimp: intuit quickbooks mailchimp
discord: discord discordapp
notion: notion
okta auth0: okta auth0 oktapreview
adobe magento: adobe
"""
"""Labels of registered domains that makers have besides their own name; further lines are indented."""

_PLATFORMS = """
google: run.app appspot.com cloudfunctions.net web.app firebaseapp.com github.io
microsoft: azurewebsites.net azurecontainerapps.io windows.net azure-api.net azurefd.net github.io
amazon aws: amazonaws.com awsapprunner.com on.aws github.io
github: github.io github.dev
vercel: vercel.app
netlify: netlify.app
cloudflare: workers.dev pages.dev
heroku: herokuapp.com
huggingface: hf.space
"""
"""Where makers serve samples, and anybody else may too: it speaks neither for them nor against."""


@lru_cache(maxsize=1)
def _further() -> dict[str, frozenset[str]]:
    return _table(_FURTHER)


@lru_cache(maxsize=1)
def _platforms() -> dict[str, frozenset[str]]:
    return _table(_PLATFORMS)


def _table(lines: str) -> dict[str, frozenset[str]]:
    """The words after the colon, for each word before it."""
    found: dict[str, frozenset[str]] = {}
    for line in lines.replace("\n  ", " ").strip().splitlines():
        names, _, values = line.partition(":")
        for name in names.split():
            found[name] = found.get(name, frozenset()) | frozenset(values.split())
    return found


@lru_cache(maxsize=1)
def _looks() -> dict[str, str]:
    names = (name for name in WELL_KNOWN if len(name) >= _SHORTEST)
    return {look_of(name): name for name in names}


@lru_cache(maxsize=1)
def _known_labels() -> frozenset[str]:
    return WELL_KNOWN.union(*_further().values()) - ORDINARY


def host_of(url: str) -> str:
    """The host of a URL in lower case; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def owner_of(url: str) -> str:
    """The last two labels of a host, three under a registry's second level: who answers for it."""
    labels = host_of(url).split(".")
    return ".".join(labels[-3:] if len(labels) > 2 and labels[-2] in _TWO_LEVEL else labels[-2:])


def look_of(word: str) -> str:
    """What a word looks like: letters that pass for one another are the same one."""
    folded = unmarked(_bare(word)).translate(FOLD).lower().translate(_SEEN_AS)
    return folded.replace("rn", "m").replace("vv", "w")


def _bare(word: str) -> str:
    """Letters without their accents."""
    if word.isascii():
        return word
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


def imitated(word: str) -> str | None:
    """The well-known name that a word reads as and is not; None for most words."""
    lowered = word.lower()
    if len(word) < _SHORTEST or lowered in WELL_KNOWN or lowered in ORDINARY:
        return None
    name = _looks().get(look_of(word))
    return None if name is None or lowered == f"{name}s" else name


def mistyped(word: str) -> str | None:
    """The well-known name of at least seven letters that a word is one slip away from."""
    lowered = word.lower()
    if len(word) < _LONG - 1 or lowered in _known_labels() or lowered in ORDINARY:
        return None
    # Imported when first asked: a registry at rest has no use for it.
    from rapidfuzz.distance import OSA

    near = (name for name in _long_names() if OSA.distance(lowered, name, score_cutoff=1) == 1)
    return next((name for name in near if not (lowered.startswith(name) or name.startswith(lowered))), None)


@lru_cache(maxsize=1)
def _long_names() -> tuple[str, ...]:
    return tuple(sorted(name for name in WELL_KNOWN if len(name) >= _LONG and name.isalpha()))


def is_of(maker: str, url: str) -> bool:
    """Whether a URL's host is the maker's own."""
    owner = owner_of(url)
    label, _, ending = owner.partition(".")
    further = _further().get(maker, frozenset())
    if owner in further:
        return True
    return ending not in _CHEAP and (label.replace("-", "") == maker or label in further)


def may_be_of(maker: str, url: str) -> bool:
    """Whether a URL's host is at a platform where the maker serves things, as others do."""
    host = host_of(url)
    return any(host.endswith("." + each) for each in _platforms().get(maker, frozenset()))


def borrowed(url: str) -> str | None:
    """The maker whose domain stands in front of somebody else's, as in `maker.com.login.example`; or None."""
    labels, owner = host_of(url).split("."), owner_of(url)
    if owner.partition(".")[0] in _known_labels():
        return None
    for place, label in enumerate(labels[:-2]):
        ending = labels[place + 1].partition("-")[0]  # `com`, or the start of `com-login`
        if ending in _ENDINGS and len(label) > 3 and label in _known_labels():
            return label
    return None


def disguised_host(url: str) -> str | None:
    """The maker that a host's registered name reads as and is not."""
    label = owner_of(url).partition(".")[0]
    words = (label, *label.split("-")) if "-" in label else (label,)
    return next((name for word in words if (name := imitated(shown(word)))), None)


def shown(label: str) -> str:
    """A label of a host as browsers show it: Punycode as the letters that it stands for."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return label


def combined(maker: str, url: str) -> bool:
    """Whether the registered name is the maker's with other words beside it, or under an ending that costs nothing."""
    label, _, ending = owner_of(url).partition(".")
    return (label == maker and ending in _CHEAP) or ("-" in label and maker in label.split("-") and label != maker)


def makers_in(text: str) -> Iterator[str]:
    """Well-known names among the words of a text."""
    for word in text.lower().replace("'s", " ").replace("\u2019s", " ").split():
        bare = word.strip(".,;:!?()[]\"'*`")
        if len(bare) > 3 and bare in WELL_KNOWN and bare not in ORDINARY:
            yield bare
