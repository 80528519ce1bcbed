"""What is known of the hosts that a skill's commands speak to."""

import ipaddress
import re
from typing import Literal
from urllib.parse import urlsplit

Standing = Literal["placeholder", "local", "known", "unknown", "suspect"]

_URL = re.compile(r"\b(?:https?|ftp|wss?)://[^\s\"'`<>)\]}|\\]{1,400}", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"[$<{\[%]|(?:^|\.)your[-_]?(?:company|domain|org|organi[sz]ation|server|host|app|name|site|api|url|instance|"
    r"project|team|bucket|account|tenant|workspace|cluster|registry|proxy|service)?(?=\.|$)|"
    r"example\.(?:com|org|net)$|\.\.\.",
    re.IGNORECASE,
)
_LABELS = re.compile(
    r"(?:^|[.-])(?:evil|attacker|malicious|malware|c2|exfil\w{0,8}|stealer|hacker|payload)s?(?:[.-]|$)"
)
_KNOWN = (
    "astral.sh bun.sh bun.com deno.land deno.com rustup.rs sh.rustup.rs get.docker.com brew.sh nodesource.com "
    "get.pnpm.io python-poetry.org ollama.com ollama.ai foundry.paradigm.xyz fly.io cli.github.com google.com "
    "googleapis.com tailscale.com get.helm.sh k3s.io nixos.org determinate.systems starship.rs mise.run mise.jdx.dev "
    "pypa.io claude.ai anthropic.com openai.com cursor.com opencode.ai railway.app railway.com"
    " vercel.com supabase.com "
    "doppler.com microsoft.com aka.ms llvm.org chezmoi.io fnm.vercel.app chocolatey.org get.scoop.sh volta.sh "
    "getcomposer.org amazonaws.com "
    "aws.amazon.com azure.com pulumi.com hashicorp.com terraform.io elastic.co grafana.com datadoghq.com semgrep.dev "
    "sentry.io stripe.com heroku.com netlify.com cloudflare.com kubernetes.io k8s.io linkerd.io istio.io gitlab.com "
    "git-scm.com python.org nodejs.org npmjs.com npmjs.org pypi.org rubygems.org get-ghcup.haskell.org sdkman.io "
    "snapcraft.io debian.org ubuntu.com pixi.sh conda.io anaconda.com get.sdkman.io tavily.com modal.com"
    " huggingface.co "
    "github.com githubusercontent.com solana.com anza.xyz sui.io starkup.dev swmansion.com apollo.dev firebase.tools "
    "apple.com jetbrains.com wasmtime.dev wasmer.io zed.dev warp.dev atuin.sh ohmyz.sh just.systems "
    "trunk.io coderabbit.ai snyk.io".split()
)
"""Publishers of tools whose installers people are told to run; an account of a forge is judged by its owner below."""

_FORGES = frozenset(("github.com", "githubusercontent.com", "gitlab.com", "huggingface.co"))
_TENANTS = re.compile(
    r"(?:^|\.)(?:s3[\w.-]{0,40}\.amazonaws\.com|storage\.googleapis\.com|(?:up\.)?railway\.app|modal\.(?:run|com)|"
    r"(?:execute-api|compute|elb)[\w.-]{0,40}\.amazonaws\.com)$"
)
"""Names that a publisher of tools lends to anybody."""
_TRUSTED_OWNERS = frozenset(
    (
        "homebrew nvm-sh pyenv rbenv ohmyzsh helm astral-sh denoland oven-sh rust-lang docker kubernetes"
        " hashicorp aws "
        "google googlecloudplatform microsoft anthropics openai vercel supabase aquasecurity anchore trufflesecurity "
        "golangci junegunn tmux-plugins spaceship-prompt jandedobbeleer asdf-vm cli charmbracelet foundry-rs"
    ).split()
)
_SUSPECT = (
    "pastebin.com rentry.co rentry.org glot.io hastebin.com paste.ee paste.rs dpaste.org dpaste.com ghostbin.com "
    "termbin.com ix.io 0x0.st transfer.sh file.io anonfiles.com gofile.io catbox.moe temp.sh"
    " bashupload.com c-net.org "
    "webhook.site requestbin.com requestbin.net pipedream.net beeceptor.com hookbin.com"
    " requestcatcher.com interact.sh "
    "interactsh.com oast.fun oast.live oast.me oast.online oast.pro oast.site burpcollaborator.net dnslog.cn ceye.io "
    "canarytokens.com ngrok.io ngrok.app ngrok.dev ngrok-free.app ngrok-free.dev trycloudflare.com"
    " loca.lt serveo.net "
    "localhost.run pinggy.link bore.pub localtunnel.me nip.io sslip.io xip.io bit.ly tinyurl.com is.gd cutt.ly t.ly "
    "rb.gy shorturl.at onion".split()
)
"""Where anybody puts anything under no name: pastes, drop boxes, request catchers, tunnels, shorteners."""

_WRITTEN = tuple(ipaddress.ip_network(each) for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
"""Addresses for examples in texts (RFC 5737): they stand for somebody else's."""


def urls(text: str) -> list[str]:
    """The URLs in a text, without the punctuation that ends a sentence."""
    return [match[0].rstrip(".,;:!?*_") for match in _URL.finditer(text)]


def standing(url: str) -> Standing:
    """What a URL's host is known for. A public address in numbers has no name to be known by: it is suspect."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return "suspect"
    if not host or (_PLACEHOLDER.search(host) and not _LABELS.search(host)):
        return "placeholder"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _standing_of_name(host, url)
    written = any(address in network for network in _WRITTEN)
    return "suspect" if address.is_global or written else "local"


def _standing_of_name(host: str, url: str) -> Standing:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan", ".test")) or "." not in host:
        return "local"
    rest = url.partition("://")[2]
    if _LABELS.search(host) or _among(host, _SUSPECT):
        return "suspect"
    if _among(host, _FORGES):
        owner = rest.partition("/")[2].partition("/")[0].lower()
        return "known" if owner in _TRUSTED_OWNERS or host == "cli.github.com" else "unknown"
    if _among(host, _KNOWN) and not _TENANTS.search(host):
        return "known"
    return "placeholder" if host.endswith((".example", ".invalid")) else "unknown"


def _among(host: str, names: frozenset[str] | list[str]) -> bool:
    return any(host == name or host.endswith("." + name) for name in names)


def worst(text: str) -> Standing | None:
    """The worst standing of the URLs in a text; None when it names none. Without TLS an unknown host is suspect."""
    order: tuple[Standing, ...] = ("placeholder", "local", "known", "unknown", "suspect")
    found = [
        "suspect" if (kind := standing(url)) == "unknown" and url[:5].lower() == "http:" else kind for url in urls(text)
    ]
    return max(found, key=order.index, default=None)
